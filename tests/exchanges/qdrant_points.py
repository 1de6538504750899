"""Qdrant by its own client, over REST."""

from qdrant_client import QdrantClient, models
from record import KEY, Answer

HOST = "qdrant.internal:6333"
VECTOR = [0.25, -0.5, 0.125, 1.0]
FILTER = models.Filter(
    must=[models.FieldCondition(key="city", match=models.MatchValue(value="prompt-canary"))],
    must_not=[models.FieldCondition(key="year", range=models.Range(gte=2020, lt=2025))],
)
IO = ["payload_io_read", "payload_io_write", "payload_index_io_read", "payload_index_io_write", "vector_io_read"]
HARDWARE = {"cpu": 32, "vector_io_write": 0, **dict.fromkeys(IO, 0)}


def point(number, score=None):
    found = {"id": number, "version": 3, "payload": {"text": "answer-canary"}}
    return found if score is None else {**found, "score": score}


def said(result, **usage):
    return Answer({"result": result, "status": "ok", "time": 0.000412, "usage": {"hardware": HARDWARE, **usage}})


def answer(request):
    asked = request.json()
    path = request.path.split("?")[0]
    matches = [point(7, 0.91), point(3, 0.87), point(12, 0.5)]
    if "/missing/" in path:
        error = "Not found: Collection `missing` doesn't exist! prompt-canary"
        return Answer({"status": {"error": error}, "time": 0.0000021}, status=404)
    if path.endswith("/query/batch"):
        return said([{"points": matches}, {"points": matches[:1]}])
    if path.endswith("/query/groups"):
        return said({"groups": [{"id": "a", "hits": matches[:2]}, {"id": "b", "hits": matches[2:]}]})
    if path.endswith("/query"):
        inference = {"models": {"sentence-transformers/all-minilm-l6-v2": {"tokens": 9}}}
        if isinstance(asked["query"], dict) and "text" in asked["query"].get("nearest", asked["query"]):
            return said({"points": matches}, inference=inference)
        return said({"points": matches})
    if path.endswith("/scroll"):
        return said({"points": [point(1), point(2)], "next_page_offset": 3})
    if path.endswith("/count"):
        return said({"count": 42})
    if request.method == "POST" and path.endswith("/points"):
        return said([point(1), point(2)])
    return said({"operation_id": 8, "status": "completed"})


def client(url):
    return QdrantClient(url=url, api_key=KEY, check_compatibility=False)


def missing(url):
    try:
        client(url).query_points("missing", query=VECTOR)
    except Exception as error:
        assert "404" in str(error), error


def upsert(url):
    points = [models.PointStruct(id=n, vector=VECTOR, payload={"text": "prompt-canary"}) for n in range(300)]
    client(url).upsert("docs", points=points, wait=True)


def batch(url):
    requests = [models.QueryRequest(query=VECTOR, limit=3), models.QueryRequest(query=VECTOR, limit=3)]
    client(url).query_batch_points("docs", requests=requests)


def hybrid(url):
    sparse = models.SparseVector(indices=[1, 7], values=[0.5, 0.25])
    prefetch = [models.Prefetch(query=VECTOR, using="dense", limit=20), models.Prefetch(query=sparse, using="sparse")]
    client(url).query_points("docs", prefetch=prefetch, query=models.FusionQuery(fusion=models.Fusion.RRF), limit=10)


def inference(url):
    asked = models.Document(text="prompt-canary", model="sentence-transformers/all-minilm-l6-v2")
    cloud = QdrantClient(url=url, api_key=KEY, check_compatibility=False, cloud_inference=True)
    cloud.query_points("docs", query=asked, limit=3)


def groups(url):
    client(url).query_points_groups("docs", group_by="document", query=VECTOR, limit=2, group_size=2)


CALLS = {
    "query": lambda url: client(url).query_points(
        "docs", query=VECTOR, limit=5, query_filter=FILTER, score_threshold=0.5, with_payload=True
    ),
    "query_batch": batch,
    "query_groups": groups,
    "query_hybrid": hybrid,
    "query_inference": inference,
    "missing": missing,
    "upsert": upsert,
    "retrieve": lambda url: client(url).retrieve("docs", ids=[1, 2], with_payload=False),
    "scroll": lambda url: client(url).scroll("docs", scroll_filter=FILTER, limit=2),
    "count": lambda url: client(url).count("docs", exact=True),
    "delete": lambda url: client(url).delete("docs", points_selector=[1, 2, 3]),
    "delete_by_filter": lambda url: client(url).delete("docs", points_selector=models.FilterSelector(filter=FILTER)),
    "set_payload": lambda url: client(url).set_payload("docs", payload={"text": "prompt-canary"}, points=[1]),
}
