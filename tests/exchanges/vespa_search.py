"""Vespa's query API by httpx, with bodies like those of pyvespa, which is large."""

import httpx
from record import KEY, Answer

HOST = "vespa.internal:8080"
VECTOR = [0.25, -0.5, 0.125, 1.0]
NEAR = "{targetHits: 100}nearestNeighbor(embedding, q)"


def answer(request):
    asked = request.json()
    if asked["yql"].startswith("select * from missing"):
        error = {"code": 4, "summary": "Invalid query parameter", "message": "Could not resolve 'prompt-canary'"}
        return Answer({"root": {"id": "toplevel", "relevance": 1.0, "errors": [error]}}, status=400)
    fields = {"text": "answer-canary"}
    hits = [{"id": f"answer-canary-{n}", "relevance": s, "source": "docs", "fields": fields} for n, s in enumerate([0.91, 0.87])]
    coverage = {"coverage": 100, "documents": 42, "full": True, "nodes": 1, "results": 1, "resultsFull": 1}
    total = {"totalCount": 42}
    return Answer({"root": {"id": "toplevel", "relevance": 1.0, "fields": total, "coverage": coverage, "children": hits}})


def post(source, where, **more):
    def call(url):
        body = {"yql": f"select * from {source} where {where}", "hits": 2, **more}
        httpx.post(f"{url}/search/", json=body, headers={"authorization": f"Bearer {KEY}"})

    return call


CALLS = {
    "near": post("docs", NEAR, ranking="semantic", **{"input.query(q)": VECTOR}),
    "hybrid": post(
        "sources docs", f"userQuery() or ({NEAR})", ranking="hybrid", query="prompt-canary", **{"input.query(q)": VECTOR}
    ),
    "embed": post("docs", NEAR, **{"input.query(q)": "embed(e5, @text)", "text": "prompt-canary"}),
    "missing": post("missing", NEAR, **{"input.query(q)": VECTOR}),
    "words": post("docs", "userQuery()", query="prompt-canary"),
}


def keep(name, line):
    return name != "words"
