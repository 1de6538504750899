"""OpenAI's APIs by its SDK 3.x: asynchronously, on Azure, and beneath LiteLLM and pydantic-ai."""

import asyncio
import os

import openai
import openai_chat
import openai_python2
from record import KEY

# Else it would fetch its list of prices.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

HOST = "api.openai.com"
HOSTS = {name: openai_python2.AZURE for name in ("azure", "azure_responses")}
MODEL = "gpt-4o-mini"
MESSAGES = openai_chat.MESSAGES
TOOL = openai_chat.TOOL

answer = openai_python2.answer


async def chat(url):
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as client:
        await client.chat.completions.create(model=MODEL, messages=MESSAGES, reasoning_effort="low")


async def azure(url):
    version = "2025-04-01-preview"
    async with openai.AsyncAzureOpenAI(azure_endpoint=url, api_version=version, api_key=KEY, max_retries=0) as client:
        asked = {"model": "my-deployment", "messages": MESSAGES, "tools": [TOOL], "stream": True}
        async for _ in await client.chat.completions.create(**asked, stream_options={"include_usage": True}):
            pass


def azure_responses(url):
    client = openai.OpenAI(base_url=f"{url}/openai/v1/", api_key=KEY, max_retries=0)
    client.responses.create(model="my-deployment", input="prompt-canary")


def litellm(url, **more):
    """What LiteLLM is asked; it is slow to import, and the stand-in need not."""
    return {"model": f"openai/{MODEL}", "messages": MESSAGES, "api_base": f"{url}/v1", "api_key": KEY, "max_retries": 0, **more}


def litellm_whole(url):
    from litellm import completion

    completion(**litellm(url, temperature=0.2, max_tokens=99))


def litellm_stream(url):
    from litellm import completion

    list(completion(**litellm(url, stream=True, stream_options={"include_usage": True})))


async def litellm_async(url):
    from litellm import acompletion

    await acompletion(**litellm(url, tools=[TOOL]))


async def pydantic_agent(url):
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as client:
        agent = Agent(OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=client)), instructions="prompt-canary")

        @agent.tool_plain
        def get_weather(city: str) -> str:
            """The weather."""
            return "It is sunny. answer-canary"

        await agent.run("What is the weather in Lisbon? prompt-canary")


CALLS = {
    "chat": lambda url: asyncio.run(chat(url)),
    "azure": lambda url: asyncio.run(azure(url)),
    "azure_responses": azure_responses,
    "litellm": litellm_whole,
    "litellm_stream": litellm_stream,
    "litellm_async": lambda url: asyncio.run(litellm_async(url)),
    "pydantic_agent": lambda url: asyncio.run(pydantic_agent(url)),
}
