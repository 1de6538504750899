"""OpenSearch by its own client: searches for what is near."""

from opensearchpy import OpenSearch, TransportError
from record import KEY, Answer

HOST = "opensearch.internal:9200"
VECTOR = [0.25, -0.5, 0.125, 1.0]
FILTER = {"bool": {"must": [{"term": {"city": "prompt-canary"}}, {"range": {"year": {"gte": 2020}}}]}}
KNN = {"knn": {"embedding": {"vector": VECTOR, "k": 5}}}


def found(*scores):
    source = {"text": "answer-canary"}
    hits = [{"_index": "docs", "_id": f"answer-canary-{n}", "_score": s, "_source": source} for n, s in enumerate(scores)]
    return {
        "took": 4,
        "timed_out": False,
        "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
        "hits": {"total": {"value": len(hits), "relation": "eq"}, "max_score": max(scores), "hits": hits},
    }


def answer(request):
    path = request.path.split("?")[0]
    fields = {"x-opensearch-version": "OpenSearch/3.3.0 (opensearch)"}
    if path.startswith("/missing/"):
        cause = {"type": "index_not_found_exception", "reason": "no such index [prompt-canary]", "index": "missing"}
        return Answer({"error": {"root_cause": [cause], **cause}, "status": 404}, status=404, headers=fields)
    if path.endswith("/_msearch"):
        return Answer({"took": 5, "responses": [{**found(0.91, 0.87), "status": 200}] * 2}, headers=fields)
    return Answer(found(0.91, 0.87, 0.5), headers=fields)


def client(url):
    return OpenSearch(url, http_auth=("admin", KEY))


def missing(url):
    try:
        client(url).search(index="missing", body={"query": KNN})
    except TransportError as error:
        assert error.status_code == 404, error


def filtered(url):
    near = {"knn": {"embedding": {**KNN["knn"]["embedding"], "filter": FILTER}}}
    client(url).search(index="docs", body={"size": 3, "query": near, "_source": ["text"]})


def hybrid(url):
    neural = {"neural": {"embedding": {"query_text": "prompt-canary", "model_id": "bQ1J8ooBpBj3wT4HVUsb", "k": 5}}}
    queries = [{"match": {"text": "prompt-canary"}}, neural]
    client(url).search(index="docs", body={"size": 3, "query": {"hybrid": {"queries": queries}}})


def script(url):
    params = {"field": "embedding", "query_value": VECTOR, "space_type": "cosinesimil"}
    scored = {"query": FILTER, "script": {"source": "knn_score", "lang": "knn", "params": params}}
    client(url).search(index="docs", body={"size": 3, "query": {"script_score": scored}})


CALLS = {
    "knn": lambda url: client(url).search(index="docs", body={"size": 5, "query": KNN}),
    "knn_filter": filtered,
    "knn_bool": lambda url: client(url).search(
        index="docs", body={"size": 5, "query": {"bool": {"must": [KNN], "filter": FILTER}}}
    ),
    "neural_hybrid": hybrid,
    "script_score": script,
    "msearch": lambda url: client(url).msearch(body=[{}, {"query": KNN}, {}, {"query": KNN}], index="docs"),
    "missing": missing,
    "words": lambda url: client(url).search(index="docs", body={"query": {"match": {"text": "prompt-canary"}}}),
}


def keep(name, line):
    return name != "words"
