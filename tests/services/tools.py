"""A server of tools, one of which asks a model in turn. Run by gunicorn with processes; LLM_URL says whom it asks."""

import os

import flask
from hops import Inbound

LLM_URL = os.environ["LLM_URL"]

app = flask.Flask("tools")


@app.post("/tools/describe")
def describe():
    inbound = Inbound("tools", flask.request)
    question = f"Describe {flask.request.get_json()['city']}."
    asked = {"model": "standin-script-slow", "messages": [{"role": "user", "content": question}]}
    answer = inbound.ask(f"{LLM_URL}/v1/chat/completions", asked)
    return inbound.answered({"text": answer["choices"][0]["message"]["content"]})
