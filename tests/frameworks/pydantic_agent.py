"""pydantic-ai, with two tools."""

import common
import openai
from pydantic_ai import Agent
from pydantic_ai.messages import ModelResponse, ToolReturnPart
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

AGENT = "weather_agent"

chosen = common.options()
client = openai.AsyncOpenAI(base_url=chosen.base_url, api_key=common.KEY, max_retries=0)
model = OpenAIChatModel(chosen.model, provider=OpenAIProvider(openai_client=client))
agent = Agent(model, name=AGENT, instructions="You know the weather.")
agent.tool_plain(common.get_weather)
agent.tool_plain(common.get_time)
for message in agent.run_sync(common.QUESTION).all_messages():
    if isinstance(message, ModelResponse):
        common.chat(AGENT)
    for part in message.parts:
        if isinstance(part, ToolReturnPart):
            common.tool(AGENT, part.tool_name, part.tool_call_id)
