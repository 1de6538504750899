"""Milvus' REST API by httpx, as its reference has it: its own clients speak gRPC."""

import httpx
from record import KEY, Answer

HOST = "milvus.internal:19530"
VECTOR = [0.25, -0.5, 0.125, 1.0]
ROWS = [{"id": number, "vector": VECTOR, "text": "prompt-canary"} for number in range(200)]
SEARCH = {
    "collectionName": "docs",
    "dbName": "default",
    "data": [VECTOR],
    "annsField": "vector",
    "filter": 'city == "prompt-canary" and year > 2020',
    "limit": 3,
    "outputFields": ["text"],
    "searchParams": {"metricType": "COSINE", "params": {"radius": 0.1}},
}


def matches(*distances):
    return [{"distance": distance, "id": number, "text": "answer-canary"} for number, distance in enumerate(distances)]


def answer(request):
    asked = request.json()
    path = request.path
    if asked["collectionName"] == "missing":
        return Answer({"code": 100, "message": "can't find collection[database=default][collection=prompt-canary]"})
    if path == "/v1/vector/search":
        return Answer({"code": 200, "data": matches(0.91, 0.87)})
    if path.endswith("/hybrid_search"):
        return Answer({"code": 0, "cost": 0, "data": matches(0.0328, 0.0161), "topks": [2]})
    if path.endswith("/search"):
        count = len(asked["data"])
        return Answer({"code": 0, "cost": 0, "data": matches(*[0.91, 0.87, 0.5] * count), "topks": [3] * count})
    if path.endswith(("/query", "/get")):
        return Answer({"code": 0, "cost": 0, "data": [{"id": 1, "text": "answer-canary"}, {"id": 2, "text": ""}]})
    if path.endswith(("/insert", "/upsert")):
        kind = path.rpartition("/")[2]
        ids = [row["id"] for row in asked["data"]]
        return Answer({"code": 0, "cost": 0, "data": {f"{kind}Count": len(ids), f"{kind}Ids": ids}})
    return Answer({"code": 0, "cost": 0, "data": {}})


def post(path, body):
    def call(url):
        fields = {"authorization": f"Bearer root:{KEY}"}
        httpx.post(url + path, json=body, headers=fields).raise_for_status()

    return call


def entities(operation, **body):
    return post(f"/v2/vectordb/entities/{operation}", {"collectionName": "docs", **body})


CALLS = {
    "search": entities("search", **SEARCH),
    "search_two": entities("search", **{**SEARCH, "data": [VECTOR, VECTOR]}),
    "hybrid_search": entities(
        "hybrid_search",
        search=[
            {"data": [VECTOR], "annsField": "vector", "limit": 10, "filter": 'city == "prompt-canary"'},
            {"data": [{"1": 0.5, "7": 0.25}], "annsField": "sparse", "limit": 10},
        ],
        rerank={"strategy": "rrf", "params": {"k": 60}},
        limit=2,
    ),
    "missing": post("/v2/vectordb/entities/search", {**SEARCH, "collectionName": "missing"}),
    "query": entities("query", filter='city == "prompt-canary"', limit=2, outputFields=["text"]),
    "get": entities("get", id=[1, 2], outputFields=["text"]),
    "insert": entities("insert", data=ROWS),
    "upsert": entities("upsert", data=ROWS[:1]),
    "delete": entities("delete", filter="id in [1, 2]"),
    "search_v1": post(
        "/v1/vector/search",
        {"collectionName": "docs", "vector": VECTOR, "limit": 2, "filter": 'city == "prompt-canary"'},
    ),
}
