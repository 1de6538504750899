"""openai-agents: a first agent that hands over to a second one, or has it called as a tool, which has a tool of its own."""

import asyncio

import common
import openai
from agents import Agent, RunHooks, Runner, function_tool, set_default_openai_api, set_default_openai_client, set_tracing_disabled


class Told(RunHooks):
    """The framework's own account."""

    async def on_llm_end(self, context, agent, response):
        common.chat(agent.name)

    async def on_tool_start(self, context, agent, tool):
        common.tool(agent.name, tool.name, context.tool_call_id)
        if tool.name == "ask_meteorologist":
            common.agent("meteorologist", agent.name, context.tool_call_id)

    async def on_handoff(self, context, from_agent, to_agent):
        common.agent(to_agent.name, from_agent.name, None)


async def main():
    chosen = common.options()
    set_tracing_disabled(True)
    set_default_openai_api(chosen.api)
    client = openai.AsyncOpenAI(base_url=chosen.base_url, api_key=common.KEY, max_retries=0)
    set_default_openai_client(client, use_for_tracing=False)
    second = Agent(
        name="meteorologist",
        instructions="You know the weather.",
        model=chosen.model,
        tools=[function_tool(common.get_weather)],
    )
    if chosen.as_tool:
        tool = second.as_tool(tool_name="ask_meteorologist", tool_description="Knows the weather.", hooks=Told())
        others = {"tools": [tool]}
    else:
        others = {"handoffs": [second]}
    first = Agent(name="concierge", instructions="You know who knows.", model=chosen.model, **others)
    await Runner.run(first, common.QUESTION, hooks=Told())


asyncio.run(main())
