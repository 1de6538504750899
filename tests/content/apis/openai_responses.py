"""Responses by OpenAI's own SDK: each item of the input is a message, all items of the output are one."""

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
from record import Answer, events

from apis.openai_chat import HOST, client  # noqa: F401

USAGE = {
    "input_tokens": 20,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 40,
    "output_tokens_details": {"reasoning_tokens": 7},
    "total_tokens": 60,
}


def is_one(path):
    return path == "/v1/responses"


def output(is_done):
    thinking = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": THOUGHT}]}
    words = {"type": "output_text", "text": DONE if is_done else LOOK, "annotations": [], "logprobs": []}
    says = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [words]}
    calls = [
        {"type": "function_call", "id": f"fc_{at}", "call_id": f"call_{at}", "name": name, "status": "completed"}
        | {"arguments": json.dumps(arguments)}
        for at, (name, arguments) in enumerate(CALLS)
    ]
    return [says] if is_done else [thinking, says, *calls]


def answer(request):
    asked = request.json()
    found = output(asked["input"][-1].get("type") == "function_call_output")
    response = {"id": f"resp_{asked['model']}", "object": "response", "created_at": 1_760_000_000}
    response |= {"model": asked["model"], "status": "completed", "output": found, "usage": USAGE}
    response |= {"parallel_tool_calls": True, "tool_choice": "auto", "tools": asked["tools"], "error": None}
    if not asked.get("stream"):
        return Answer(response)
    begun = {**response, "status": "in_progress", "output": [], "usage": None}
    said = [{"type": "response.created", "response": begun}]
    for at, item in enumerate(found):
        said += streamed(at, item)
    said.append({"type": "response.completed", "response": response})
    numbered = [{**one, "sequence_number": number} for number, one in enumerate(said)]
    return Answer(events(*numbered, named=True), content_type="text/event-stream")


def streamed(at, item):
    place = {"output_index": at, "item_id": item["id"]}
    match item["type"]:
        case "message":
            empty, kind, member, words = {"content": []}, "output_text", "text", item["content"][0]["text"]
            place |= {"content_index": 0}
            part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        case "reasoning":
            empty, kind, member, words = {"summary": []}, "reasoning_summary_text", "text", item["summary"][0]["text"]
            place |= {"summary_index": 0}
            part = {"type": "summary_text", "text": ""}
        case _:
            empty, kind, member, words = {"arguments": ""}, "function_call_arguments", "arguments", item["arguments"]
            part = None
    yield {"type": "response.output_item.added", "output_index": at, "item": {**item, **empty}}
    name = "content_part" if item["type"] == "message" else "reasoning_summary_part"
    if part:
        yield {"type": f"response.{name}.added", **place, "part": part}
    for piece in pieces(words):
        yield {"type": f"response.{kind}.delta", **place, "delta": piece, "logprobs": []}
    yield {"type": f"response.{kind}.done", **place, member: words, "logprobs": []}
    if part:
        yield {"type": f"response.{name}.done", **place, "part": {**part, "text": words}}
    yield {"type": "response.output_item.done", "output_index": at, "item": item}


def ask(client, stream, **asked):
    if not stream:
        return client.responses.create(**asked)
    with client.responses.stream(**asked) as events:
        for _ in events:
            pass
        return events.get_final_response()


def said(item):
    match item.type:
        case "message":
            return [text(part.text) for part in item.content]
        case "reasoning":
            return [thought(part.text) for part in item.summary]
        case "function_call":
            return [called(item.call_id, item.name, json.loads(item.arguments))]


def talk(client, stream):
    urls = [f"data:image/png;base64,{b64(data)}" for data in IMAGES]
    seen = [{"type": "input_image", "image_url": url, "detail": "auto"} for url in urls]
    items = [
        {"role": "user", "content": HELLO},
        {"role": "assistant", "content": NOTED},
        {"role": "user", "content": [{"type": "input_text", "text": ASK}, *seen]},
    ]
    truth = [
        message("user", text(HELLO)),
        message("assistant", text(NOTED)),
        message("user", text(ASK), *map(image, IMAGES)),
    ]
    offered = [{"type": "function", "strict": False, **tool} for tool in TOOLS]
    for step in range(2):
        model = f"gpt-responses-{'stream' if stream else 'whole'}-{step}"
        found = ask(client, stream, model=model, instructions=SYSTEM, input=items, tools=offered)
        calls = [item for item in found.output if item.type == "function_call"]
        parts = [part for item in found.output for part in said(item)]
        answered = message("assistant", *parts, finish_reason="tool_call" if calls else "stop")
        yield {"model": model, "system": [text(SYSTEM)], "input": truth, "output": [answered], "tools": tools()}
        # `parsed_arguments` is the stream helper's own.
        items = items + [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in found.output]
        truth = truth + [message("assistant", *said(item)) for item in found.output]
        for call, result in zip(calls, RESULTS):
            items.append({"type": "function_call_output", "call_id": call.call_id, "output": result})
            truth.append(message("tool", gave(call.call_id, result)))
