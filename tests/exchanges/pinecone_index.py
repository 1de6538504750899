"""Pinecone by its own client: vectors and records of an index, embeddings, reranking."""

from pinecone import Pinecone
from record import KEY, Answer

HOST = "docs-example-1a2b3c4.svc.us-east-1-aws.pinecone.io"
VECTOR = [0.25, -0.5, 0.125, 1.0]
MODEL = "multilingual-e5-large"


def answer(request):
    path = request.path.split("?")[0]
    if path == "/query":
        asked = request.json()
        if asked["namespace"] == "missing":
            error = {"code": "INVALID_ARGUMENT", "message": "Vector dimension: prompt-canary"}
            return Answer({"error": error, "status": 400}, status=400)
        found = [{"id": f"answer-canary-{n}", "score": 0.9 - n / 10, "metadata": {"text": "a"}} for n in range(3)]
        return Answer({"results": [], "matches": found, "namespace": asked["namespace"], "usage": {"readUnits": 6}})
    if path == "/vectors/upsert":
        return Answer({"upsertedCount": len(request.json()["vectors"])})
    if path == "/vectors/fetch":
        vectors = {name: {"id": name, "values": VECTOR} for name in ("answer-canary-1", "answer-canary-2")}
        return Answer({"vectors": vectors, "namespace": "tenant", "usage": {"readUnits": 1}})
    if path == "/vectors/list":
        return Answer({"vectors": [{"id": "a"}, {"id": "b"}], "namespace": "tenant", "usage": {"readUnits": 1}})
    if path.endswith("/search"):
        hits = [{"_id": "a", "_score": 0.5, "fields": {"text": "answer-canary"}}]
        return Answer({"result": {"hits": hits}, "usage": {"read_units": 6, "embed_total_tokens": 9}})
    if path == "/embed":
        data = [{"values": VECTOR, "vector_type": "dense"}] * 2
        usage = {"total_tokens": 16}
        return Answer({"model": MODEL, "vector_type": "dense", "data": data, "usage": usage})
    if path == "/rerank":
        data = [{"index": 1, "score": 0.75, "document": {"text": "answer-canary"}}, {"index": 0, "score": 0.25}]
        return Answer({"model": "bge-reranker-v2-m3", "data": data, "usage": {"rerank_units": 1}})
    return Answer({}, status=201 if path.startswith("/records") else 200)


def index(url):
    return Pinecone(api_key=KEY).Index(host=url)


def inference(url):
    return Pinecone(api_key=KEY, host=url).inference


def refused(url):
    try:
        index(url).query(vector=VECTOR, top_k=3, namespace="missing")
    except Exception as error:
        assert "400" in str(error) or "dimension" in str(error), error


def upsert(url):
    vectors = [{"id": f"prompt-canary-{n}", "values": VECTOR, "metadata": {"text": "x"}} for n in range(150)]
    index(url).upsert(vectors=vectors, namespace="tenant", batch_size=200)


def upsert_records(url):
    records = [{"_id": f"r{n}", "text": "prompt-canary"} for n in range(3)]
    index(url).upsert_records(records=records, namespace="tenant")


FILTER = {"genre": {"$eq": "prompt-canary"}, "year": {"$gte": 2020}}

CALLS = {
    "query": lambda url: index(url).query(
        vector=VECTOR, top_k=3, namespace="tenant", filter=FILTER, include_metadata=True
    ),
    "query_by_id": lambda url: index(url).query(id="prompt-canary", top_k=3, namespace="tenant"),
    "refused": refused,
    "upsert": upsert,
    "fetch": lambda url: index(url).fetch(ids=["prompt-canary-1", "prompt-canary-2"], namespace="tenant"),
    "delete": lambda url: index(url).delete(ids=["prompt-canary-1", "prompt-canary-2"], namespace="tenant"),
    "delete_all": lambda url: index(url).delete(delete_all=True, namespace="tenant"),
    "update": lambda url: index(url).update(id="prompt-canary-1", values=VECTOR, namespace="tenant"),
    "search_records": lambda url: index(url).search(namespace="tenant", top_k=3, inputs={"text": "prompt-canary"}),
    "upsert_records": upsert_records,
    "embed": lambda url: inference(url).embed(
        model=MODEL, inputs=["prompt-canary", "x"], parameters={"input_type": "passage"}
    ),
    "rerank": lambda url: inference(url).rerank(
        model="bge-reranker-v2-m3", query="prompt-canary", documents=["prompt-canary", "x"], top_n=2
    ),
}
