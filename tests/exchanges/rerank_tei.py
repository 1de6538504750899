"""Hugging Face's text-embeddings-inference has no SDK for its reranking: a plain request, as its documentation has it."""

import requests
from record import Answer

HOST = "tei.internal:8080"


def answer(request):
    if not request.json()["texts"]:
        body = {"error": "Input validation error: prompt-canary", "error_type": "Validation"}
        return Answer(body, status=413)
    scores = [{"index": 1, "score": 0.9987}, {"index": 0, "score": 0.0123}]
    return Answer(scores, headers={"x-compute-tokens": "17"})


def rerank(url, texts):
    requests.post(f"{url}/rerank", json={"query": "prompt-canary", "texts": texts, "raw_scores": False}, timeout=10)


CALLS = {
    "rerank": lambda url: rerank(url, ["prompt-canary", "x"]),
    "refused": lambda url: rerank(url, []),
}
