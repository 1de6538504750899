"""Anthropic's messages by its own SDK."""

import anthropic
from record import KEY, Answer, events

HOST = "api.anthropic.com"
MODEL = "claude-sonnet-4-5-20250929"
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
    "output_tokens": 57,
    "service_tier": "standard",
}
TEXT = {"type": "text", "text": "Let me look. answer-canary"}
USE = {"type": "tool_use", "id": "toolu_01", "name": "get_weather", "input": {"city": "Lisbon"}}


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
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 57}},
        {"type": "message_stop"},
        named=True,
    )


def answer(request):
    asked = request.json()
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


CALLS = {
    "message": lambda url: client(url).messages.create(
        model=MODEL, max_tokens=1024, system="Be kind.", messages=MESSAGES, tools=[TOOL]
    ),
    "stream": streamed,
    "overloaded": overloaded,
}
