"""An assistant that knows the weather: an ordinary program with vendors' SDKs, and no tracing in it."""

import json
import os
import urllib.request

import anthropic
import openai

QUESTION = "What is the weather in Lisbon?"
parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
weather = {"type": "function", "function": {"name": "get_weather", "parameters": parameters}}
gpt = openai.OpenAI()


def post(url, document, fields={}):
    fields = {"content-type": "application/json", **fields}
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(document).encode(), fields)) as answer:
        return json.load(answer)


# What is known of Lisbon, from a vector store.
vector = gpt.embeddings.create(model="text-embedding-3-small", input=QUESTION).data[0].embedding
post(f"{os.environ['QDRANT_URL']}/collections/travel/points/query", {"query": vector, "limit": 3})

# A model that has a tool called, and then says what that found.
messages = [{"role": "user", "content": QUESTION}]
answer = gpt.chat.completions.create(model="gpt-4o-mini", messages=messages, tools=[weather], temperature=0.2)
messages.append(answer.choices[0].message)
for call in answer.choices[0].message.tool_calls:
    messages.append({"role": "tool", "tool_call_id": call.id, "content": '{"celsius": 24}'})
for _ in gpt.chat.completions.create(
    model="gpt-4o-mini", messages=messages, tools=[weather], stream=True, stream_options={"include_usage": True}
):
    pass

# Others' opinions; the first is overloaded at first, and its SDK tries again.
with anthropic.Anthropic().messages.stream(
    model="claude-sonnet-4-5", max_tokens=500, messages=[{"role": "user", "content": QUESTION}]
) as stream:
    stream.until_done()
post(
    "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent",
    {"contents": [{"parts": [{"text": QUESTION}]}]},
    {"x-goog-api-key": os.environ["GEMINI_API_KEY"]},
)
