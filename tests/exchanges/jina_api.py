"""Jina's embeddings and reranking, which have no SDK: as its documentation has them."""

import httpx
from record import KEY, Answer

HOST = "api.jina.ai"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="


def answer(request):
    asked = request.json()
    if asked["model"] == "missing":
        return Answer({"detail": "Model missing not found: prompt-canary"}, status=422)
    said = {"model": asked["model"], "object": "list", "usage": {"total_tokens": 38, "prompt_tokens": 38}}
    if request.path == "/v1/rerank":
        results = [{"index": 1, "relevance_score": 0.98, "document": {"text": "answer-canary"}}]
        return Answer({**said, "results": results})
    embedding = "AACAPgAAAL8AAAA+" if asked.get("embedding_type") == "base64" else [0.25, -0.5, 0.125]
    data = [{"object": "embedding", "index": at, "embedding": embedding} for at in range(len(asked["input"]))]
    return Answer({**said, "data": data})


def post(url, path, **body):
    headers = {"authorization": f"Bearer {KEY}"}
    httpx.post(f"{url}/v1/{path}", json=body, headers=headers, timeout=10)


TEXTS = ["prompt-canary", "prompt-canary too"]
MIXED = [{"text": "prompt-canary"}, {"image": PIXEL}, {"image": "https://example.com/prompt-canary.png"}]

CALLS = {
    "embeddings": lambda url: post(url, "embeddings", model="jina-embeddings-v3", task="text-matching", input=TEXTS),
    "images": lambda url: post(url, "embeddings", model="jina-clip-v2", input=MIXED, embedding_type="base64"),
    "rerank": lambda url: post(
        url, "rerank", model="jina-reranker-v2-base-multilingual", query="prompt-canary", documents=TEXTS, top_n=1
    ),
    "missing": lambda url: post(url, "embeddings", model="missing", input=TEXTS),
}
