"""A server that asks a model for each request. Run by gunicorn; LLM_URL says whom it asks. Answers with its process id."""

import json
import os

import requests

LLM_URL = os.environ["LLM_URL"]
session = requests.Session()


def app(environ, start_response):
    question = {"role": "user", "content": environ["PATH_INFO"]}
    asked = {"model": "gpt-4o-mini", "messages": [question]}
    session.post(f"{LLM_URL}/v1/chat/completions", json=asked).raise_for_status()
    body = json.dumps({"pid": os.getpid()}).encode()
    start_response("200 OK", [("content-type", "application/json"), ("content-length", str(len(body)))])
    return [body]
