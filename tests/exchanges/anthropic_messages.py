"""Anthropic's messages by its own SDK."""

import anthropic
from record import KEY, Answer, events

HOST = "api.anthropic.com"
MODEL = "claude-sonnet-4-5-20250929"
OLD = "claude-2.1"
WEB = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
MESSAGES = [{"role": "user", "content": "What is the weather in Lisbon? prompt-canary"}]
TOOL = {
    "name": "get_weather",
    "description": "The weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}
USAGE = {
    "input_tokens": 12,
    "cache_read_input_tokens": 200,
    "cache_creation_input_tokens": 30,
    "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
    "output_tokens": 57,
    "output_tokens_details": {"thinking_tokens": 9},
    "service_tier": "standard",
}
TEXT = {"type": "text", "text": "Let me look. answer-canary"}
USE = {"type": "tool_use", "id": "toolu_01", "name": "get_weather", "input": {"city": "Lisbon"}}
USE_TOO = {**USE, "id": "toolu_02", "input": {"city": "Porto"}}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
PDF = {"type": "document", "source": {"type": "url", "url": "https://example.com/prompt-canary.pdf"}}
SEARCH = [
    {"type": "server_tool_use", "id": "srvtoolu_01", "name": "web_search", "input": {"query": "answer-canary"}},
    {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_01", "content": []},
    {"type": "text", "text": "It is sunny. answer-canary"},
]


def message(content, stop_reason, usage):
    return {
        "id": "msg_013Zva2CMHLNnXjNJJKqJ2EF",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": usage,
    }


def stream():
    start = message([], None, {**USAGE, "output_tokens": 1})
    return events(
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Let me look."}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " answer-canary"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {**USE, "input": {}}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"city":'}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": ' "Lisbon"}'}},
        {"type": "content_block_stop", "index": 1},
        {"type": "content_block_start", "index": 2, "content_block": {**USE_TOO, "input": {}}},
        {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
        {"type": "content_block_stop", "index": 2},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 57}},
        {"type": "message_stop"},
        named=True,
    )


def broken():
    start = message([], None, {**USAGE, "output_tokens": 1})
    return events(
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "answer-canary"}},
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded: prompt-canary"}},
        named=True,
    )


def completion(words, stop_reason=None):
    return {"type": "completion", "id": "compl_01", "completion": words, "stop_reason": stop_reason, "model": OLD}


def answer(request):
    asked = request.json()
    if "/count_tokens" in request.path:
        return Answer({"input_tokens": 2095})
    if "/batches" in request.path:
        counts = {name: 0 for name in ("canceled", "errored", "expired", "processing", "succeeded")}
        times = {"created_at": "2026-11-30T07:00:00Z", "expires_at": "2026-12-01T07:00:00Z"}
        return Answer({"id": "msgbatch_01", "type": "message_batch", "processing_status": "in_progress",
                       "request_counts": counts, **times})
    if request.path.endswith("/complete"):
        if not asked.get("stream"):
            return Answer(completion("answer-canary", "stop_sequence"))
        pieces = completion("answer-"), {"type": "ping"}, completion("canary", "max_tokens")
        return Answer(events(*pieces, named=True), content_type="text/event-stream")
    if asked.get("model") == "broken":
        return Answer(broken(), content_type="text/event-stream; charset=utf-8")
    if asked.get("tools", [{}])[0].get("name") == "web_search":
        usage = {**USAGE, "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0}}
        return Answer(message(SEARCH, "end_turn", usage))
    if asked.get("model") == "looks-at-images":
        return Answer(message([TEXT], "max_tokens", {"input_tokens": 1604, "output_tokens": 9}))
    if asked.get("model") == "overloaded":
        error = {"type": "overloaded_error", "message": "Overloaded: prompt-canary"}
        return Answer({"type": "error", "error": error}, status=529, headers={"retry-after": "7"})
    if asked.get("stream"):
        return Answer(stream(), content_type="text/event-stream; charset=utf-8")
    return Answer(message([TEXT, USE], "tool_use", USAGE), headers={"request-id": "req_011"})


def client(url):
    return anthropic.Anthropic(base_url=url, api_key=KEY, max_retries=0)


def overloaded(url):
    try:
        client(url).messages.create(model="overloaded", max_tokens=9, messages=MESSAGES)
    except anthropic.APIStatusError:
        return


def streamed(url):
    with client(url).messages.stream(model=MODEL, max_tokens=1024, messages=MESSAGES, tools=[TOOL]) as stream:
        stream.get_final_message()


def fails_half_way(url):
    try:
        with client(url).messages.stream(model="broken", max_tokens=1024, messages=MESSAGES) as stream:
            stream.get_final_message()
    except anthropic.APIStatusError:
        return


def looked_at(url):
    shown = [{"role": "user", "content": [IMAGE, PDF, {"type": "text", "text": "prompt-canary"}]}]
    used = [{"role": "assistant", "content": [USE]}]
    given = [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": USE["id"], "content": [IMAGE]}]}]
    client(url).messages.create(model="looks-at-images", max_tokens=9, messages=shown + used + given)


def no_calls(url):
    client(url).messages.count_tokens(model=MODEL, messages=MESSAGES)
    params = {"model": MODEL, "max_tokens": 9, "messages": MESSAGES}
    client(url).messages.batches.create(requests=[{"custom_id": "1", "params": params}])
    client(url).messages.batches.retrieve("msgbatch_01")
    client(url).messages.create(model=MODEL, max_tokens=9, messages=MESSAGES, tools=[WEB])


def completed(url, **more):
    """Of the old API this SDK has no more than its client."""
    prompt = "\n\nHuman: prompt-canary\n\nAssistant:"
    asked = {"model": OLD, "prompt": prompt, "max_tokens_to_sample": 256, "stop_sequences": ["END"], **more}
    client(url).post("/v1/complete", cast_to=str, body=asked)


def keep(name, line):
    return "/count_tokens" not in line and "/batches" not in line


CALLS = {
    "message": lambda url: client(url).messages.create(
        model=MODEL,
        max_tokens=1024,
        system="Be kind.",
        messages=MESSAGES,
        tools=[TOOL],
        service_tier="standard_only",
        output_config={"effort": "low"},
    ),
    "stream": streamed,
    "overloaded": overloaded,
    "broken": fails_half_way,
    "media": looked_at,
    "web_search": no_calls,
    "complete": completed,
    "complete_stream": lambda url: completed(url, stream=True),
}
