"""An assistant that knows the weather: an ordinary program with the openai SDK, and no tracing in it."""

from openai import OpenAI

client = OpenAI()
question = [{"role": "user", "content": "What is the weather in Lisbon?"}]
parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
weather = {"type": "function", "function": {"name": "get_weather", "parameters": parameters}}

client.chat.completions.create(model="gpt-4o-mini", messages=question, tools=[weather], temperature=0.2)
client.chat.completions.create(model="gpt-4o", messages=question, max_completion_tokens=2000)
for _ in client.chat.completions.create(
    model="gpt-4o", messages=question, stream=True, stream_options={"include_usage": True}
):
    pass
