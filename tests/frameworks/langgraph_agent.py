"""LangGraph's prebuilt agent, with two tools."""

import warnings

import common
from langchain_core.messages import AIMessage, ToolMessage
from langchain_openai import ChatOpenAI
from langgraph.prebuilt import create_react_agent

# It is on its way to another package.
warnings.simplefilter("ignore")

AGENT = "weather_agent"

chosen = common.options()
model = ChatOpenAI(model=chosen.model, base_url=chosen.base_url, api_key=common.KEY, max_retries=0)
agent = create_react_agent(model, [common.get_weather, common.get_time], name=AGENT)
# What the graph's nodes did, as they did it.
for update in agent.stream({"messages": [{"role": "user", "content": common.QUESTION}]}, stream_mode="updates"):
    for message in [message for node in update.values() for message in node["messages"]]:
        if isinstance(message, AIMessage):
            common.chat(AGENT)
        elif isinstance(message, ToolMessage):
            common.tool(AGENT, message.name, message.tool_call_id)
