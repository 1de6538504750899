"""Elasticsearch by its own client: searches for what is near, and none of the others."""

from elasticsearch import ApiError, Elasticsearch
from record import KEY, Answer

HOST = "elasticsearch.internal:9200"
VECTOR = [0.25, -0.5, 0.125, 1.0]
FILTER = {"bool": {"must": [{"term": {"city": "prompt-canary"}}, {"range": {"year": {"gte": 2020}}}]}}
KNN = {"field": "embedding", "query_vector": VECTOR, "k": 5, "num_candidates": 50}
SHARDS = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}


def found(*scores, failed=0):
    source = {"text": "answer-canary"}
    hits = [{"_index": "docs", "_id": f"answer-canary-{n}", "_score": s, "_source": source} for n, s in enumerate(scores)]
    total = {"value": len(hits), "relation": "eq"}
    shards = {**SHARDS, "total": 1 + failed, "failed": failed}
    if failed:
        reason = {"type": "illegal_state_exception", "reason": "answer-canary"}
        shards["failures"] = [{"shard": 1, "index": "docs", "node": "n", "reason": reason}]
    return {
        "took": 4,
        "timed_out": False,
        "_shards": shards,
        "hits": {"total": total, "max_score": max(scores, default=None), "hits": hits},
    }


def error(kind, reason, status):
    cause = {"type": kind, "reason": reason}
    return {"error": {"root_cause": [cause], **cause}, "status": status}


def answer(request):
    path = request.path.split("?")[0]
    fields = {"x-elastic-product": "Elasticsearch"}
    media_type = "application/vnd.elasticsearch+json;compatible-with=9"

    def said(body, status=200):
        return Answer(body, status=status, content_type=media_type, headers=fields)

    if path.startswith("/missing/"):
        return said(error("index_not_found_exception", "no such index [prompt-canary]", 404), 404)
    if path.startswith("/wrong/"):
        reason = "the query vector has a different dimension [4] than the index vectors [3]"
        return said(error("search_phase_execution_exception", reason, 400), 400)
    if path.endswith("/_msearch"):
        missing = error("index_not_found_exception", "no such index [prompt-canary]", 404)
        return said({"took": 5, "responses": [{**found(0.91, 0.87), "status": 200}, missing]})
    if path.startswith("/part/"):
        return said(found(0.91, failed=1))
    return said(found(0.91, 0.87, 0.5))


def client(url):
    return Elasticsearch(url, api_key=KEY)


def refused(index):
    def call(url):
        try:
            client(url).search(index=index, knn=KNN)
        except ApiError as error:
            assert error.status_code in (400, 404), error

    return call


def rrf(url):
    words = {"standard": {"query": {"match": {"text": "prompt-canary"}}}}
    near = {"knn": {**KNN, "filter": FILTER}}
    client(url).search(index="docs", retriever={"rrf": {"retrievers": [words, near], "rank_window_size": 50}}, size=3)


def several(url):
    searches = [{"index": "docs"}, {"knn": KNN, "size": 2}, {"index": "docs"}, {"knn": KNN, "size": 2}]
    client(url).msearch(searches=searches)


def model(url):
    builder = {"text_embedding": {"model_id": "my-e5-model", "model_text": "prompt-canary"}}
    client(url).search(index="docs", knn={"field": "embedding", "query_vector_builder": builder, "k": 3})


def script(url):
    source = {"source": "cosineSimilarity(params.query_vector, 'embedding') + 1.0", "params": {"query_vector": VECTOR}}
    scored = {"script_score": {"query": FILTER, "script": source}}
    client(url).search(index="docs", query=scored, size=3)


def words(url):
    client(url).search(index="docs", query={"match": {"text": "prompt-canary"}})
    client(url).msearch(searches=[{"index": "docs"}, {"query": {"match_all": {}}}])


CALLS = {
    "knn": lambda url: client(url).search(
        index="docs", knn={**KNN, "filter": FILTER, "similarity": 0.5}, source=["text"], size=3
    ),
    "knn_query": lambda url: client(url).search(
        index="docs,more", query={"bool": {"must": {"knn": KNN}, "filter": FILTER}}, source=False, size=3
    ),
    "knn_two": lambda url: client(url).search(index="docs", knn=[KNN, {**KNN, "field": "title"}], size=3),
    "knn_model": model,
    "retriever": lambda url: client(url).search(index="docs", retriever={"knn": KNN}, size=3),
    "retriever_rrf": rrf,
    "semantic": lambda url: client(url).search(
        index="docs", query={"semantic": {"field": "text", "query": "prompt-canary"}}, size=3
    ),
    "sparse": lambda url: client(url).search(
        query={"sparse_vector": {"field": "tokens", "inference_id": "my-elser", "query": "prompt-canary"}}, size=3
    ),
    "script_score": script,
    "msearch": several,
    "missing": refused("missing"),
    "wrong_dimensions": refused("wrong"),
    "shards_failed": lambda url: client(url).search(index="part", knn=KNN),
    "words": words,
}


def keep(name, line):
    return name != "words"
