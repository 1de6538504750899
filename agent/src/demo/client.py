"""A service that knows the weather: an ordinary program with vendors' SDKs, and no tracing in it.

It asks models and a vector store for all that it answers, and prints one line of JSON when it is ready ({"port": …}).
"""

import json
import os
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import anthropic
import openai

GUIDE = "Lisbon is a city of hills and trams."
ANSWERS = {"get_weather": {"celsius": 24}, "find_events": {"events": ["Fado in Alfama"]}}
parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
tools = [{"type": "function", "function": {"name": name, "parameters": parameters}} for name in ANSWERS]
gpt, claude = openai.OpenAI(), anthropic.Anthropic()


def send(method, url, document, fields={}):
    request = urllib.request.Request(url, json.dumps(document).encode(), method=method)
    for name, value in {"content-type": "application/json", **fields}.items():
        request.add_header(name, value)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def vector(text):
    return gpt.embeddings.create(model="text-embedding-3-small", input=text).data[0].embedding


def learn():
    """What it knows goes into a vector store."""
    point = {"id": 1, "vector": vector(GUIDE), "payload": {"text": GUIDE}}
    send("PUT", f"{os.environ['QDRANT_URL']}/collections/travel/points", {"points": [point]})


def answer(question):
    # What is known of it, from the vector store.
    send("POST", f"{os.environ['QDRANT_URL']}/collections/travel/points/query", {"query": vector(question), "limit": 3})
    # A model that has tools called, and then says what they found.
    messages = [{"role": "user", "content": question}]
    said = gpt.chat.completions.create(model="gpt-4o-mini", messages=messages, tools=tools, temperature=0.2)
    messages.append(said.choices[0].message)
    for call in said.choices[0].message.tool_calls:
        found = json.dumps(ANSWERS[call.function.name])
        messages.append({"role": "tool", "tool_call_id": call.id, "content": found})
    pieces = gpt.chat.completions.create(
        model="gpt-4o-mini", messages=messages, tools=tools, stream=True, stream_options={"include_usage": True}
    )
    text = "".join(choice.delta.content or "" for piece in pieces for choice in piece.choices)
    # Others' opinions; the first is overloaded at first, and its SDK tries again.
    with claude.messages.stream(
        model="claude-sonnet-4-5", max_tokens=500, messages=[{"role": "user", "content": question}]
    ) as stream:
        stream.until_done()
    send(
        "POST",
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent",
        {"contents": [{"parts": [{"text": question}]}]},
        {"x-goog-api-key": os.environ["GEMINI_API_KEY"]},
    )
    return text


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.document({"ready": True})

    def do_POST(self):
        question = self.rfile.read(int(self.headers["content-length"])).decode()
        self.document({"answer": answer(question)})

    def document(self, document):
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


learn()
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(json.dumps({"port": server.server_address[1]}), flush=True)
server.serve_forever()
