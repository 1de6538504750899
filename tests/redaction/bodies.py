"""Bodies of requests and answers as language models' and vector stores' vendors document them, with data in each place."""

import json

from records import positive
from values import string
from hiding import sample

# Place in the body, and a body that has the value there.
BODIES = [
    ("system instructions", lambda v: {"model": "gpt-4o", "messages": [{"role": "system", "content": f"You serve {v} only."}, {"role": "user", "content": "Hi"}]}),
    ("system instructions", lambda v: {"model": "claude-sonnet-4-20250514", "max_tokens": 500, "system": [{"type": "text", "text": f"Never mention {v}."}], "messages": []}),
    ("system instructions", lambda v: {"systemInstruction": {"parts": [{"text": f"Owner: {v}"}]}, "contents": []}),
    ("message", lambda v: {"model": "gpt-4o", "messages": [{"role": "user", "content": [{"type": "text", "text": f"Who is {v}?"}, {"type": "image_url", "image_url": {"url": "https://img.example.com/1.png"}}]}]}),
    ("message", lambda v: {"contents": [{"role": "user", "parts": [{"text": f"Look up {v}, please."}]}], "generationConfig": {"maxOutputTokens": 500}}),
    ("message", lambda v: {"model": "gpt-4o", "input": [{"role": "user", "content": [{"type": "input_text", "text": f"- {v}\n- done"}]}]}),
    ("message", lambda v: {"choices": [{"index": 0, "message": {"role": "assistant", "content": f"I found **{v}** in the list."}, "finish_reason": "stop"}], "usage": {"total_tokens": 99}}),
    ("message", lambda v: {"model": "llama3", "prompt": f"Q: who has {v}?\nA:", "stream": False, "options": {"num_ctx": 4096}}),
    ("message", lambda v: {"inputText": f"User: {v}\nBot:", "textGenerationConfig": {"maxTokenCount": 512}}),
    ("tool arguments", lambda v: {"choices": [{"message": {"tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "send", "arguments": string({"to": v, "subject": "Hi"})}}]}}]}),
    ("tool arguments", lambda v: {"content": [{"type": "tool_use", "id": "toolu_1", "name": "lookup", "input": {"query": {"any": [v, "nobody"]}}}]}),
    ("tool arguments", lambda v: {"candidates": [{"content": {"parts": [{"functionCall": {"name": "find", "args": {"who": v}}}]}}]}),
    ("tool result", lambda v: {"messages": [{"role": "tool", "tool_call_id": "call_1", "content": string({"rows": [{"id": 7, "value": v}]})}]}),
    ("tool result", lambda v: {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": f"stdout:\n{v}\nexit 0"}]}]}]}),
    ("tool result", lambda v: {"contents": [{"parts": [{"functionResponse": {"name": "find", "response": {"result": f"1 hit: {v}"}}}]}]}),
    ("tool definition", lambda v: {"tools": [{"type": "function", "function": {"name": "mail", "description": f"Sends to {v}", "parameters": {"type": "object", "properties": {"text": {"type": "string", "default": "x"}}}}}]}),
    ("tool definition", lambda v: {"tools": [{"name": "ask", "input_schema": {"type": "object", "properties": {"who": {"type": "string", "enum": [v, "nobody"]}}}}]}),
    ("retrieval document", lambda v: {"query": "who?", "documents": [f"Page 1. Contact: {v}.", "Page 2."], "top_n": 3, "model": "rerank-v3.5"}),
    ("retrieval document", lambda v: {"input": ["first text", f"second text with {v}"], "model": "text-embedding-3-large"}),
    ("retrieval document", lambda v: {"vectors": [{"id": "doc#1", "values": [0.12345678, -0.2], "metadata": {"author": v, "page": 3}}], "namespace": "n"}),
    ("retrieval document", lambda v: {"filter": {"must": [{"key": "owner", "match": {"value": v}}]}, "limit": 10}),
    ("retrieval document", lambda v: {"points": [{"id": 1, "vector": [0.5], "payload": {"text": f"…{v}…"}}]}),
    ("metadata", lambda v: {"model": "gpt-4o", "messages": [], "user": v, "metadata": {"team": "x"}}),
    ("metadata", lambda v: {"model": "gpt-4o", "messages": [], "metadata": {"requested_by": v, "ticket": "T-12"}}),
    ("error message", lambda v: {"error": {"message": f"Invalid value: '{v}'. Expected an object.", "type": "invalid_request_error", "param": "messages[0]", "code": None}}),
    ("stream event", lambda v: {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": string({"to": v})}}),
]
KINDS = ["email", "credential", "phone", "card", "ip", "iban", "mac", "national_id"]


def everything():
    """All of this file's: each body with three classes."""
    for at, (place, body) in enumerate(BODIES):
        for turn in range(3):
            kind = KINDS[(at + turn * 3) % len(KINDS)]
            value = sample(kind)
            text = json.dumps(body(value), ensure_ascii=at % 2 == 0)
            if turn == 2:
                text = json.dumps(body(value), indent=2)
            positive(kind, place, "en", text, value)
