"""An agent as one writes it oneself, over the openai SDK: asks, runs the tools that are called, asks again."""

import json

import common
import openai

AGENT = "plain_loop"
TOOLS = {"get_weather": common.get_weather, "get_time": common.get_time}
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}

chosen = common.options()
client = openai.OpenAI(base_url=chosen.base_url, api_key=common.KEY, max_retries=0)
offered = [
    {"type": "function", "function": {"name": name, "description": run.__doc__, "parameters": PARAMETERS}}
    for name, run in TOOLS.items()
]
messages = [{"role": "user", "content": common.QUESTION}]
while True:
    answer = client.chat.completions.create(model=chosen.model, messages=messages, tools=offered)
    common.chat(AGENT)
    message = answer.choices[0].message
    messages.append(message)
    if not message.tool_calls:
        break
    for call in message.tool_calls:
        result = TOOLS[call.function.name](**json.loads(call.function.arguments))
        common.tool(AGENT, call.function.name, call.id)
        messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
