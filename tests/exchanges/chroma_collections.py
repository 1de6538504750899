"""Chroma by its own client, against version 2 of the API."""

import urllib.parse
import uuid

import chromadb
from chromadb.config import Settings
from record import KEY, Answer

HOST = "chroma.internal:8000"
ID = "0b1f5a52-8f0c-4c06-9d61-8c1a4f3f5f10"
EMBEDDING = [0.25, -0.5, 0.125, 1.0]
COLLECTION = {
    "id": ID,
    "name": "docs",
    "configuration_json": {"hnsw": {"space": "l2"}, "spann": None, "embedding_function": None},
    "metadata": None,
    "dimension": 4,
    "tenant": "default_tenant",
    "database": "default_database",
    "version": 0,
    "log_position": 0,
    "schema": None,
}


def answer(request):
    asked = request.json()
    path = request.path.split("?")[0]
    if path.endswith("/auth/identity"):
        return Answer({"user_id": "", "tenant": "default_tenant", "databases": ["default_database"]})
    if path.endswith(("/tenants/default_tenant", "/databases/default_database")):
        return Answer({"id": ID, "name": path.split("/")[-1], "tenant": "default_tenant"})
    if path.endswith("/pre-flight-checks"):
        return Answer({"max_batch_size": 300, "supports_base64_encoding": True})
    if path.endswith("/collections/missing"):
        return Answer({"error": "NotFoundError", "message": "Collection [missing] prompt-canary"}, status=404)
    if path.endswith("/query"):
        count = len(asked["query_embeddings"])
        column = [[f"answer-canary-{n}" for n in range(3)]] * count
        distances = [[0.125, 0.5, 0.75]] * count
        said = {"ids": column, "distances": distances, "documents": column, "metadatas": [[None] * 3] * count}
        return Answer({**said, "embeddings": None, "uris": None, "include": ["documents", "metadatas", "distances"]})
    if path.endswith("/get"):
        said = {"ids": ["answer-canary-1", "answer-canary-2"], "documents": ["a", "b"], "metadatas": [None, None]}
        return Answer({**said, "embeddings": None, "uris": None, "include": ["documents", "metadatas"]})
    if path.endswith("/count"):
        return Answer(42)
    if path.endswith("/delete"):
        return Answer({"deleted": 2})
    if path.endswith(("/collections", "/collections/docs")):
        return Answer(COLLECTION)
    return Answer({}, status=201 if path.endswith("/add") else 200)


def keep(name, line):
    if name in ("get_collection", "missing"):
        return "/collections/" in line
    return line.startswith("POST") and (name == "create_collection" or not line.split()[1].endswith("/collections"))


def client(url):
    address = urllib.parse.urlsplit(url)
    settings = Settings(anonymized_telemetry=False)
    fields = {"x-chroma-token": KEY}
    return chromadb.HttpClient(host=address.hostname, port=address.port, settings=settings, headers=fields)


def collection(url):
    return client(url).get_collection("docs", embedding_function=None)


def missing(url):
    try:
        client(url).get_collection("missing", embedding_function=None)
    except chromadb.errors.NotFoundError:
        return


def add(url):
    ids = [str(uuid.UUID(int=number)) for number in range(200)]
    collection(url).add(ids=ids, embeddings=[EMBEDDING] * 200, documents=["prompt-canary"] * 200)


def query(url):
    where = {"$and": [{"city": {"$eq": "prompt-canary"}}, {"year": {"$in": [2024, 2025]}}]}
    collection(url).query(query_embeddings=[EMBEDDING], n_results=3, where=where)


CALLS = {
    "create_collection": lambda url: client(url).get_or_create_collection("docs", embedding_function=None),
    "get_collection": collection,
    "missing": missing,
    "add": add,
    "upsert": lambda url: collection(url).upsert(ids=["1"], embeddings=[EMBEDDING], documents=["prompt-canary"]),
    "query": query,
    "query_two": lambda url: collection(url).query(query_embeddings=[EMBEDDING, EMBEDDING], n_results=3),
    "get": lambda url: collection(url).get(ids=["prompt-canary-1", "prompt-canary-2"]),
    "delete": lambda url: collection(url).delete(where_document={"$contains": "prompt-canary"}),
}
