"""Turbopuffer by its own client, which sends vectors in base64."""

import turbopuffer
from record import KEY, Answer

HOST = "gcp-us-central1.turbopuffer.com"
VECTOR = [0.25, -0.5, 0.125, 1.0]
FILTER = ("And", (("city", "Eq", "prompt-canary"), ("year", "Gte", 2020)))
PERFORMANCE = {
    "approx_namespace_size": 1000,
    "cache_hit_ratio": 1.0,
    "cache_temperature": "hot",
    "exhaustive_search_count": 0,
    "query_execution_ms": 3,
    "server_total_ms": 4,
}
BILLING = {"billable_logical_bytes_queried": 256_000_000, "billable_logical_bytes_returned": 57}


def rows(*distances):
    return [{"id": number, "$dist": distance, "text": "answer-canary"} for number, distance in enumerate(distances)]


def answer(request):
    asked = request.json()
    path = request.path.split("?")[0]
    told = {"billing": BILLING, "performance": PERFORMANCE}
    if "/missing" in path:
        return Answer({"error": "namespace 'prompt-canary' was not found", "status": "error"}, status=404)
    if path.endswith("/query"):
        if "queries" in asked:
            return Answer({"results": [{"rows": rows(0.125, 0.5)}, {"rows": rows(9.5, 3.25)}], **told})
        if asked["rank_by"][0] == "id":
            return Answer({"rows": [{"id": 1, "text": "answer-canary"}, {"id": 2, "text": ""}], **told})
        ranks = (9.5, 3.25) if asked["rank_by"][1] == "BM25" else (0.125, 0.5, 0.75)
        return Answer({"rows": rows(*ranks), **told})
    counts = {"rows_affected": 3}
    if "upsert_rows" in asked or "upsert_columns" in asked:
        counts["rows_upserted"] = 3
    else:
        counts["rows_deleted"] = 3
    return Answer({"status": "OK", "message": "ok", **counts, "billing": {"billable_logical_bytes_written": 1024}})


def namespace(url, name="docs"):
    return turbopuffer.Turbopuffer(base_url=url, api_key=KEY, max_retries=0).namespace(name)


def missing(url):
    try:
        namespace(url, "missing").query(rank_by=("vector", "ANN", VECTOR), top_k=3)
    except turbopuffer.NotFoundError:
        return


def hybrid(url):
    near = {"rank_by": ("vector", "ANN", VECTOR), "top_k": 2, "include_attributes": ["text"]}
    words = {"rank_by": ("text", "BM25", "prompt-canary"), "top_k": 2, "include_attributes": ["text"]}
    namespace(url).multi_query(queries=[near, words])


def upsert(url):
    made = [{"id": number, "vector": VECTOR, "text": "prompt-canary"} for number in range(3)]
    namespace(url).write(upsert_rows=made, distance_metric="cosine_distance")


def columns(url):
    made = {"id": [1, 2, 3], "vector": [VECTOR] * 3, "text": ["prompt-canary"] * 3}
    namespace(url).write(upsert_columns=made, distance_metric="cosine_distance")


CALLS = {
    "query": lambda url: namespace(url).query(
        rank_by=("vector", "ANN", VECTOR), top_k=3, filters=FILTER, include_attributes=["text"]
    ),
    "query_words": lambda url: namespace(url).query(rank_by=("text", "BM25", "prompt-canary"), top_k=3),
    "multi_query": hybrid,
    "list": lambda url: namespace(url).query(rank_by=("id", "asc"), top_k=2, filters=FILTER),
    "missing": missing,
    "upsert_rows": upsert,
    "upsert_columns": columns,
    "delete": lambda url: namespace(url).write(deletes=[1, 2, 3]),
    "delete_by_filter": lambda url: namespace(url).write(delete_by_filter=FILTER),
}
