"""Messages by Anthropic's own SDK."""

import json

from dialogue import (
    ASK,
    CALLS,
    DONE,
    HELLO,
    IMAGES,
    LOOK,
    NOTED,
    RESULTS,
    SYSTEM,
    THOUGHT,
    TOOLS,
    b64,
    called,
    gave,
    image,
    message,
    pieces,
    text,
    thought,
    tools,
)
from record import KEY, Answer, events

HOST = "api.anthropic.com"
REASONS = {"tool_use": "tool_call", "end_turn": "stop"}


def is_one(path):
    return path == "/v1/messages"


def answer(request):
    asked = request.json()
    is_done = asked["messages"][-1]["content"][0]["type"] == "tool_result"
    blocks = [{"type": "text", "text": DONE}]
    if not is_done:
        blocks = [{"type": "thinking", "thinking": THOUGHT, "signature": "c2lnbmVk"}, {"type": "text", "text": LOOK}]
        for at, (name, arguments) in enumerate(CALLS):
            blocks.append({"type": "tool_use", "id": f"toolu_{at}", "name": name, "input": arguments})
    reason = "end_turn" if is_done else "tool_use"
    found = {"id": f"msg_{asked['model']}", "type": "message", "role": "assistant", "model": asked["model"]}
    found |= {"content": blocks, "stop_reason": reason, "stop_sequence": None}
    found |= {"usage": {"input_tokens": 12, "output_tokens": 57}}
    if not asked.get("stream"):
        return Answer(found)
    said = [{"type": "message_start", "message": {**found, "content": [], "stop_reason": None}}]
    for at, block in enumerate(blocks):
        said += streamed(at, block)
    ended = {"stop_reason": reason, "stop_sequence": None}
    said.append({"type": "message_delta", "delta": ended, "usage": {"output_tokens": 57}})
    said.append({"type": "message_stop"})
    return Answer(events(*said, named=True), content_type="text/event-stream")


def streamed(at, block):
    def delta(kind, **more):
        return {"type": "content_block_delta", "index": at, "delta": {"type": kind, **more}}

    match block["type"]:
        case "text":
            begun, said = {**block, "text": ""}, [delta("text_delta", text=piece) for piece in pieces(block["text"])]
        case "thinking":
            begun = {**block, "thinking": "", "signature": ""}
            said = [delta("thinking_delta", thinking=piece) for piece in pieces(block["thinking"])]
            said.append(delta("signature_delta", signature=block["signature"]))
        case _:
            begun = {**block, "input": {}}
            # Of a tool without arguments one empty piece comes.
            given = json.dumps(block["input"]) if block["input"] else ""
            said = [delta("input_json_delta", partial_json=piece) for piece in pieces(given) or [""]]
    yield {"type": "content_block_start", "index": at, "content_block": begun}
    yield from said
    yield {"type": "content_block_stop", "index": at}


def client(url):
    import anthropic

    return anthropic.Anthropic(base_url=url, api_key=KEY, max_retries=0)


def ask(client, stream, **asked):
    if not stream:
        return client.messages.create(**asked)
    with client.messages.stream(**asked) as events:
        return events.get_final_message()


def said(block):
    match block.type:
        case "text":
            return text(block.text)
        case "thinking":
            return thought(block.thinking)
        case "tool_use":
            return called(block.id, block.name, block.input)


def talk(client, stream):
    sources = [{"type": "base64", "media_type": "image/png", "data": b64(data)} for data in IMAGES]
    seen = [{"type": "image", "source": source} for source in sources]
    messages = [
        {"role": "user", "content": HELLO},
        {"role": "assistant", "content": NOTED},
        {"role": "user", "content": [*seen, {"type": "text", "text": ASK}]},
    ]
    truth = [
        message("user", text(HELLO)),
        message("assistant", text(NOTED)),
        message("user", *map(image, IMAGES), text(ASK)),
    ]
    offered = [{**tool, "input_schema": tool["parameters"]} for tool in TOOLS]
    for tool in offered:
        del tool["parameters"]
    system = [{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}]
    for step in range(2):
        model = f"claude-content-{'stream' if stream else 'whole'}-{step}"
        asked = {"model": model, "max_tokens": 4000, "system": system, "messages": messages, "tools": offered}
        found = ask(client, stream, **asked, thinking={"type": "enabled", "budget_tokens": 2000})
        parts = [said(block) for block in found.content]
        answered = message("assistant", *parts, finish_reason=REASONS[found.stop_reason])
        yield {"model": model, "system": [text(SYSTEM)], "input": truth, "output": [answered], "tools": tools()}
        calls = [block for block in found.content if block.type == "tool_use"]
        # One result is a text, one a list of blocks.
        given = [RESULTS[0], [{"type": "text", "text": RESULTS[1]}]]
        results = [
            {"type": "tool_result", "tool_use_id": call.id, "content": result} for call, result in zip(calls, given)
        ]
        kept = [block.model_dump(exclude_none=True, exclude={"parsed_output"}) for block in found.content]
        messages = [*messages, {"role": "assistant", "content": kept}, {"role": "user", "content": results}]
        heard = [gave(call.id, result) for call, result in zip(calls, given)]
        truth = [*truth, message("assistant", *parts), message("user", *heard)]
