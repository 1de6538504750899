"""Calls inside spans of the program's own, whose context goes with each of them. Ends when its input does."""

import json
import sys
import time

import requests
from common import headers, options, parameters, report, tracer_provider
from opentelemetry.propagate import inject
from opentelemetry.trace import SpanKind

chosen = options()
provider = tracer_provider()
tracer = provider.get_tracer("otel_client")
with requests.Session() as session:
    for _ in range(chosen.count):
        with tracer.start_as_current_span("ask", kind=SpanKind.CLIENT):
            sent = headers()
            inject(sent)
            started_ns = time.time_ns()
            url = f"{chosen.base_url}/chat/completions"
            response = session.post(url, json=parameters(chosen), headers=sent)
            report(started_ns, answer=json.loads(response.content))
sys.stdin.read()
# Sends what has not been sent.
provider.shutdown()
