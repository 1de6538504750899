"""An agent behind a web server: it looks up what is known, asks a model that may have a tool run, and asks again.

Run by gunicorn, with threads or with processes. LLM_URL and TOOLS_URL say whom it asks. With OTEL_SDK set, OpenTelemetry's
SDK traces it, as its own documentation has it for Flask and requests, and exports to where OTEL_EXPORTER_OTLP_ENDPOINT says.
"""

import json
import os

import flask
from hops import Inbound

LLM_URL, TOOLS_URL = os.environ["LLM_URL"], os.environ["TOOLS_URL"]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "describe", "parameters": PARAMETERS}}

app = flask.Flask("orchestrator")


def trace():
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.flask import FlaskInstrumentor
    from opentelemetry.instrumentation.requests import RequestsInstrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    FlaskInstrumentor().instrument_app(app)
    RequestsInstrumentor().instrument()


if os.environ.get("OTEL_SDK"):
    trace()


@app.post("/run")
def run():
    inbound = Inbound("orchestrator", flask.request)
    question = flask.request.get_json()["question"]
    inbound.ask(f"{LLM_URL}/collections/travel/points/query", {"query": [0.25, -0.5, 0.125], "limit": 3})
    messages = [{"role": "user", "content": question}]
    while True:
        asked = {"model": "standin-script-slow", "messages": messages, "tools": [TOOL]}
        message = inbound.ask(f"{LLM_URL}/v1/chat/completions", asked)["choices"][0]["message"]
        messages.append(message)
        calls = message.get("tool_calls")
        if not calls:
            return inbound.answered({"answer": message["content"]})
        for call in calls:
            function = call["function"]
            result = inbound.ask(f"{TOOLS_URL}/tools/{function['name']}", json.loads(function["arguments"]))
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": result["text"]})
