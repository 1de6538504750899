"""What the family `openai_python2` calls: openai_python2_sdks.py NAME URL."""

import asyncio
import os
import sys
from urllib.parse import urlsplit

import openai
import vendors

KEY = "sk-recorded-key-canary"
MODEL = "gpt-4o-mini"
PROMPT = "What is the weather in Lisbon? prompt-canary"
MESSAGES = [{"role": "system", "content": "prompt-canary: be kind"}, {"role": "user", "content": PROMPT}]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
ASKED = {"model": MODEL, "messages": MESSAGES}
STREAMED = {**ASKED, "stream": True, "stream_options": {"include_usage": True}}
PARAMETERS = {
    "temperature": 0.2,
    "top_p": 0.9,
    "max_tokens": 99,
    "seed": 7,
    "stop": ["END"],
    "frequency_penalty": 0.1,
    "presence_penalty": 0.3,
    "user": "user-7",
}


def client(url):
    return openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0)


def chat(url, **more):
    return client(url).chat.completions.create(**ASKED, **more)


def limited(url):
    try:
        client(url).chat.completions.create(model="limited", messages=MESSAGES)
    except openai.RateLimitError:
        return


async def chat_async(url):
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as client:
        await client.chat.completions.create(**ASKED)


async def stream_async(url):
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as client:
        async for _ in await client.chat.completions.create(**STREAMED, tools=[TOOL]):
            pass


def response(url, **more):
    asked = {"model": "gpt-5-mini", "input": PROMPT, "instructions": "prompt-canary: be kind", "max_output_tokens": 99}
    return client(url).responses.create(**asked, **more)


def azure(url):
    version = "2024-10-21"
    client = openai.AzureOpenAI(azure_endpoint=url, api_version=version, api_key=KEY, max_retries=0)
    client.chat.completions.create(model="my-deployment", messages=MESSAGES)


def langchain(url, **more):
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(model=MODEL, base_url=f"{url}/v1", api_key=KEY, max_retries=0, **more)


def langchain_tool(url):
    from langchain_core.tools import tool

    @tool
    def get_weather(city: str) -> str:
        """The weather."""
        return "It is sunny."

    answer = langchain(url).bind_tools([get_weather]).invoke(PROMPT)
    assert [call["name"] for call in answer.tool_calls] == ["get_weather"]


def haystack(url):
    # It would tell its makers who uses it.
    os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
    from haystack.components.generators.chat import OpenAIChatGenerator
    from haystack.dataclasses import ChatMessage
    from haystack.utils import Secret

    generator = OpenAIChatGenerator(Secret.from_token(KEY), MODEL, api_base_url=f"{url}/v1", max_retries=0)
    generator.run([ChatMessage.from_user(PROMPT)])


CALLS = {
    "chat": lambda url: chat(url, **PARAMETERS),
    "chat_async": lambda url: asyncio.run(chat_async(url)),
    "stream": lambda url: list(client(url).chat.completions.create(**STREAMED)),
    "stream_async": lambda url: asyncio.run(stream_async(url)),
    "tools": lambda url: chat(url, tools=[TOOL]),
    "limited": limited,
    "response": response,
    "response_stream": lambda url: list(response(url, stream=True)),
    "embeddings": lambda url: client(url).embeddings.create(
        model="text-embedding-3-small", input=["prompt-canary", "two"], dimensions=4
    ),
    "azure": azure,
    "langchain": lambda url: langchain(url, temperature=0.2).invoke(PROMPT),
    "langchain_stream": lambda url: list(langchain(url, stream_usage=True).stream(PROMPT)),
    "langchain_tool": langchain_tool,
    "haystack": haystack,
}

if __name__ == "__main__":
    for name, url in zip(sys.argv[1::2], sys.argv[2::2]):
        vendors.are_here(urlsplit(url).hostname)
        CALLS[name](url)
