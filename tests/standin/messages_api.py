"""Anthropic's messages, whole and streamed (https://docs.anthropic.com/en/api/messages)."""

import json

from provider import WORDS, Handler

MODEL = "claude-sonnet-4-5-20250929"

# Of the input: read from a cache, and written to one. `input_tokens` on the wire leaves both out.
CACHE_READ = 201
CACHE_WRITTEN = 33


def event(name, **fields):
    return b"event: %s\ndata: %s\n\n" % (name.encode(), json.dumps({"type": name, **fields}).encode())


def error(kind):
    return {"type": kind, "message": "You said: prompt-canary"}


class Message:
    """What one request is answered with."""

    response_model = MODEL
    wants_usage = True

    def __init__(self, number, request):
        self.id = f"msg_standin{number:06d}"
        self.model = request.get("model", "")
        self.stream = bool(request.get("stream"))
        self.uncached_tokens = 11 + 3 * number % 997
        self.input_tokens = self.uncached_tokens + CACHE_READ + CACHE_WRITTEN
        self.output_tokens = 1013 + 7 * number % 991
        calls_tool = request.get("tools") and self.model != "standin-text"
        self.stop_reason = "tool_use" if calls_tool else "end_turn"
        # As OpenTelemetry's conventions have it.
        self.finish_reason = {"tool_use": "tool_call", "end_turn": "stop"}[self.stop_reason]

    def usage(self, output_tokens):
        return {
            "input_tokens": self.uncached_tokens,
            "cache_read_input_tokens": CACHE_READ,
            "cache_creation_input_tokens": CACHE_WRITTEN,
            "output_tokens": output_tokens,
        }

    def content(self):
        blocks = [{"type": "text", "text": "".join(WORDS)}]
        if self.stop_reason == "tool_use":
            use = {"id": "toolu_standin", "name": "get_weather", "input": {"city": "Lisbon"}}
            blocks.append({"type": "tool_use", **use})
        return blocks

    def message(self, content, stop_reason, output_tokens):
        return {
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": MODEL,
            "content": content,
            "stop_reason": stop_reason,
            "stop_sequence": None,
            "usage": self.usage(output_tokens),
        }

    def body(self):
        return self.message(self.content(), self.stop_reason, self.output_tokens)

    def events(self):
        yield event("message_start", message=self.message([], None, 1))
        yield event("ping")
        for index, block in enumerate(self.content()):
            if block["type"] == "text":
                yield event("content_block_start", index=index, content_block={"type": "text", "text": ""})
                deltas = [{"type": "text_delta", "text": word} for word in WORDS]
            else:
                yield event("content_block_start", index=index, content_block={**block, "input": {}})
                pieces = ['{"city":', ' "Lisbon"}']
                deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
            for delta in deltas:
                yield event("content_block_delta", index=index, delta=delta)
            yield event("content_block_stop", index=index)
        delta = {"stop_reason": self.stop_reason, "stop_sequence": None}
        yield event("message_delta", delta=delta, usage={"output_tokens": self.output_tokens})
        yield event("message_stop")


def rate_limited(handler: Handler, answer):
    document = {"type": "error", "error": error("rate_limit_error"), "request_id": "req_standin"}
    handler.send_body(429, document, {"retry-after": "0"})


def fail_in_stream(handler: Handler, answer):
    handler.begin_stream()
    for said in list(answer.events())[:4]:
        handler.send_chunk(said)
    handler.send_chunk(event("error", error=error("overloaded_error")))
    handler.wfile.write(b"0\r\n\r\n")


DIALECTS = {"/v1/messages": Message}

BEHAVIOURS = {
    "claude-429": rate_limited,
    "claude-stream-error": fail_in_stream,
}
