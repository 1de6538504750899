"""Cohere's chats, completions and embeddings by its own SDK, in both versions."""

import json

import cohere
from record import KEY, Answer, events

HOST = "api.cohere.com"
MODEL = "command-a-03-2025"
MESSAGES = [{"role": "user", "content": "What is the weather in Lisbon? prompt-canary"}]
PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
OLD_TOOL = {"name": "get_weather", "description": "The weather", "parameter_definitions": {}}
ID = "29f14a5a-11de-4cae-9800-25e4747408ea"
USAGE = {
    "billed_units": {"input_tokens": 17.0, "output_tokens": 12.0},
    "tokens": {"input_tokens": 215.0, "output_tokens": 42.0},
    "cached_tokens": 5.0,
}
META = {"api_version": {"version": "1"}, "billed_units": USAGE["billed_units"], "tokens": USAGE["tokens"]}


def call(number, city):
    function = {"name": "get_weather", "arguments": json.dumps({"city": city})}
    return {"id": f"get_weather_{number}", "type": "function", "function": function}


def chat(asked):
    content = [{"type": "text", "text": "It is sunny. answer-canary"}]
    message = {"role": "assistant", "content": content}
    if asked.get("tools"):
        plan = "I will look. answer-canary"
        message = {"role": "assistant", "tool_plan": plan, "tool_calls": [call(1, "Lisbon"), call(2, "Porto")]}
    reason = "TOOL_CALL" if asked.get("tools") else "COMPLETE"
    return Answer({"id": ID, "message": message, "finish_reason": reason, "usage": USAGE})


def stream(asked):
    def delta(kind, message, **more):
        return {"type": kind, **more, "delta": {"message": message}}

    start = delta("message-start", {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": []}, id=ID)
    end = {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": USAGE}}
    if asked["model"] == "broken":
        end["delta"] = {"finish_reason": "ERROR", "error": "internal server error: answer-canary"}
    pieces = []
    if asked.get("tools"):
        end["delta"]["finish_reason"] = "TOOL_CALL"
        pieces.append(delta("tool-plan-delta", {"tool_plan": "I will look. answer-canary"}))
        for index, city in enumerate(("Lisbon", "Porto")):
            one = call(index + 1, city)
            begun = {**one, "function": {**one["function"], "arguments": ""}}
            rest = {"function": {"arguments": one["function"]["arguments"]}}
            pieces.append(delta("tool-call-start", {"tool_calls": begun}, index=index))
            pieces.append(delta("tool-call-delta", {"tool_calls": rest}, index=index))
            pieces.append({"type": "tool-call-end", "index": index})
    else:
        pieces.append(delta("content-start", {"content": {"type": "text", "text": ""}}, index=0))
        for words in ("answer-", "canary"):
            pieces.append(delta("content-delta", {"content": {"text": words}}, index=0))
        pieces.append({"type": "content-end", "index": 0})
    return Answer(events(start, *pieces, end, named=True), content_type="text/event-stream")


def old_chat(asked):
    calls = [{"name": "get_weather", "parameters": {"city": "Lisbon"}}]
    tools = {"tool_calls": calls} if asked.get("tools") else {}
    text = "It is sunny. answer-canary"
    reply = {"text": text, "generation_id": "g-1", "response_id": "r-1", "finish_reason": "COMPLETE", **tools}
    reply |= {"chat_history": [{"role": "USER", "message": asked["message"]}], "meta": META}
    if not asked.get("stream"):
        return Answer(reply)
    pieces = [
        {"event_type": "stream-start", "is_finished": False, "generation_id": "g-1"},
        {"event_type": "text-generation", "is_finished": False, "text": "answer-"},
        {"event_type": "text-generation", "is_finished": False, "text": "canary"},
    ]
    if tools:
        pieces.append({"event_type": "tool-calls-generation", "is_finished": False, "tool_calls": calls})
    end = {"event_type": "stream-end", "is_finished": True, "finish_reason": "COMPLETE", "response": reply}
    return Answer(lines(*pieces, end), content_type="application/stream+json")


def lines(*documents):
    return [json.dumps(document).encode() + b"\n" for document in documents]


def generate(asked):
    one = {"id": "gen-1", "index": 0, "text": "answer-canary", "finish_reason": "MAX_TOKENS"}
    if not asked.get("stream"):
        return Answer({"id": ID, "prompt": asked["prompt"], "generations": [one], "meta": META})
    pieces = [{"event_type": "text-generation", "text": "answer-canary", "is_finished": False}]
    end = {"event_type": "stream-end", "is_finished": True, "finish_reason": "MAX_TOKENS"}
    end["response"] = {"id": ID, "prompt": asked["prompt"], "generations": [one]}
    return Answer(lines(*pieces, end), content_type="application/stream+json")


def embed(asked):
    inputs = asked.get("texts") or asked.get("images") or asked["inputs"]
    meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 4.0}}
    if not asked.get("texts"):
        meta["billed_units"] = {"input_tokens": 254.0, "text_tokens": 4.0, "image_tokens": 250.0, "images": 1.0}
    if not asked.get("embedding_types"):
        vectors = [[0.25, -0.5, 0.125] for _ in inputs]
        kind = "embeddings_floats"
    else:
        one = {"float": [0.25, -0.5, 0.125], "int8": [1, -2, 3], "ubinary": [5], "base64": "AACAPgAAAL8AAAA+"}
        vectors = {name: [one[name] for _ in inputs] for name in asked["embedding_types"]}
        kind = "embeddings_by_type"
    return Answer({"id": ID, "texts": asked.get("texts", []), "embeddings": vectors, "response_type": kind, "meta": meta})


def answer(request):
    asked = request.json()
    if asked.get("model") == "missing":
        return Answer({"id": ID, "message": "model 'missing' not found: prompt-canary"}, status=404)
    if asked.get("model") == "busy":
        limited = {"message": "You are using a Trial key, which is limited to 20 API calls. prompt-canary"}
        return Answer(limited, status=429)
    match request.path:
        case "/v2/chat":
            return stream(asked) if asked.get("stream") else chat(asked)
        case "/v1/chat":
            return old_chat(asked)
        case "/v1/generate":
            return generate(asked)
        case _:
            return embed(asked)


def v2(url):
    return cohere.ClientV2(api_key=KEY, base_url=url)


def v1(url):
    return cohere.Client(api_key=KEY, base_url=url)


def refused(model, error):
    def make(url):
        try:
            v2(url).chat(model=model, messages=MESSAGES, request_options={"max_retries": 0})
        except error:
            return

    return make


IMAGE = {"type": "image_url", "image_url": {"url": PIXEL}}
SETTINGS = {"temperature": 0.2, "p": 0.9, "k": 40, "seed": 7, "max_tokens": 64, "stop_sequences": ["END"]}

CALLS = {
    "chat": lambda url: v2(url).chat(
        model=MODEL, messages=MESSAGES, response_format={"type": "json_object"}, frequency_penalty=0.1, **SETTINGS
    ),
    "tools": lambda url: v2(url).chat(model=MODEL, messages=MESSAGES, tools=[TOOL]),
    "image": lambda url: v2(url).chat(
        model="command-a-vision-07-2025",
        messages=[{"role": "user", "content": [{"type": "text", "text": "prompt-canary"}, IMAGE]}],
    ),
    "stream": lambda url: list(v2(url).chat_stream(model=MODEL, messages=MESSAGES)),
    "stream_tools": lambda url: list(v2(url).chat_stream(model=MODEL, messages=MESSAGES, tools=[TOOL])),
    "broken": lambda url: list(v2(url).chat_stream(model="broken", messages=MESSAGES)),
    "missing": refused("missing", cohere.NotFoundError),
    "busy": refused("busy", cohere.TooManyRequestsError),
    "v1": lambda url: v1(url).chat(
        model="command-r-08-2024", message="prompt-canary", conversation_id="c-1", preamble="Be kind.", **SETTINGS
    ),
    "v1_stream": lambda url: list(
        v1(url).chat_stream(model="command-r-08-2024", message="prompt-canary", tools=[OLD_TOOL])
    ),
    "generate": lambda url: v1(url).generate(model="command", prompt="prompt-canary", max_tokens=9),
    "generate_stream": lambda url: list(v1(url).generate_stream(model="command", prompt="prompt-canary")),
    "embed": lambda url: v2(url).embed(
        model="embed-v4.0",
        texts=["prompt-canary", "prompt-canary too"],
        input_type="search_document",
        embedding_types=["float", "int8"],
    ),
    "embed_base64": lambda url: v2(url).embed(
        model="embed-v4.0", texts=["prompt-canary"], input_type="search_query", embedding_types=["base64"]
    ),
    "embed_image": lambda url: v2(url).embed(
        model="embed-v4.0",
        inputs=[{"content": [{"type": "text", "text": "prompt-canary"}, IMAGE]}],
        input_type="search_document",
        embedding_types=["ubinary"],
        output_dimension=256,
    ),
    "v1_embed": lambda url: v1(url).embed(
        model="embed-english-v3.0", texts=["prompt-canary"], input_type="classification"
    ),
}
