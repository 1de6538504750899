"""Hugging Face's text-generation-inference, text-embeddings-inference and inference API by its own SDK."""

import requests
from huggingface_hub import InferenceClient, errors
from record import KEY, Answer, events

HOST = "router.huggingface.co"
DETAILS = {"finish_reason": "length", "generated_tokens": 17, "seed": None, "prefill": [], "tokens": []}
MESSAGES = [{"role": "user", "content": "prompt-canary"}]


def token(number, text, **more):
    one = {"id": number, "text": text, "logprob": -0.25, "special": False}
    return {"index": number, "token": one, "generated_text": None, "details": None, **more}


def stream(broken):
    details = {"finish_reason": "stop_sequence", "generated_tokens": 2, "input_length": 6, "seed": 7}
    last = token(2, "canary", generated_text="answer-canary", details=details)
    if broken:
        last = {"error": "Request failed during generation: answer-canary", "error_type": "generation"}
    return Answer(events(token(1, "answer-"), last), content_type="text/event-stream")


def chat(asked):
    message = {"role": "assistant", "content": "answer-canary"}
    choices = [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}]
    usage = {"prompt_tokens": 16, "completion_tokens": 34, "total_tokens": 50}
    said = {"id": "", "object": "chat.completion", "created": 1, "model": asked["model"], "choices": choices}
    return Answer({**said, "system_fingerprint": "3.3.4-sha-4d28897", "usage": usage})


def answer(request):
    asked = request.json()
    if request.path.endswith("/chat/completions"):
        return chat(asked)
    if request.path.endswith("/feature-extraction"):
        return Answer([[0.25, -0.5, 0.125, 1.0]])
    if request.path.endswith("/embed"):
        return Answer([[0.25, -0.5, 0.125] for _ in asked["inputs"]], headers={"x-compute-tokens": "9"})
    if asked["inputs"] == "too long canary":
        return Answer({"error": "Input validation error: prompt-canary", "error_type": "validation"}, status=422)
    if asked.get("stream") or request.path.endswith("/generate_stream"):
        return stream(asked["parameters"].get("max_new_tokens") == 1)
    # Both headers are the server's own; the inference API does without.
    counts = {"x-prompt-tokens": "6", "x-generated-tokens": "17"}
    if request.path == "/generate":
        return Answer({"generated_text": "answer-canary", "details": DETAILS}, headers=counts)
    if "/models/" in request.path:
        return Answer([{"generated_text": "answer-canary"}])
    return Answer([{"generated_text": "answer-canary", "details": DETAILS}], headers=counts)


def client(url):
    return InferenceClient(token=KEY, base_url=url)


def too_long(url):
    try:
        client(url).text_generation("too long canary", max_new_tokens=9)
    except errors.ValidationError:
        return


def streamed(url, max_new_tokens):
    # The stream is closed with its client.
    this = client(url)
    try:
        list(this.text_generation("prompt-canary", max_new_tokens=max_new_tokens, details=True, stream=True))
    except errors.GenerationError:
        return


def post(url, path, body):
    requests.post(f"{url}/{path}", json=body, timeout=10)


SETTINGS = {"temperature": 0.5, "top_k": 10, "top_p": 0.9, "seed": 7, "stop": ["END"]}
GENERATE = {"inputs": "prompt-canary", "parameters": {"max_new_tokens": 20, "details": True}}
MODEL = "/hf-inference/models/google/flan-t5-base"

CALLS = {
    "chat": lambda url: client(url).chat_completion(MESSAGES, model=f"{url}/v1", max_tokens=9),
    "text": lambda url: client(url).text_generation("prompt-canary", max_new_tokens=20, details=True, **SETTINGS),
    "stream": lambda url: streamed(url, 20),
    "broken": lambda url: streamed(url, 1),
    "too_long": too_long,
    "model": lambda url: client(url).text_generation("prompt-canary", model=url + MODEL, max_new_tokens=20),
    "features": lambda url: client(url).feature_extraction(
        "prompt-canary", model=f"{url}/hf-inference/models/BAAI/bge-small-en/pipeline/feature-extraction"
    ),
    # What the servers' own documentation shows.
    "generate": lambda url: post(url, "generate", GENERATE),
    "generate_stream": lambda url: post(url, "generate_stream", GENERATE),
    "embed": lambda url: post(url, "embed", {"inputs": ["prompt-canary", "x"], "normalize": True}),
}
