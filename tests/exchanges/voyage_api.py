"""Voyage's embeddings of texts, chunks and images, and its reranking: as its documentation has them; its SDK brings LangChain."""

import httpx
from record import KEY, Answer

HOST = "api.voyageai.com"
PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="


def vector(index, embedding):
    return {"object": "embedding", "index": index, "embedding": embedding}


def answer(request):
    asked = request.json()
    if asked["model"] == "missing":
        return Answer({"detail": "Model missing is not supported: prompt-canary"}, status=400)
    said = {"object": "list", "model": asked["model"], "usage": {"total_tokens": 10}}
    match request.path:
        case "/v1/rerank":
            results = [{"index": 1, "relevance_score": 0.4375}, {"index": 0, "relevance_score": 0.421875}]
            return Answer({**said, "data": results})
        case "/v1/multimodalembeddings":
            usage = {"text_tokens": 5, "image_pixels": 2_000_000, "total_tokens": 3576}
            return Answer({**said, "data": [vector(0, [0.5] * 4)], "usage": usage})
        case "/v1/contextualizedembeddings":
            chunks = {"object": "list", "index": 0, "data": [vector(0, [0.5] * 3), vector(1, [0.5] * 3)]}
            return Answer({**said, "data": [chunks]})
    embedding = "AACAPgAAAL8AAAA+" if asked.get("encoding_format") else [0.25, -0.5, 0.125]
    return Answer({**said, "data": [vector(index, embedding) for index in range(len(asked["input"]))]})


def post(url, path, **body):
    headers = {"authorization": f"Bearer {KEY}"}
    httpx.post(f"{url}/v1/{path}", json=body, headers=headers, timeout=10)


TEXTS = ["prompt-canary", "prompt-canary too"]
MIXED = [{"content": [{"type": "text", "text": "prompt-canary"}, {"type": "image_base64", "image_base64": PIXEL}]}]

CALLS = {
    "embeddings": lambda url: post(url, "embeddings", model="voyage-3.5", input=TEXTS, input_type="document"),
    "base64": lambda url: post(url, "embeddings", model="voyage-3.5", input=TEXTS, encoding_format="base64"),
    "multimodal": lambda url: post(url, "multimodalembeddings", model="voyage-multimodal-3.5", inputs=MIXED),
    "contextualized": lambda url: post(
        url, "contextualizedembeddings", model="voyage-context-3", inputs=[TEXTS], output_dimension=256
    ),
    "rerank": lambda url: post(url, "rerank", model="rerank-2.5", query="prompt-canary", documents=TEXTS, top_k=2),
    "missing": lambda url: post(url, "embeddings", model="missing", input=TEXTS),
}
