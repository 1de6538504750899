"""llama.cpp's own API, which has no SDK: plain requests, as its documentation has them."""

import requests
from record import Answer, events

HOST = "llama.internal:8080"
SERVER = {"server": "llama.cpp"}
TIMINGS = {"cache_n": 4, "prompt_n": 2, "prompt_ms": 54.9, "predicted_n": 51, "predicted_ms": 2310.6}


def final(content, **more):
    said = {"index": 0, "content": content, "tokens": [], "id_slot": 0, "stop": True, "model": "gpt-oss-20b"}
    counts = {"tokens_predicted": 51, "tokens_evaluated": 6, "tokens_cached": 56, "timings": TIMINGS}
    settings = {"generation_settings": {"seed": 7, "stop": ["canary"]}, "prompt": "prompt-canary"}
    return {**said, **counts, **settings, "truncated": False, "stop_type": "eos", "stopping_word": "", **more}


def answer(request):
    asked = request.json()
    if request.path == "/embedding":
        return Answer([{"index": 0, "embedding": [[0.25, -0.5, 0.125]]}], headers=SERVER)
    if asked.get("prompt") == []:
        error = {"code": 400, "message": "prompt-canary must not be empty", "type": "invalid_request_error"}
        return Answer({"error": error}, status=400, headers=SERVER)
    if not asked.get("stream"):
        return Answer(final("answer-canary", stop_type="limit"), headers=SERVER)
    common = {"index": 0, "stop": False, "id_slot": 0, "tokens_evaluated": 6}
    words = [{**common, "content": word, "tokens": [1], "tokens_predicted": 1} for word in ("answer-", "canary")]
    return Answer(events(*words, final("")), content_type="text/event-stream", headers=SERVER)


def post(url, path, body):
    requests.post(f"{url}/{path}", json=body, timeout=10)


SETTINGS = {"n_predict": 128, "temperature": 0.8, "top_k": 40, "seed": 7, "stop": ["END"], "cache_prompt": True}

CALLS = {
    "completion": lambda url: post(url, "completion", {"prompt": "prompt-canary", **SETTINGS}),
    "stream": lambda url: post(url, "completion", {"prompt": "prompt-canary", "stream": True}),
    "infill": lambda url: post(url, "infill", {"input_prefix": "def canary", "input_suffix": "return canary"}),
    "embedding": lambda url: post(url, "embedding", {"content": "prompt-canary"}),
    "refused": lambda url: post(url, "completion", {"prompt": []}),
}
