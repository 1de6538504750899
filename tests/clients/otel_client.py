"""Calls inside spans of the program's own, whose context goes with each of them.

EXPORT_TO names the receiver to which the program itself says that it sends its spans; without it, OpenTelemetry's
own variables decide whether it sends them, and where.
"""

import json
import os
import time

import requests
from common import headers, options, parameters, report
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import inject
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind

chosen = options()
provider = TracerProvider()
endpoint = os.environ.get("EXPORT_TO")
if endpoint or "OTEL_EXPORTER_OTLP_ENDPOINT" in os.environ:
    # As `OTEL_EXPORTER_OTLP_ENDPOINT` says, where nothing else is said.
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
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
# Sends what has not been sent.
provider.shutdown()
