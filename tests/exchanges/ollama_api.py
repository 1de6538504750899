"""Ollama's own API by its own SDK."""

import json

import ollama
from record import Answer

HOST = "localhost:11434"
MODEL = "llama3.2"
MESSAGES = [{"role": "user", "content": "What is the weather in Lisbon? prompt-canary"}]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
COMMON = {"model": "llama3.2:3b", "created_at": "2026-11-30T04:00:00.123456Z"}
DURATIONS = {"total_duration": 5_191_566_416, "load_duration": 2_154_458, "prompt_eval_duration": 383_809_000}
COUNTS = {**DURATIONS, "prompt_eval_count": 26, "eval_count": 98, "eval_duration": 4_799_921_000}


def message(content, **more):
    return {**COMMON, "message": {"role": "assistant", "content": content, **more}}


def lines(*documents):
    return [json.dumps(document).encode() + b"\n" for document in documents]


def chat(asked):
    if not asked.get("stream"):
        return Answer({**message("It is sunny. answer-canary"), "done": True, "done_reason": "stop", **COUNTS})
    calls = [{"function": {"name": "get_weather", "arguments": {"city": city}}} for city in ("Lisbon", "Porto")]
    first = {**message("Let me look. answer-canary"), "done": False}
    last = {**message(""), "done": True, "done_reason": "stop", **COUNTS}
    if asked["model"] == "broken":
        pieces = lines(first, {"error": "an error was encountered while running the model: answer-canary"})
    else:
        pieces = lines(first, {**message("", tool_calls=calls), "done": False}, last)
    # Behind some gateways the label is lost.
    kind = "application/json" if asked["model"] == "behind-gateway" else "application/x-ndjson"
    return Answer(pieces, content_type=kind)


def answer(request):
    asked = request.json()
    if asked["model"] == "missing":
        return Answer({"error": "model 'missing' not found, try pulling it first: prompt-canary"}, status=404)
    if request.path == "/api/chat":
        return chat(asked)
    if request.path == "/api/generate":
        done = {"done": True, "done_reason": "length", "context": [1, 2, 3], **COUNTS}
        if not asked.get("stream"):
            return Answer({**COMMON, "response": "answer-canary", **done})
        parts = [{**COMMON, "response": word, "done": False} for word in ("answer-", "canary")]
        return Answer(lines(*parts, {**COMMON, "response": "", **done}), content_type="application/x-ndjson")
    if request.path == "/api/embed":
        vectors = [[0.25, -0.5, 0.125] for _ in asked["input"]]
        return Answer({"model": MODEL, "embeddings": vectors, "total_duration": 14_143_917, "prompt_eval_count": 8})
    return Answer({"embedding": [0.25, -0.5, 0.125]})


def client(url):
    return ollama.Client(host=url)


def missing(url):
    try:
        client(url).chat(model="missing", messages=MESSAGES)
    except ollama.ResponseError:
        return


def broken(url):
    try:
        list(client(url).chat(model="broken", messages=MESSAGES, stream=True))
    except ollama.ResponseError:
        return


OPTIONS = {"temperature": 0.2, "top_k": 40, "top_p": 0.9, "num_predict": 128, "seed": 7, "stop": ["END"]}

CALLS = {
    "chat": lambda url: client(url).chat(model=MODEL, messages=MESSAGES, options=OPTIONS, format="json"),
    "image": lambda url: client(url).chat(model=MODEL, messages=[{**MESSAGES[0], "images": [PIXEL]}]),
    "stream": lambda url: list(client(url).chat(model=MODEL, messages=MESSAGES, tools=[TOOL], stream=True)),
    "unlabelled": lambda url: list(client(url).chat(model="behind-gateway", messages=MESSAGES, stream=True)),
    "generate": lambda url: client(url).generate(model=MODEL, prompt="prompt-canary"),
    "generate_stream": lambda url: list(client(url).generate(model=MODEL, prompt="prompt-canary", stream=True)),
    "embed": lambda url: client(url).embed(model=MODEL, input=["prompt-canary", "prompt-canary too"]),
    "embeddings": lambda url: client(url).embeddings(model=MODEL, prompt="prompt-canary"),
    "missing": missing,
    "broken": broken,
}
