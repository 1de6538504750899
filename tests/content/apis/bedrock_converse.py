"""Converse of Amazon's Bedrock by its own SDK."""

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
    called,
    gave,
    image,
    message,
    pieces,
    text,
    thought,
    tools,
)
from record import KEY, Answer, frame

HOST = "bedrock-runtime.us-east-1.amazonaws.com"
REASONS = {"tool_use": "tool_call", "end_turn": "stop"}
FIELDS = {"x-amzn-requestid": "0a5cc6b2-6f6b-4f0e-9a53-6d8f2f2f6c11"}
USAGE = {"inputTokens": 12, "outputTokens": 57, "totalTokens": 69}


def is_one(path):
    return path.startswith("/model/")


def answer(request):
    asked, method = request.json(), request.path.rpartition("/")[2]
    is_done = "toolResult" in asked["messages"][-1]["content"][0]
    content = [{"text": DONE}]
    if not is_done:
        content = [{"reasoningContent": {"reasoningText": {"text": THOUGHT, "signature": "c2lnbmVk"}}}, {"text": LOOK}]
        for at, (name, arguments) in enumerate(CALLS):
            content.append({"toolUse": {"toolUseId": f"tooluse_{at}", "name": name, "input": arguments}})
    reason = "end_turn" if is_done else "tool_use"
    if method == "converse":
        body = {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": reason}
        return Answer({**body, "usage": USAGE, "metrics": {"latencyMs": 551}}, headers=FIELDS)
    frames = [frame({"role": "assistant"}, event_type="messageStart")]
    for at, part in enumerate(content):
        frames += streamed({"contentBlockIndex": at}, part)
    frames.append(frame({"stopReason": reason}, event_type="messageStop"))
    frames.append(frame({"usage": USAGE, "metrics": {"latencyMs": 551}}, event_type="metadata"))
    return Answer(frames, content_type="application/vnd.amazon.eventstream", headers=FIELDS)


def streamed(place, part):
    def delta(said):
        return frame({**place, "delta": said}, event_type="contentBlockDelta")

    if "text" in part:
        yield from (delta({"text": piece}) for piece in pieces(part["text"]))
    elif "reasoningContent" in part:
        whole = part["reasoningContent"]["reasoningText"]
        yield from (delta({"reasoningContent": {"text": piece}}) for piece in pieces(whole["text"]))
        yield delta({"reasoningContent": {"signature": whole["signature"]}})
    else:
        use = part["toolUse"]
        start = {"toolUse": {"toolUseId": use["toolUseId"], "name": use["name"]}}
        yield frame({**place, "start": start}, event_type="contentBlockStart")
        # Of a tool without arguments one empty piece comes.
        given = json.dumps(use["input"]) if use["input"] else ""
        yield from (delta({"toolUse": {"input": piece}}) for piece in pieces(given) or [""])
    yield frame(place, event_type="contentBlockStop")


def client(url):
    import boto3
    from botocore.config import Config

    return boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="AKIACANARY",
        aws_secret_access_key=KEY,
        config=Config(retries={"total_max_attempts": 1}),
    )


def ask(client, stream, **asked):
    """The content, and why it ended."""
    if not stream:
        found = client.converse(**asked)
        return found["output"]["message"]["content"], found["stopReason"]
    blocks, reason = {}, None
    for event in client.converse_stream(**asked)["stream"]:
        match event:
            case {"contentBlockStart": {"contentBlockIndex": at, "start": {"toolUse": use}}}:
                blocks[at] = {"toolUse": {**use, "input": ""}}
            case {"contentBlockDelta": {"contentBlockIndex": at, "delta": {"text": piece}}}:
                blocks.setdefault(at, {"text": ""})["text"] += piece
            case {"contentBlockDelta": {"contentBlockIndex": at, "delta": {"reasoningContent": more}}}:
                block = blocks.setdefault(at, {"reasoningContent": {"reasoningText": {"text": "", "signature": ""}}})
                for name, piece in more.items():
                    block["reasoningContent"]["reasoningText"][name] += piece
            case {"contentBlockDelta": {"contentBlockIndex": at, "delta": {"toolUse": more}}}:
                blocks[at]["toolUse"]["input"] += more["input"]
            case {"messageStop": stop}:
                reason = stop["stopReason"]
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"] or "{}")
    return list(blocks.values()), reason


def said(part):
    match part:
        case {"text": words}:
            return text(words)
        case {"reasoningContent": {"reasoningText": {"text": words}}}:
            return thought(words)
        case {"toolUse": use}:
            return called(use["toolUseId"], use["name"], use["input"])
        case {"toolResult": result}:
            return gave(result["toolUseId"], result["content"])
        case {"image": {"source": {"bytes": data}}}:
            return image(data)


def talk(client, stream):
    seen = [{"image": {"format": "png", "source": {"bytes": data}}} for data in IMAGES]
    messages = [
        {"role": "user", "content": [{"text": HELLO}]},
        {"role": "assistant", "content": [{"text": NOTED}]},
        {"role": "user", "content": [*seen, {"text": ASK}]},
    ]
    specs = [
        {"name": tool["name"], "description": tool["description"], "inputSchema": {"json": tool["parameters"]}}
        for tool in TOOLS
    ]
    offered = {"tools": [{"toolSpec": spec} for spec in specs]}
    for step in range(2):
        model = f"amazon.nova-content-{'stream' if stream else 'whole'}-{step}"
        asked = {"modelId": model, "system": [{"text": SYSTEM}], "messages": messages, "toolConfig": offered}
        content, reason = ask(client, stream, **asked)
        truth = [message(one["role"], *map(said, one["content"])) for one in messages]
        answered = message("assistant", *map(said, content), finish_reason=REASONS[reason])
        yield {"model": model, "system": [text(SYSTEM)], "input": truth, "output": [answered], "tools": tools()}
        calls = [part["toolUse"] for part in content if "toolUse" in part]
        given = [[{"json": json.loads(RESULTS[0])}], [{"text": RESULTS[1]}]]
        results = [
            {"toolResult": {"toolUseId": call["toolUseId"], "content": result}} for call, result in zip(calls, given)
        ]
        messages = [*messages, {"role": "assistant", "content": content}, {"role": "user", "content": results}]
