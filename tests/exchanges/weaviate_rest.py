"""Weaviate by version 3 of its own client, which searches by GraphQL; what version 4 says of itself is added where it matters."""

import uuid

import weaviate
from record import KEY, Answer

HOST = "weaviate.internal:8080"
VECTOR = [0.25, -0.5, 0.125, 1.0]
ID = "0b1f5a52-8f0c-4c06-9d61-8c1a4f3f5f10"
WHERE = {
    "operator": "And",
    "operands": [
        {"path": ["city"], "operator": "Equal", "valueText": "prompt-canary"},
        {"path": ["year"], "operator": "GreaterThan", "valueInt": 2020},
    ],
}


def matches(name, *numbers):
    return [{"text": "answer-canary", "_additional": {"id": ID, name: number}} for number in numbers]


def created(thing, failed=False):
    result = {"status": "SUCCESS"}
    if failed:
        message = "invalid object: vector lengths don't match: 4 vs 3 answer-canary"
        result = {"status": "FAILED", "errors": {"error": [{"message": message}]}}
    return {**thing, "creationTimeUnix": 1764485000000, "deprecations": None, "result": result}


def answer(request):
    asked = request.json()
    path = request.path.split("?")[0]
    if path.endswith("/.well-known/openid-configuration"):
        return Answer({}, status=404)
    if path == "/v1/meta":
        return Answer({"hostname": "http://[::]:8080", "modules": {}, "version": "1.33.2"})
    if path == "/v1/graphql":
        query = asked["query"]
        if "Missing" in query:
            error = {"locations": [{"column": 6, "line": 1}], "message": 'Cannot query field "Missing" prompt-canary'}
            return Answer({"data": None, "errors": [{**error, "path": None}]})
        if "{Aggregate" in query:
            return Answer({"data": {"Aggregate": {"Doc": [{"meta": {"count": 42}}]}}})
        if "Other" in query:
            found = {"Doc": matches("distance", 0.125, 0.5), "Other": matches("distance", 0.0625)}
        elif "hybrid" in query or "bm25" in query:
            found = {"Doc": matches("score", "0.9375", "0.5")}
        elif "certainty" in query:
            found = {"Doc": matches("certainty", 0.91, 0.87)}
        else:
            found = {"Doc": matches("distance", 0.125, 0.5, 0.75)}
        return Answer({"data": {"Get": found}})
    if path == "/v1/batch/objects" and request.method == "POST":
        things = asked["objects"]
        is_bad = [thing["properties"]["text"] == "bad" for thing in things]
        return Answer([created(thing, failed) for thing, failed in zip(things, is_bad)])
    if path == "/v1/batch/objects":
        counts = {"matches": 3, "limit": 10000, "successful": 3, "failed": 0, "objects": None}
        return Answer({"match": asked["match"], "output": "minimal", "dryRun": False, "results": counts})
    if request.method == "POST" and asked["class"] == "Wrong":
        message = "invalid object: no such class with name 'Wrong' prompt-canary"
        return Answer({"error": [{"message": message}]}, status=422)
    if request.method == "PATCH" or request.method == "DELETE":
        return Answer(b"", status=204)
    if request.method == "GET":
        return Answer({"class": "Doc", "id": ID, "properties": {"text": "answer-canary"}, "vector": VECTOR})
    return Answer({**asked, "creationTimeUnix": 1764485000000, "lastUpdateTimeUnix": 1764485000000})


def client(url, **fields):
    return weaviate.Client(
        url, auth_client_secret=weaviate.AuthApiKey(KEY), additional_headers=fields, startup_period=None
    )


def version_4(url):
    return client(url, **{"X-Weaviate-Client": "weaviate-client-python/4.24.1-sync"})


def near_vector(url):
    query = client(url).query.get("Doc", ["text"]).with_near_vector({"vector": VECTOR, "distance": 0.8})
    query.with_where(WHERE).with_additional(["id", "distance", "vector"]).with_limit(3).do()


def near_text(url):
    query = client(url).query.get("Doc", ["text"]).with_near_text({"concepts": ["prompt-canary"], "certainty": 0.7})
    query.with_additional(["id", "certainty"]).with_limit(2).with_tenant("tenant-a").do()


def hybrid(url):
    query = client(url).query.get("Doc", ["text"]).with_hybrid(query="prompt-canary", vector=VECTOR, alpha=0.5)
    query.with_additional("score").with_limit(2).do()


def two(url):
    query = client(url).query
    one, other = (query.get(name, ["text"]).with_near_vector({"vector": VECTOR}).with_limit(3) for name in ("Doc", "Other"))
    query.multi_get([one.with_additional("distance"), other.with_additional("distance")]).do()


def missing(url):
    assert "errors" in client(url).query.get("Missing", ["text"]).with_near_vector({"vector": VECTOR}).do()


def wrong(url):
    try:
        client(url).data_object.create({"text": "prompt-canary"}, "Wrong", uuid=ID, vector=VECTOR)
    except weaviate.UnexpectedStatusCodeException as error:
        assert error.status_code == 422, error


def batch(texts):
    def call(url):
        made = client(url)
        made.batch.configure(batch_size=None, dynamic=False, callback=None)
        for number, text in enumerate(texts):
            made.batch.add_data_object({"text": text}, "Doc", uuid=uuid.UUID(int=number), vector=VECTOR)
        made.batch.create_objects()

    return call


CALLS = {
    "near_vector": near_vector,
    "near_text": near_text,
    "hybrid": hybrid,
    "bm25": lambda url: client(url).query.get("Doc", ["text"]).with_bm25("prompt-canary").with_limit(2).do(),
    "two_classes": two,
    "list": lambda url: client(url).query.get("Doc", ["text"]).with_where(WHERE).with_limit(3).do(),
    "aggregate": lambda url: client(url).query.aggregate("Doc").with_meta_count().do(),
    "missing": missing,
    "create": lambda url: client(url).data_object.create({"text": "prompt-canary"}, "Doc", uuid=ID, vector=VECTOR),
    "wrong": wrong,
    "replace": lambda url: client(url).data_object.replace({"text": "prompt-canary"}, "Doc", ID, vector=VECTOR),
    "update": lambda url: client(url).data_object.update({"text": "prompt-canary"}, "Doc", ID, vector=VECTOR),
    "get": lambda url: version_4(url).data_object.get_by_id(ID, class_name="Doc", with_vector=True),
    "delete": lambda url: version_4(url).data_object.delete(ID, class_name="Doc"),
    "batch": batch(["prompt-canary"] * 100),
    "batch_part": batch(["prompt-canary", "bad", "prompt-canary"]),
    "batch_delete": lambda url: client(url).batch.delete_objects("Doc", where=WHERE),
}


def keep(name, line):
    return not line.startswith(("GET /v1/meta", "GET /v1/.well-known"))
