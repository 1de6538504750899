"""Mistral's chats, agents, code completions, embeddings, conversations and the rest by its own SDK."""

import json

from mistralai.client import Mistral, errors
from record import KEY, Answer, events

HOST = "api.mistral.ai"
MODEL = "mistral-small-latest"
MESSAGES = [{"role": "user", "content": "What is the weather in Lisbon? prompt-canary"}]
PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
ID = "cmpl-e5cc70bb28c444948073e77776eb30ef"
USAGE = {"prompt_tokens": 16, "completion_tokens": 34, "total_tokens": 50, "service_tier": "standard"}
CACHED = {**USAGE, "prompt_tokens_details": {"cached_tokens": 8}, "num_cached_tokens": 8}
CONVERSATION = "conv_06835a9e"
CONNECTORS = {
    "prompt_tokens": 188,
    "completion_tokens": 55,
    "total_tokens": 7355,
    "connector_tokens": 7112,
    "connectors": {"web_search": 1},
}


def calls():
    cities = enumerate(("Lisbon", "Porto"))
    return [
        {"id": f"D681PevK{at}", "index": at, "function": {"name": "get_weather", "arguments": json.dumps({"city": city})}}
        for at, city in cities
    ]


def completion(asked, kind="chat.completion"):
    message, reason = {"role": "assistant", "content": "It is sunny. answer-canary", "tool_calls": None}, "stop"
    if asked.get("tools"):
        message, reason = {"role": "assistant", "content": "", "tool_calls": calls()}, "tool_calls"
    choice = {"index": 0, "message": message, "finish_reason": reason}
    model = asked.get("model", "mistral-medium-2505")
    return Answer({"id": ID, "object": kind, "created": 1, "model": model, "choices": [choice], "usage": CACHED})


def stream(asked):
    def chunk(delta, reason=None, **more):
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        common = {"id": ID, "object": "chat.completion.chunk", "created": 1, "model": asked.get("model", "m")}
        return {**common, "choices": [choice], **more}

    if asked.get("tools"):
        pieces = [chunk({"content": "", "tool_calls": calls()}, "tool_calls", usage=USAGE)]
    else:
        words = [chunk({"content": word}) for word in ("answer-", "canary")]
        pieces = [*words, chunk({"content": ""}, "length", usage=USAGE)]
    first = chunk({"role": "assistant", "content": ""})
    return Answer(events(first, *pieces, done=True), content_type="text/event-stream; charset=utf-8")


def conversation(asked):
    entry = {"object": "entry", "created_at": "2026-11-30T07:00:00Z", "completed_at": "2026-11-30T07:00:01Z"}
    model = {"model": "mistral-medium-2505"}
    message = {**entry, **model, "type": "message.output", "id": "msg_1", "role": "assistant", "content": "answer-canary"}
    call = {**entry, **model, "type": "function.call", "id": "fc_1", "name": "get_weather", "tool_call_id": "c1"}
    if not asked.get("stream"):
        outputs = [message, {**call, "arguments": "{}"}] if asked.get("tools") else [message]
        usage = {"prompt_tokens": 16, "completion_tokens": 34, "total_tokens": 50}
        said = {"object": "conversation.response", "conversation_id": CONVERSATION, "outputs": outputs, "usage": usage}
        return Answer(said)
    at = {"created_at": "2026-11-30T07:00:00Z", "output_index": 0}
    delta = {**at, **model, "type": "message.output.delta", "id": "msg_1", "content_index": 0, "role": "assistant"}
    end = {"type": "conversation.response.done", "created_at": at["created_at"], "usage": CONNECTORS}
    if asked.get("model") == "broken":
        end = {"type": "conversation.response.error", "message": "answer-canary", "code": 3230}
    used = {**at, "type": "tool.execution.started", "id": "t1", "name": "web_search", "arguments": "prompt-canary"}
    pieces = events(
        {"type": "conversation.response.started", "created_at": at["created_at"], "conversation_id": CONVERSATION},
        used,
        {**delta, "content": "answer-"},
        {**delta, "content": "canary"},
        *({**at, **model, "type": "function.call.delta", "id": "fc_1", "name": "get_weather",
           "tool_call_id": "c1", "arguments": part} for part in ('{"city":', '"canary"}')),
        end,
        named=True,
    )
    return Answer(pieces, content_type="text/event-stream; charset=utf-8")


def embeddings(asked):
    vector = [0.5] * asked["output_dimension"]
    data = [{"object": "embedding", "index": at, "embedding": vector} for at in range(len(asked["input"]))]
    usage = {"prompt_tokens": 15, "completion_tokens": 0, "total_tokens": 15}
    return Answer({"id": "emb-1", "object": "list", "data": data, "model": asked["model"], "usage": usage})


def transcription(request):
    usage = {"prompt_tokens": 4, "completion_tokens": 15, "total_tokens": 19, "prompt_audio_seconds": 7}
    said = {"model": "voxtral-mini-2507", "text": "answer-canary", "language": "en", "segments": [], "usage": usage}
    if b'name="stream"\r\n\r\ntrue' not in request.body:
        return Answer(said)
    delta = {"type": "transcription.text.delta", "text": "answer-canary"}
    pieces = events(delta, {"type": "transcription.done", **said}, named=True)
    return Answer(pieces, content_type="text/event-stream")


def answer(request):
    if "multipart" in request.headers.get("content-type", ""):
        return transcription(request)
    asked = request.json()
    if asked.get("model") == "missing":
        said = {"object": "error", "message": "Invalid model: prompt-canary", "type": "invalid_model", "code": "1500"}
        return Answer(said, status=400)
    if asked.get("model") == "odd":
        detail = [{"type": "extra_forbidden", "loc": ["body"], "msg": "prompt-canary", "input": "prompt-canary"}]
        return Answer({"object": "error", "message": {"detail": detail}, "type": "invalid_request_error", "code": None}, status=422)
    path = request.path.split("#")[0]
    if path.startswith("/v1/conversations"):
        return conversation(asked)
    match path:
        case "/v1/embeddings":
            return embeddings(asked)
        case "/v1/ocr":
            usage = {"pages_processed": 2, "doc_size_bytes": 1024}
            pages = [{"index": at, "markdown": "answer-canary", "images": [], "dimensions": None} for at in range(2)]
            return Answer({"pages": pages, "model": "mistral-ocr-2505", "usage_info": usage})
        case "/v1/moderations" | "/v1/chat/moderations":
            results = [{"categories": {"violence": False}, "category_scores": {"violence": 0.01}}]
            return Answer({"id": "mod-1", "model": "mistral-moderation-2411", "results": results})
    return stream(asked) if asked.get("stream") else completion(asked)


def client(url):
    return Mistral(api_key=KEY, server_url=url)


def refused(model):
    def make(url):
        try:
            client(url).chat.complete(model=model, messages=MESSAGES)
        except errors.MistralError:
            return

    return make


def broken(url):
    list(client(url).beta.conversations.start_stream(model="broken", inputs="prompt-canary"))


IMAGE = {"type": "image_url", "image_url": PIXEL}
SETTINGS = {"temperature": 0.3, "top_p": 0.9, "max_tokens": 64, "random_seed": 7, "stop": ["END"]}
SOUND = {"file_name": "canary.wav", "content": b"RIFF" + bytes(60)}

CALLS = {
    "chat": lambda url: client(url).chat.complete(
        model=MODEL, messages=MESSAGES, response_format={"type": "json_object"}, frequency_penalty=0.1, **SETTINGS
    ),
    "tools": lambda url: client(url).chat.complete(model=MODEL, messages=MESSAGES, tools=[TOOL]),
    "image": lambda url: client(url).chat.complete(
        model="pixtral-12b", messages=[{"role": "user", "content": [{"type": "text", "text": "prompt-canary"}, IMAGE]}]
    ),
    "stream": lambda url: list(client(url).chat.stream(model=MODEL, messages=MESSAGES)),
    "stream_tools": lambda url: list(client(url).chat.stream(model=MODEL, messages=MESSAGES, tools=[TOOL])),
    "missing": refused("missing"),
    "odd": refused("odd"),
    "agent": lambda url: client(url).agents.complete(agent_id="ag:1", messages=MESSAGES),
    "fim": lambda url: client(url).fim.complete(
        model="codestral-latest", prompt="def canary", suffix="return canary", max_tokens=9, random_seed=7
    ),
    "fim_stream": lambda url: list(client(url).fim.stream(model="codestral-latest", prompt="def canary")),
    "embeddings": lambda url: client(url).embeddings.create(
        model="codestral-embed", inputs=["prompt-canary", "prompt-canary too"], output_dimension=4, output_dtype="float"
    ),
    "moderation": lambda url: client(url).classifiers.moderate_chat(model="mistral-moderation-latest", inputs=MESSAGES),
    "conversation": lambda url: client(url).beta.conversations.start(
        model="mistral-medium-latest", inputs="prompt-canary", tools=[TOOL], completion_args=SETTINGS
    ),
    "append": lambda url: client(url).beta.conversations.append(conversation_id=CONVERSATION, inputs="prompt-canary"),
    "conversation_stream": lambda url: list(
        client(url).beta.conversations.start_stream(agent_id="ag_1", inputs="prompt-canary")
    ),
    "broken": broken,
    "ocr": lambda url: client(url).ocr.process(
        model="mistral-ocr-latest",
        document={"type": "document_url", "document_url": "https://example.com/prompt-canary.pdf"},
    ),
    "transcription": lambda url: client(url).audio.transcriptions.complete(model="voxtral-mini-latest", file=SOUND),
    "transcription_stream": lambda url: list(
        client(url).audio.transcriptions.stream(model="voxtral-mini-latest", file=SOUND)
    ),
}
