"""OpenAI's other APIs by its own SDK: responses, embeddings, completions, moderations, images, speech."""

import openai
from record import KEY, Answer, events

HOST = "api.openai.com"
MODEL = "gpt-5-mini-2025-08-07"
TOOL = {"type": "function", "name": "get_weather", "parameters": {"type": "object", "properties": {}}}
USAGE = {
    "input_tokens": 75,
    "input_tokens_details": {"cached_tokens": 12},
    "output_tokens": 125,
    "output_tokens_details": {"reasoning_tokens": 64},
    "total_tokens": 200,
}
CALL = {
    "id": "fc_1",
    "type": "function_call",
    "status": "completed",
    "call_id": "call_7",
    "name": "get_weather",
    "arguments": '{"city":"Lisbon answer-canary"}',
}


def response(status, output, usage, **fields):
    return {
        "id": "resp_68af4030592c81938ec0a5fbab4a3e9f",
        "object": "response",
        "created_at": 1_760_000_000,
        "status": status,
        "model": MODEL,
        "service_tier": "default",
        "previous_response_id": "resp_0",
        "error": None,
        "incomplete_details": None,
        "output": output,
        "usage": usage,
        **fields,
    }


def message():
    text = {"type": "output_text", "text": "It is sunny. answer-canary", "annotations": []}
    return {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [text]}


def streamed_message():
    part, whole = {"type": "output_text", "text": "", "annotations": []}, message()
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    begun = response("in_progress", [], None)
    text = whole["content"][0]["text"]
    item = {**whole, "status": "in_progress", "content": []}
    documents = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.content_part.added", **place, "part": part},
        {"type": "response.output_text.delta", **place, "delta": text},
        {"type": "response.output_text.done", **place, "text": text},
        {"type": "response.content_part.done", **place, "part": whole["content"][0]},
        {"type": "response.output_item.done", "output_index": 0, "item": whole},
        {"type": "response.completed", "response": response("completed", [whole], USAGE)},
    ]
    return events(*({**one, "sequence_number": at} for at, one in enumerate(documents)), named=True)


def stream(asked):
    if not wants_tools(asked):
        return streamed_message()
    begun = response("in_progress", [], None)
    return events(
        {"type": "response.created", "sequence_number": 0, "response": begun},
        {"type": "response.in_progress", "sequence_number": 1, "response": begun},
        {
            "type": "response.output_item.added",
            "sequence_number": 2,
            "output_index": 0,
            "item": {**CALL, "arguments": "", "status": "in_progress"},
        },
        {
            "type": "response.function_call_arguments.delta",
            "sequence_number": 3,
            "item_id": "fc_1",
            "output_index": 0,
            "delta": '{"city":"Lisbon answer-canary"}',
        },
        {"type": "response.output_item.done", "sequence_number": 4, "output_index": 0, "item": CALL},
        {"type": "response.completed", "sequence_number": 5, "response": response("completed", [CALL], USAGE)},
        named=True,
    )


def wants_tools(asked):
    """Whether tools are offered, and none has been run yet."""
    return bool(asked.get("tools")) and "function_call_output" not in str(asked["input"])


def respond(asked):
    if asked.get("model") == "no-such-model":
        error = {"message": "No prompt-canary", "type": "invalid_request_error", "param": "model", "code": "model_not_found"}
        return Answer({"error": error}, status=404)
    if asked.get("stream"):
        return Answer(stream(asked), content_type="text/event-stream; charset=utf-8")
    if asked.get("max_output_tokens") == 16:
        return Answer(response("incomplete", [message()], USAGE, incomplete_details={"reason": "max_output_tokens"}))
    return Answer(response("completed", [CALL if wants_tools(asked) else message()], USAGE))


def answer(request):
    asked = request.json() if request.headers["content-type"] == "application/json" else {}
    usage = {"prompt_tokens": 8, "total_tokens": 8}
    match request.path.partition("/v1/")[2]:
        case "responses":
            return respond(asked)
        case "embeddings":
            # Two vectors of four numbers, in base64 as the SDK asks for.
            data = [{"object": "embedding", "index": at, "embedding": "AACAPwAAAEAAAEBAAACAQA=="} for at in (0, 1)]
            return Answer({"object": "list", "model": "text-embedding-3-small", "data": data, "usage": usage})
        case "completions":
            choice = {"index": 0, "text": "answer-canary", "logprobs": None, "finish_reason": "length"}
            counted = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
            return Answer(
                {
                    "id": "cmpl-1",
                    "object": "text_completion",
                    "created": 1_760_000_000,
                    "model": "gpt-3.5-turbo-instruct:20230824-v2",
                    "choices": [choice],
                    "usage": counted,
                }
            )
        case "vector_stores/vs_abc123/search":
            part = {"type": "text", "text": "answer-canary"}
            found = [
                {"file_id": f"file-{n}", "filename": "answer-canary.md", "score": score, "attributes": {}, "content": [part]}
                for n, score in enumerate([0.91, 0.87])
            ]
            page = {"object": "vector_store.search_results.page", "search_query": ["prompt-canary"], "data": found}
            return Answer({**page, "has_more": False, "next_page": None})
        case "moderations":
            return Answer({"id": "modr-1", "model": "omni-moderation-2024-09-26", "results": []})
        case "images/generations":
            counted = {
                "input_tokens": 11,
                "output_tokens": 1056,
                "total_tokens": 1067,
                "input_tokens_details": {"text_tokens": 11, "image_tokens": 0},
            }
            return Answer({"created": 1_760_000_000, "data": [{"b64_json": "aW1hZ2U="}], "usage": counted})
        case "audio/speech":
            return Answer(b"ID3 some sound", content_type="audio/mpeg")
        case "audio/transcriptions":
            counted = {
                "type": "tokens",
                "input_tokens": 14,
                "output_tokens": 9,
                "total_tokens": 23,
                "input_token_details": {"text_tokens": 0, "audio_tokens": 14},
            }
            return Answer({"text": "answer-canary", "usage": counted})


def client(url):
    return openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0)


def asked(url, **parameters):
    asked = {"model": "gpt-5-mini", "input": "prompt-canary", "previous_response_id": "resp_0", **parameters}
    return client(url).responses.create(**asked)


def refused(url):
    try:
        asked(url, model="no-such-model")
    except openai.NotFoundError:
        return


def searched(url):
    client(url).vector_stores.search(
        "vs_abc123",
        query="prompt-canary",
        max_num_results=5,
        filters={"type": "eq", "key": "region", "value": "prompt-canary"},
        ranking_options={"score_threshold": 0.5},
    )


SOUND = ("words.mp3", b"prompt-canary in sound", "audio/mpeg")

CALLS = {
    "response": lambda url: asked(url, reasoning={"effort": "low"}, instructions="prompt-canary"),
    "response-incomplete": lambda url: asked(url, max_output_tokens=16),
    "response-stream": lambda url: list(asked(url, stream=True, tools=[TOOL])),
    "response-refused": refused,
    "embeddings": lambda url: client(url).embeddings.create(model="text-embedding-3-small", input=["prompt-canary", "two"]),
    "completion": lambda url: client(url).completions.create(
        model="gpt-3.5-turbo-instruct", prompt="prompt-canary", max_tokens=7
    ),
    "moderation": lambda url: client(url).moderations.create(model="omni-moderation-latest", input="prompt-canary"),
    "vector-store": searched,
    "image": lambda url: client(url).images.generate(model="gpt-image-1", prompt="prompt-canary"),
    "speech": lambda url: client(url).audio.speech.create(model="tts-1", voice="alloy", input="prompt-canary").read(),
    "transcription": lambda url: client(url).audio.transcriptions.create(model="gpt-4o-transcribe", file=SOUND),
}
