"""Ollama's chat by its own SDK."""

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
)
from record import Answer

HOST = "localhost"
COUNTS = {"total_duration": 5_191, "load_duration": 2, "prompt_eval_duration": 3, "eval_duration": 4}
COUNTS |= {"prompt_eval_count": 26, "eval_count": 98}


def is_one(path):
    return path == "/api/chat"


def answer(request):
    asked = request.json()
    common = {"model": asked["model"], "created_at": "2026-11-30T04:00:00.123456Z"}
    is_done = asked["messages"][-1]["role"] == "tool"
    calls = [] if is_done else [{"function": {"name": name, "arguments": given}} for name, given in CALLS]
    words, thinking = (DONE, "") if is_done else (LOOK, THOUGHT)
    end = {"done": True, "done_reason": "stop", **COUNTS}

    def said(end=None, **more):
        return {**common, "message": {"role": "assistant", "content": "", **more}, **(end or {"done": False})}

    if not asked.get("stream"):
        more = ({"thinking": thinking} if thinking else {}) | ({"tool_calls": calls} if calls else {})
        return Answer(said(end, content=words, **more))
    documents = [said(thinking=piece) for piece in pieces(thinking)] + [said(content=piece) for piece in pieces(words)]
    documents += [said(tool_calls=[call]) for call in calls]
    lines = [json.dumps(document).encode() + b"\n" for document in [*documents, said(end)]]
    return Answer(lines, content_type="application/x-ndjson")


def client(url):
    import ollama

    return ollama.Client(host=url)


def ask(client, stream, **asked):
    """The message, and why it ended."""
    if not stream:
        found = client.chat(**asked)
        return found.message, found.done_reason
    whole = None
    for chunk in client.chat(**asked, stream=True):
        more = chunk.message
        if whole is None:
            whole = more.model_copy()
            continue
        whole.content = (whole.content or "") + (more.content or "")
        whole.thinking = (whole.thinking or "") + (more.thinking or "") or None
        whole.tool_calls = [*(whole.tool_calls or []), *(more.tool_calls or [])] or None
    return whole, chunk.done_reason


def said(found):
    parts = [thought(found.thinking)] if found.thinking else []
    parts += [text(found.content)] if found.content else []
    for call in found.tool_calls or []:
        parts.append(called(None, call.function.name, dict(call.function.arguments)))
    return message("assistant", *parts)


def talk(client, stream):
    messages = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": HELLO},
        {"role": "assistant", "content": NOTED},
        {"role": "user", "content": ASK, "images": IMAGES},
    ]
    # Images come without their type.
    seen = [image(data, None) for data in IMAGES]
    truth = [
        message("system", text(SYSTEM)),
        message("user", text(HELLO)),
        message("assistant", text(NOTED)),
        message("user", text(ASK), *seen),
    ]
    import ollama

    # Members that the SDK does not know are not sent.
    offered = [ollama.Tool(function=tool) for tool in TOOLS]
    known = [{"type": tool.type, **tool.function.model_dump(exclude_none=True)} for tool in offered]
    for step in range(2):
        model = f"llama-content-{'stream' if stream else 'whole'}-{step}"
        found, reason = ask(client, stream, model=model, messages=messages, tools=offered)
        answered = {**said(found), "finish_reason": reason}
        yield {"model": model, "system": [], "input": truth, "output": [answered], "tools": known}
        messages = [*messages, found]
        truth = [*truth, said(found)]
        for call, result in zip(found.tool_calls or [], RESULTS):
            messages.append({"role": "tool", "content": result, "tool_name": call.function.name})
            truth.append(message("tool", gave(None, result), name=call.function.name))
