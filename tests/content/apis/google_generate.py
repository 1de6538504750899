"""Gemini's `generateContent` by Google's own SDK."""

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
from record import KEY, Answer, events

HOST = "generativelanguage.googleapis.com"
REASONS = {"STOP": "stop"}
ROLES = {"model": "assistant"}


def is_one(path):
    return "enerateContent" in path


def answer(request):
    asked, (model, method) = request.json(), request.path.partition("?")[0].rpartition("/")[2].split(":")
    is_done = "functionResponse" in asked["contents"][-1]["parts"][0]
    words, calls = (DONE, []) if is_done else (LOOK, CALLS)
    found = [{"functionCall": {"id": f"call-{at}", "name": name, "args": args}} for at, (name, args) in enumerate(calls)]
    usage = {"promptTokenCount": 26, "candidatesTokenCount": 21, "thoughtsTokenCount": 4, "totalTokenCount": 51}
    common = {"usageMetadata": usage, "modelVersion": model, "responseId": f"id-{model}"}

    def said(*parts, reason=None):
        candidate = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
        return {"candidates": [candidate | ({"finishReason": reason} if reason else {})], **common}

    thinking = [] if is_done else [{"text": piece, "thought": True} for piece in pieces(THOUGHT, 9)]
    if method == "generateContent":
        whole = [] if is_done else [{"text": THOUGHT, "thought": True}]
        return Answer(said(*whole, {"text": words}, *found, reason="STOP"))
    documents = [said(piece) for piece in [*thinking, *({"text": piece} for piece in pieces(words))]]
    documents += [said(*found)] if found else []
    return Answer(events(*documents, said({"text": ""}, reason="STOP")), content_type="text/event-stream")


def client(url):
    from google import genai

    return genai.Client(api_key=KEY, http_options={"base_url": url})


def ask(client, stream, **asked):
    """The parts that came, and why they ended."""
    if not stream:
        found = client.models.generate_content(**asked).candidates[0]
        return found.content.parts, found.finish_reason
    parts, reason = [], None
    for chunk in client.models.generate_content_stream(**asked):
        found = chunk.candidates[0]
        parts += found.content.parts or []
        reason = found.finish_reason or reason
    return joined(parts), reason


def joined(parts):
    """Pieces of one text are one part: how the SDK hands them out is how they were sent."""
    whole = []
    for part in parts:
        last = whole[-1] if whole else None
        if part.text is None or last is None or last.text is None or bool(last.thought) != bool(part.thought):
            whole.append(part.model_copy())
        else:
            last.text += part.text
    return [part for part in whole if part.text != ""]


def said(part):
    if part.function_call:
        return called(part.function_call.id, part.function_call.name, part.function_call.args)
    if part.function_response:
        return gave(part.function_response.id, part.function_response.response)
    if part.inline_data:
        # The SDK writes base64 in the alphabet of URLs (RFC 4648, section 5).
        sent = part.model_dump(mode="json")["inline_data"]["data"]
        return {**image(part.inline_data.data, part.inline_data.mime_type), "content": sent}
    return thought(part.text) if part.thought else text(part.text)


def talk(client, stream):
    from google.genai import types

    seen = [types.Part.from_bytes(data=data, mime_type="image/png") for data in IMAGES]
    contents = [
        types.Content(role="user", parts=[types.Part(text=HELLO)]),
        types.Content(role="model", parts=[types.Part(text=NOTED)]),
        types.Content(role="user", parts=[*seen, types.Part(text=ASK)]),
    ]
    declared = [
        types.FunctionDeclaration(
            name=tool["name"], description=tool["description"], parameters_json_schema=tool["parameters"]
        )
        for tool in TOOLS
    ]
    config = types.GenerateContentConfig(
        system_instruction=SYSTEM,
        tools=[types.Tool(function_declarations=declared)],
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    for step in range(2):
        model = f"gemini-content-{'stream' if stream else 'whole'}-{step}"
        parts, reason = ask(client, stream, model=model, contents=contents, config=config)
        truth = [message(ROLES.get(one.role, one.role), *map(said, one.parts)) for one in contents]
        answered = message("assistant", *map(said, parts), finish_reason=REASONS[reason.value])
        yield {"model": model, "system": [text(SYSTEM)], "input": truth, "output": [answered], "tools": tools()}
        calls = [part.function_call for part in parts if part.function_call]
        results = [
            types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"result": result}))
            for call, result in zip(calls, RESULTS)
        ]
        contents = [
            *contents,
            types.Content(role="model", parts=parts),
            types.Content(role="user", parts=results),
        ]
