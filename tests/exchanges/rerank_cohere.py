"""Cohere's reranking by its own SDK."""

import cohere
from record import KEY, Answer

HOST = "api.cohere.com"
DOCUMENTS = ["prompt-canary one", "prompt-canary two", "prompt-canary three"]


def answer(request):
    if request.json()["model"] == "missing":
        body = {"id": "8d0e3c2a", "message": "model 'missing' not found: prompt-canary"}
        return Answer(body, status=404)
    results = [{"index": 2, "relevance_score": 0.98}, {"index": 0, "relevance_score": 0.11}]
    if request.path.startswith("/v1"):
        results = [{**one, "document": {"text": "answer-canary"}} for one in results]
    meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
    return Answer({"id": "07734bd2-2473-4f07-94e1-0d9f0e6843cf", "results": results, "meta": meta})


def missing(url):
    try:
        cohere.ClientV2(api_key=KEY, base_url=url).rerank(model="missing", query="prompt-canary", documents=DOCUMENTS)
    except cohere.NotFoundError:
        return


CALLS = {
    "v2": lambda url: cohere.ClientV2(api_key=KEY, base_url=url).rerank(
        model="rerank-v3.5", query="prompt-canary", documents=DOCUMENTS, top_n=2
    ),
    "v1": lambda url: cohere.Client(api_key=KEY, base_url=url).rerank(
        model="rerank-english-v3.0", query="prompt-canary", documents=DOCUMENTS, top_n=2, return_documents=True
    ),
    "missing": missing,
}
