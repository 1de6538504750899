"""Loops of question, tool calls, results and answer, and one more question, by vendors' own SDKs.

What an SDK gave as an answer is handed back to it as it is, as programs do: `provider::dialogue` is held against that.
"""

import json
import urllib.parse

import anthropic
import aws_bedrock
import cohere
import cohere_api
import google_gemini
import mistral_api
import ollama
import ollama_api
import openai
import openai_chat
from anthropic_messages import USAGE as ANTHROPIC_USAGE
from google.genai import types
from record import KEY, Answer, events

HOST = "api.openai.com"
VENDORS = {
    "anthropic": "api.anthropic.com",
    "bedrock": aws_bedrock.HOST,
    "claude": aws_bedrock.HOST,
    "cohere": cohere_api.HOST,
    "gemini": google_gemini.HOST,
    "mistral": mistral_api.HOST,
    "ollama": ollama_api.HOST,
}
SYSTEM = "Be brief. prompt-canary"
QUESTION = "What is the weather in Lisbon,\nand “what time” is it? prompt-canary"
NEXT = "And in Porto? prompt-canary"
# In pieces that end within what JSON escapes.
PLAN = ["Let me look:\n", "“Lisbon” ", "\U0001f324 \\ answer-canary"]
REPLY = ["It is ", "sunny,\tand ", "noon. answer-canary"]
CITY = {"city": "Lisbon"}
NAMES = ["get_weather", "get_time"]
RESULTS = {"get_weather": "sunny. answer-canary", "get_time": "12:00. answer-canary"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}


def get_weather(city: str) -> str:
    """The weather."""
    return RESULTS["get_weather"]


def get_time(city: str) -> str:
    """The time."""
    return RESULTS["get_time"]


def functions(**more):
    return [
        {"type": "function", "function": {"name": name, "description": "x", "parameters": SCHEMA}, **more} for name in NAMES
    ]


# What is answered.


def is_first(messages):
    """Whether nothing was answered yet."""
    return not any(
        one.get("role") in ("assistant", "model") or one.get("type") in ("function_call", "function_call_output", "function.result")
        for one in messages
    )


def called(**more):
    return [
        {"id": f"call_{at}", "type": "function", "function": {"name": name, "arguments": json.dumps(CITY)}, **more}
        for at, name in enumerate(NAMES)
    ]


def chat(asked):
    first = is_first(asked["messages"])
    words, calls = (PLAN, called()) if first else (REPLY, [])
    reason = "tool_calls" if first else "stop"
    if not asked.get("stream"):
        message = {"role": "assistant", "content": "".join(words), "refusal": None, "annotations": []}
        if calls:
            message["tool_calls"] = calls
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
        return Answer({**openai_chat.common("chat.completion"), "choices": [choice], "usage": openai_chat.USAGE})
    chunk = openai_chat.chunk
    pieces = [chunk({"role": "assistant", "content": ""}), *(chunk({"content": word}) for word in words)]
    for at, call in enumerate(calls):
        begun = {**call, "index": at, "function": {**call["function"], "arguments": ""}}
        pieces.append(chunk({"tool_calls": [begun]}))
        pieces.append(chunk({"tool_calls": [{"index": at, "function": {"arguments": call["function"]["arguments"]}}]}))
    pieces += [chunk({}, reason), chunk(usage=openai_chat.USAGE)]
    return Answer(events(*pieces, done=True), content_type="text/event-stream")


def mistral(asked):
    first = is_first(asked["messages"])
    words, reason = (PLAN, "tool_calls") if first else (REPLY, "stop")
    calls = [{**call, "index": at} for at, call in enumerate(called())] if first else None
    common = {"id": mistral_api.ID, "created": 1, "model": asked["model"]}
    if not asked.get("stream"):
        message = {"role": "assistant", "content": "".join(words), "tool_calls": calls}
        choice = {"index": 0, "message": message, "finish_reason": reason}
        return Answer({**common, "object": "chat.completion", "choices": [choice], "usage": mistral_api.USAGE})

    def chunk(delta, reason=None, **more):
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return {**common, "object": "chat.completion.chunk", "choices": [choice], **more}

    last = chunk({"content": "", "tool_calls": calls}, reason, usage=mistral_api.USAGE)
    pieces = [chunk({"role": "assistant", "content": ""}), *(chunk({"content": word}) for word in words), last]
    return Answer(events(*pieces, done=True), content_type="text/event-stream")


def conversation(asked):
    entry = {"object": "entry", "created_at": "2026-11-30T07:00:00Z", "completed_at": "2026-11-30T07:00:01Z"}
    model = {"model": "mistral-medium-2505"}
    if "tools" in asked:
        outputs = [
            {**entry, **model, "type": "function.call", "id": f"fc_{at}", "name": name, "tool_call_id": f"call_{at}", "arguments": json.dumps(CITY)}
            for at, name in enumerate(NAMES)
        ]
    else:
        outputs = [{**entry, **model, "type": "message.output", "id": "msg_1", "role": "assistant", "content": "".join(REPLY)}]
    usage = {"prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 16}
    body = {"object": "conversation.response", "conversation_id": mistral_api.CONVERSATION, "outputs": outputs}
    return Answer({**body, "usage": usage})


def respond(asked):
    items = asked["input"] if isinstance(asked["input"], list) else []
    first = is_first(items) and not asked.get("previous_response_id")
    words = PLAN if first else REPLY
    number = 1 + len(items)
    thought = {"type": "reasoning", "id": f"rs_{number}", "summary": [], "encrypted_content": "answer-canary"}
    part = {"type": "output_text", "text": "".join(words), "annotations": [], "logprobs": []}
    message = {"type": "message", "id": f"msg_{number}", "role": "assistant", "status": "completed", "content": [part]}
    calls = [
        {"type": "function_call", "id": f"fc_{at}", "call_id": f"call_{at}", "name": name, "arguments": json.dumps(CITY), "status": "completed"}
        for at, name in enumerate(NAMES)
    ]
    output = [thought, message, *(calls if first else [])]
    whole = {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 1_760_000_000,
        "status": "completed",
        "model": openai_chat.MODEL,
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {"input_tokens": 9, "output_tokens": 7, "total_tokens": 16, "output_tokens_details": {"reasoning_tokens": 0}, "input_tokens_details": {"cached_tokens": 0}},
    }
    if not asked.get("stream"):
        return Answer(whole)
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    pieces = [{"type": "response.created", "sequence_number": 0, "response": begun}]
    for at, item in enumerate(output):
        place = {"output_index": at, "sequence_number": at}
        empty = {"message": {"content": [], "status": "in_progress"}, "function_call": {"arguments": ""}}.get(item["type"], {})
        pieces.append({"type": "response.output_item.added", **place, "item": {**item, **empty}})
        if item is message:
            inner = {**place, "item_id": message["id"], "content_index": 0}
            pieces.append({"type": "response.content_part.added", **inner, "part": {**part, "text": ""}})
            pieces += [{"type": "response.output_text.delta", **inner, "delta": word, "logprobs": []} for word in words]
            pieces.append({"type": "response.output_text.done", **inner, "text": part["text"], "logprobs": []})
            pieces.append({"type": "response.content_part.done", **inner, "part": part})
        pieces.append({"type": "response.output_item.done", **place, "item": item})
    pieces.append({"type": "response.completed", "sequence_number": 99, "response": whole})
    return Answer(events(*pieces, named=True), content_type="text/event-stream")


def message(asked):
    first = is_first(asked["messages"])
    words, reason = (PLAN, "tool_use") if first else (REPLY, "end_turn")
    blocks = [{"type": "thinking", "thinking": "answer-canary", "signature": "c2ln"}, {"type": "text", "text": "".join(words)}]
    blocks += [{"type": "tool_use", "id": f"toolu_{at}", "name": name, "input": CITY} for at, name in enumerate(NAMES) if first]
    common = {"id": "msg_01", "type": "message", "role": "assistant", "model": asked["model"], "stop_sequence": None}
    if not asked.get("stream"):
        return Answer({**common, "content": blocks, "stop_reason": reason, "usage": ANTHROPIC_USAGE})
    begun = {**common, "content": [], "stop_reason": None, "usage": ANTHROPIC_USAGE}
    pieces = [{"type": "message_start", "message": begun}]
    for at, block in enumerate(blocks):
        empty = {"thinking": {"thinking": "", "signature": ""}, "text": {"text": ""}, "tool_use": {"input": {}}}[block["type"]]
        deltas = {
            "thinking": [{"type": "thinking_delta", "thinking": "answer-canary"}, {"type": "signature_delta", "signature": "c2ln"}],
            "text": [{"type": "text_delta", "text": word} for word in words],
            "tool_use": [{"type": "input_json_delta", "partial_json": json.dumps(CITY)}],
        }[block["type"]]
        pieces.append({"type": "content_block_start", "index": at, "content_block": {**block, **empty}})
        pieces += [{"type": "content_block_delta", "index": at, "delta": delta} for delta in deltas]
        pieces.append({"type": "content_block_stop", "index": at})
    pieces.append({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": {"output_tokens": 57}})
    return Answer(events(*pieces, {"type": "message_stop"}, named=True), content_type="text/event-stream")


def generate(asked, streamed):
    first = is_first(asked["contents"])
    words = PLAN if first else REPLY
    calls = [{"functionCall": {"name": name, "args": CITY}} for name in NAMES] if first else []
    thought = {"text": "answer-canary", "thought": True}
    common = {"usageMetadata": google_gemini.COUNTS, **google_gemini.VERSION}
    if not streamed:
        parts = [thought, {"text": "".join(words)}, *calls]
        return Answer({"candidates": [google_gemini.candidate(*parts, reason="STOP")], **common})
    pieces = [google_gemini.candidate(thought), *(google_gemini.candidate({"text": word}) for word in words)]
    pieces += [google_gemini.candidate(*calls)] if calls else []
    pieces.append(google_gemini.candidate({"text": ""}, reason="STOP"))
    return Answer(events(*({"candidates": [piece], **common} for piece in pieces)), content_type="text/event-stream")


def converse(asked, streamed):
    first = is_first(asked["messages"])
    words, reason = (PLAN, "tool_use") if first else (REPLY, "end_turn")
    uses = [{"toolUseId": f"tooluse_{at}", "name": name} for at, name in enumerate(NAMES) if first]
    metadata = {"usage": aws_bedrock.USAGE, "metrics": {"latencyMs": 5}}
    if not streamed:
        thought = {"reasoningContent": {"reasoningText": {"text": "answer-canary", "signature": "c2ln"}}}
        content = [thought, {"text": "".join(words)}, *({"toolUse": {**use, "input": CITY}} for use in uses)]
        body = {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": reason, **metadata}
        return Answer(body, headers=aws_bedrock.FIELDS)
    frame = aws_bedrock.frame
    frames = [frame({"role": "assistant"}, event_type="messageStart")]
    frames += [frame({"contentBlockIndex": 0, "delta": {"text": word}}, event_type="contentBlockDelta") for word in words]
    frames.append(frame({"contentBlockIndex": 0}, event_type="contentBlockStop"))
    for at, use in enumerate(uses, 1):
        frames.append(frame({"contentBlockIndex": at, "start": {"toolUse": use}}, event_type="contentBlockStart"))
        delta = {"toolUse": {"input": json.dumps(CITY)}}
        frames.append(frame({"contentBlockIndex": at, "delta": delta}, event_type="contentBlockDelta"))
        frames.append(frame({"contentBlockIndex": at}, event_type="contentBlockStop"))
    frames += [frame({"stopReason": reason}, event_type="messageStop"), frame(metadata, event_type="metadata")]
    return aws_bedrock.streamed(*frames)


def invoke(asked, path):
    """Anthropic's format: as it is, or each event of it in one of a stream of Bedrock's."""
    streamed = path.endswith("-with-response-stream")
    given = message({**asked, "stream": streamed, "model": aws_bedrock.CLAUDE})
    if not streamed:
        return Answer(given.body, headers=aws_bedrock.FIELDS)
    return aws_bedrock.streamed(*(aws_bedrock.chunk(json.loads(event.partition(b"data: ")[2])) for event in given.body))


def cohere_chat(asked):
    first = is_first(asked["messages"])
    reason = "TOOL_CALL" if first else "COMPLETE"
    calls = [{key: value for key, value in call.items() if key != "index"} for call in called()] if first else []
    if not asked.get("stream"):
        message = {"role": "assistant", "tool_plan": "".join(PLAN), "tool_calls": calls}
        if not first:
            message = {"role": "assistant", "content": [{"type": "text", "text": "".join(REPLY)}]}
        return Answer({"id": cohere_api.ID, "message": message, "finish_reason": reason, "usage": cohere_api.USAGE})

    def delta(kind, message, **more):
        return {"type": kind, **more, "delta": {"message": message}}

    empty = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": []}
    pieces = [delta("message-start", empty, id=cohere_api.ID)]
    if first:
        pieces += [delta("tool-plan-delta", {"tool_plan": word}) for word in PLAN]
    else:
        pieces.append(delta("content-start", {"content": {"type": "text", "text": ""}}, index=0))
        pieces += [delta("content-delta", {"content": {"text": word}}, index=0) for word in REPLY]
        pieces.append({"type": "content-end", "index": 0})
    for at, call in enumerate(calls):
        begun = {**call, "function": {**call["function"], "arguments": ""}}
        pieces.append(delta("tool-call-start", {"tool_calls": begun}, index=at))
        pieces.append(delta("tool-call-delta", {"tool_calls": {"function": {"arguments": json.dumps(CITY)}}}, index=at))
        pieces.append({"type": "tool-call-end", "index": at})
    end = {"type": "message-end", "delta": {"finish_reason": reason, "usage": cohere_api.USAGE}}
    return Answer(events(*pieces, end, named=True), content_type="text/event-stream")


def ollama_chat(asked):
    first = is_first(asked["messages"])
    words = PLAN if first else REPLY
    calls = {"tool_calls": [{"function": {"name": name, "arguments": CITY}} for name in NAMES]} if first else {}
    done = {"done": True, "done_reason": "stop", **ollama_api.COUNTS}
    if not asked.get("stream"):
        return Answer({**ollama_api.message("".join(words), **calls), **done})
    pieces = [{**ollama_api.message(word), "done": False} for word in words]
    pieces += [{**ollama_api.message("", **calls), "done": False}] if calls else []
    return Answer(ollama_api.lines(*pieces, {**ollama_api.message(""), **done}), content_type="application/x-ndjson")


def answer(request):
    asked, path = request.json(), urllib.parse.unquote(request.path.partition("?")[0])
    match path:
        case "/v1/chat/completions":
            return mistral(asked) if asked["model"].startswith("mistral") else chat(asked)
        case "/v1/responses":
            return respond(asked)
        case "/v1/messages":
            return message(asked)
        case "/v2/chat":
            return cohere_chat(asked)
        case "/api/chat":
            return ollama_chat(asked)
        case _ if path.startswith("/v1/conversations"):
            return conversation(asked)
        case _ if "/invoke" in path:
            return invoke(asked, path)
        case _ if path.startswith("/model/"):
            return converse(asked, path.endswith("/converse-stream"))
    return generate(asked, path.endswith(":streamGenerateContent"))


# What is asked.


def openai_loop(url, streamed=False):
    client = openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0)
    messages = [{"role": "developer", "content": SYSTEM}, {"role": "user", "content": QUESTION}]

    def ask():
        asked = {"model": openai_chat.MODEL, "messages": messages, "tools": functions()}
        if streamed:
            with client.chat.completions.stream(**asked) as stream:
                said = stream.get_final_completion().choices[0].message
        else:
            said = client.chat.completions.create(**asked).choices[0].message
        messages.append(said)
        return said

    for call in ask().tool_calls:
        messages.append({"role": "tool", "tool_call_id": call.id, "content": RESULTS[call.function.name]})
    ask()
    messages.append({"role": "user", "content": NEXT})
    ask()


def responses_loop(url, streamed=False, kept=False):
    client = openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0)
    tools = [{"type": "function", "name": name, "parameters": SCHEMA, "strict": False} for name in NAMES]
    items, last = [{"role": "user", "content": QUESTION}], None

    def ask(items):
        nonlocal last
        asked = {"model": openai_chat.MODEL, "input": items, "instructions": SYSTEM, "tools": tools}
        if kept and last:
            asked["previous_response_id"] = last
        if streamed:
            with client.responses.stream(**asked) as stream:
                said = stream.get_final_response()
        else:
            said = client.responses.create(**asked)
        last = said.id
        return said

    def given(said):
        calls = [item for item in said.output if item.type == "function_call"]
        return [{"type": "function_call_output", "call_id": call.call_id, "output": RESULTS[call.name]} for call in calls]

    said = ask(QUESTION if kept else items)
    if kept:
        ask(given(said))
        ask(NEXT)
        return
    items += [*said.output, *given(said)]
    said = ask(items)
    items += [*said.output, {"role": "user", "content": NEXT}]
    ask(items)


def anthropic_loop(url, streamed=False, client=None):
    client = client or anthropic.Anthropic(base_url=url, api_key=KEY, max_retries=0)
    tools = [{"name": name, "description": "x", "input_schema": SCHEMA} for name in NAMES]
    cached = {"cache_control": {"type": "ephemeral"}}
    messages = []

    def ask(*blocks):
        # The mark of what is to be cached moves on to the last block.
        for one in messages:
            if one["role"] == "user":
                one["content"][-1].pop("cache_control", None)
        messages.append({"role": "user", "content": [*blocks[:-1], {**blocks[-1], **cached}]})
        system = [{"type": "text", "text": SYSTEM, **cached}]
        asked = {"model": "claude-sonnet-4-5", "max_tokens": 1024, "system": system, "messages": messages, "tools": tools}
        if streamed:
            with client.messages.stream(**asked) as stream:
                said = stream.get_final_message()
        else:
            said = client.messages.create(**asked)
        messages.append({"role": "assistant", "content": said.content})
        return said

    said = ask({"type": "text", "text": QUESTION})
    uses = [block for block in said.content if block.type == "tool_use"]
    ask(*({"type": "tool_result", "tool_use_id": use.id, "content": RESULTS[use.name], "is_error": use.name == "get_time"} for use in uses))
    ask({"type": "text", "text": NEXT})


def gemini_loop(url, streamed=False):
    """The SDK keeps the conversation, and runs the tools."""
    config = types.GenerateContentConfig(tools=[get_weather, get_time], system_instruction=SYSTEM)
    with google_gemini.client(url) as client:
        kept = client.chats.create(model=google_gemini.MODEL, config=config)
        for question in (QUESTION, NEXT):
            list(kept.send_message_stream(question)) if streamed else kept.send_message(question)


def bedrock_loop(url, streamed=False):
    client = aws_bedrock.client(url)
    specs = [{"name": name, "description": "x", "inputSchema": {"json": SCHEMA}} for name in NAMES]
    tools = {"tools": [{"toolSpec": spec} for spec in specs]}
    messages = [{"role": "user", "content": [{"text": QUESTION}]}]

    def ask():
        asked = {"modelId": aws_bedrock.CLAUDE, "messages": messages, "system": [{"text": SYSTEM}], "toolConfig": tools}
        if streamed:
            said = put_together(client.converse_stream(**asked)["stream"])
        else:
            said = client.converse(**asked)["output"]["message"]
        messages.append(said)
        return [block["toolUse"] for block in said["content"] if "toolUse" in block]

    content = [
        {"toolResult": {"toolUseId": use["toolUseId"], "content": [{"text": RESULTS[use["name"]]}], "status": "success"}}
        for use in ask()
    ]
    messages.append({"role": "user", "content": [*content, {"cachePoint": {"type": "default"}}]})
    ask()
    messages[-2]["content"].pop()
    messages.append({"role": "user", "content": [{"text": NEXT}]})
    ask()


def put_together(stream):
    """The message that a stream of Converse has in pieces."""
    blocks = {}
    for event in stream:
        if "contentBlockStart" in event:
            begun = event["contentBlockStart"]
            blocks[begun["contentBlockIndex"]] = {"toolUse": {**begun["start"]["toolUse"], "input": ""}}
        elif "contentBlockDelta" in event:
            piece = event["contentBlockDelta"]
            block, delta = blocks.setdefault(piece["contentBlockIndex"], {"text": ""}), piece["delta"]
            if "text" in delta:
                block["text"] += delta["text"]
            else:
                block["toolUse"]["input"] += delta["toolUse"]["input"]
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"])
    return {"role": "assistant", "content": list(blocks.values())}


def mistral_loop(url, streamed=False):
    client = mistral_api.client(url)
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]

    def ask():
        asked = {"model": mistral_api.MODEL, "messages": messages, "tools": functions()}
        if streamed:
            text, calls = "", []
            for event in client.chat.stream(**asked):
                delta = event.data.choices[0].delta
                text, calls = text + (delta.content or ""), calls + (delta.tool_calls or [])
            said = {"role": "assistant", "content": text, "tool_calls": calls or None}
        else:
            said = client.chat.complete(**asked).choices[0].message
            calls = said.tool_calls or []
        messages.append(said)
        return calls

    for call in ask():
        name = call.function.name
        messages.append({"role": "tool", "tool_call_id": call.id, "name": name, "content": RESULTS[name]})
    ask()
    messages.append({"role": "user", "content": NEXT})
    ask()


def mistral_kept(url):
    conversations = mistral_api.client(url).beta.conversations
    said = conversations.start(
        model="mistral-medium-latest", inputs=QUESTION, instructions=SYSTEM, tools=functions()
    )
    given = [
        {"type": "function.result", "tool_call_id": call.tool_call_id, "result": RESULTS[call.name]} for call in said.outputs
    ]
    conversations.append(conversation_id=said.conversation_id, inputs=given)
    conversations.append(conversation_id=said.conversation_id, inputs=NEXT)


def cohere_loop(url, streamed=False):
    client = cohere_api.v2(url)
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]

    def ask():
        asked = {"model": cohere_api.MODEL, "messages": messages, "tools": functions()}
        if not streamed:
            said = client.chat(**asked).message
            messages.append(said)
            return said.tool_calls or []
        text, plan, calls = "", "", []
        for event in client.chat_stream(**asked):
            if event.type == "content-delta":
                text += event.delta.message.content.text
            elif event.type == "tool-plan-delta":
                plan += event.delta.message.tool_plan
            elif event.type == "tool-call-start":
                calls.append(event.delta.message.tool_calls)
            elif event.type == "tool-call-delta":
                calls[-1].function.arguments += event.delta.message.tool_calls.function.arguments
        said = {"tool_plan": plan, "tool_calls": calls} if calls else {"content": text}
        messages.append({"role": "assistant", **said})
        return calls

    for call in ask():
        document = {"type": "document", "document": {"data": json.dumps({"said": RESULTS[call.function.name]})}}
        messages.append({"role": "tool", "tool_call_id": call.id, "content": [document]})
    ask()
    messages.append({"role": "user", "content": NEXT})
    ask()


def ollama_loop(url, streamed=False):
    client = ollama.Client(host=url)
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]

    def ask():
        asked = {"model": ollama_api.MODEL, "messages": messages, "tools": [get_weather, get_time], "stream": streamed}
        if not streamed:
            said = client.chat(**asked).message
            messages.append(said)
            return said.tool_calls or []
        text, calls = "", []
        for piece in client.chat(**asked):
            text, calls = text + (piece.message.content or ""), calls + list(piece.message.tool_calls or [])
        messages.append({"role": "assistant", "content": text, "tool_calls": calls})
        return calls

    for call in ask():
        name = call.function.name
        messages.append({"role": "tool", "tool_name": name, "content": RESULTS[name]})
    ask()
    messages.append({"role": "user", "content": NEXT})
    ask()


LOOPS = {
    "anthropic": anthropic_loop,
    "bedrock": bedrock_loop,
    "claude": lambda url, **more: anthropic_loop(url, client=aws_bedrock.claude(url), **more),
    "cohere": cohere_loop,
    "gemini": gemini_loop,
    "mistral": mistral_loop,
    "ollama": ollama_loop,
    "openai": openai_loop,
    "responses": responses_loop,
}
CALLS = {
    **LOOPS,
    **{f"{name}_stream": lambda url, loop=loop: loop(url, streamed=True) for name, loop in LOOPS.items()},
    "responses_kept": lambda url: responses_loop(url, kept=True),
    "mistral_kept": mistral_kept,
}
HOSTS = {name: VENDORS[name.partition("_")[0]] for name in CALLS if name.partition("_")[0] in VENDORS}
