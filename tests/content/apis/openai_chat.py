"""Chat completions by OpenAI's own SDK."""

import json

from dialogue import (
    ASK,
    CALLS,
    DONE,
    HELLO,
    IMAGES,
    LOOK,
    NOTED,
    OTHERWISE,
    RESULTS,
    SYSTEM,
    TOOLS,
    b64,
    called,
    gave,
    image,
    message,
    pieces,
    text,
    tools,
)
from record import KEY, Answer, events

HOST = "api.openai.com"
REASONS = {"tool_calls": "tool_call"}
USAGE = {"prompt_tokens": 82, "completion_tokens": 40, "total_tokens": 122}


def is_one(path):
    return path == "/v1/chat/completions"


def wire_calls():
    for index, (name, arguments) in enumerate(CALLS):
        function = {"name": name, "arguments": json.dumps(arguments)}
        yield {"index": index, "id": f"call_{index}", "type": "function", "function": function}


def answer(request):
    asked = request.json()
    common = {"id": f"chatcmpl-{asked['model']}", "created": 1_760_000_000, "model": asked["model"]}
    is_done = asked["messages"][-1]["role"] == "tool"
    choices = [{"role": "assistant", "content": LOOK, "tool_calls": list(wire_calls())}]
    reasons = ["tool_calls"]
    if is_done:
        choices = [{"role": "assistant", "content": words} for words in (DONE, OTHERWISE)]
        reasons = ["stop", "stop"]
    if not asked.get("stream"):
        found = [
            {"index": at, "message": choice, "finish_reason": reason}
            for at, (choice, reason) in enumerate(zip(choices, reasons))
        ]
        return Answer({**common, "object": "chat.completion", "choices": found, "usage": USAGE})

    def chunk(index, delta, reason=None):
        choice = {"index": index, "delta": delta, "finish_reason": reason}
        return {**common, "object": "chat.completion.chunk", "choices": [choice]}

    chunks = [chunk(at, {"role": "assistant", "content": ""}) for at in range(len(choices))]
    # The choices come one beside the other.
    said = [[chunk(at, {"content": piece}) for piece in pieces(one["content"])] for at, one in enumerate(choices)]
    while any(said):
        chunks += [one.pop(0) for one in said if one]
    for call in [] if is_done else wire_calls():
        function = call["function"]
        chunks.append(chunk(0, {"tool_calls": [{**call, "function": {**function, "arguments": ""}}]}))
        for piece in pieces(function["arguments"]):
            more = {"index": call["index"], "function": {"arguments": piece}}
            chunks.append(chunk(0, {"tool_calls": [more]}))
    chunks += [chunk(at, {}, reason) for at, reason in enumerate(reasons)]
    chunks.append({**common, "object": "chat.completion.chunk", "choices": [], "usage": USAGE})
    return Answer(events(*chunks, done=True), content_type="text/event-stream")


def client(url):
    import openai

    return openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0)


def ask(client, stream, **asked):
    if not stream:
        return client.chat.completions.create(**asked)
    with client.chat.completions.stream(**asked, stream_options={"include_usage": True}) as events:
        return events.get_final_completion()


def said(choice):
    """What a choice says."""
    found = choice.message
    parts = [text(found.content)] if found.content else []
    for call in found.tool_calls or []:
        parts.append(called(call.id, call.function.name, json.loads(call.function.arguments)))
    return message("assistant", *parts)


def talk(client, stream):
    urls = [f"data:image/png;base64,{b64(data)}" for data in IMAGES]
    seen = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    messages = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": HELLO},
        {"role": "assistant", "content": NOTED},
        {"role": "user", "content": [{"type": "text", "text": ASK}, *seen]},
    ]
    truth = [
        message("system", text(SYSTEM)),
        message("user", text(HELLO)),
        message("assistant", text(NOTED)),
        message("user", text(ASK), *map(image, IMAGES)),
    ]
    offered = [{"type": "function", "function": tool} for tool in TOOLS]
    for step in range(2):
        model = f"gpt-content-{'stream' if stream else 'whole'}-{step}"
        found = ask(client, stream, model=model, messages=messages, tools=offered, n=step + 1)
        output = [{**said(one), "finish_reason": REASONS.get(one.finish_reason, one.finish_reason)} for one in found.choices]
        yield {"model": model, "system": [], "input": truth, "output": output, "tools": tools()}
        answered = found.choices[0].message
        messages = [*messages, answered.model_dump(include={"role", "content", "tool_calls"}, exclude_none=True)]
        truth = [*truth, said(found.choices[0])]
        for call, result in zip(answered.tool_calls or [], RESULTS):
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
            truth.append(message("tool", gave(call.id, result)))
