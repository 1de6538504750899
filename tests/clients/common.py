"""What the clients share: their options, what they ask, and how they tell what came back."""

import argparse
import base64
import json
import os
import threading
import time

KEY = os.environ.get("OPENAI_API_KEY", "")
MESSAGES = [{"role": "user", "content": "What is the weather in Lisbon? prompt-canary"}]

_printing = threading.Lock()


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--base-url", required=True, help="where the API is, /v1 included")
    parser.add_argument("--model", default="gpt-4o-mini", help="the model to ask for")
    parser.add_argument("--count", type=int, default=1, help="calls, of each thread where there are threads")
    parser.add_argument("--stream", action="store_true", help="ask for a stream, with usage at its end")
    parser.add_argument("--no-usage", action="store_true", help="do not ask for a stream's usage")
    parser.add_argument("--tools", action="store_true", help="offer a tool")
    parser.add_argument("--threads", type=int, default=1, help="threads that share one client")
    parser.add_argument("--max-retries", type=int, default=0, help="attempts after the first")
    parser.add_argument("--prompt-bytes", type=int, default=0, help="size of the prompt")
    parser.add_argument("--image-bytes", type=int, default=0, help="size of ten images in the prompt, together")
    parser.add_argument("--abandon", action="store_true", help="leave a stream after its first event")
    return parser.parse_args()


def summary(lines):
    """What a stream's lines said, for clients without an SDK."""
    answer = {}
    for line in lines:
        if line.startswith("data: {"):
            event = json.loads(line.removeprefix("data: "))
            answer = {"id": event["id"], "usage": event.get("usage") or answer.get("usage")}
    return answer


def headers():
    return {"authorization": f"Bearer {KEY}"}


def parameters(chosen):
    """The request."""
    asked = {"model": chosen.model, "messages": MESSAGES}
    if chosen.prompt_bytes:
        asked["messages"] = [{"role": "user", "content": "prompt-canary" + "x" * chosen.prompt_bytes}]
    if chosen.image_bytes:
        image = base64.b64encode(os.urandom(chosen.image_bytes * 3 // 40)).decode()
        part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{image}"}}
        asked["messages"] = [{"role": "user", "content": [{"type": "text", "text": "prompt-canary"}] + [part] * 10}]
    if chosen.stream:
        asked["stream"] = True
        if not chosen.no_usage:
            asked["stream_options"] = {"include_usage": True}
    if chosen.tools:
        schema = {"type": "object", "properties": {"city": {"type": "string"}}}
        asked["tools"] = [{"type": "function", "function": {"name": "get_weather", "parameters": schema}}]
    return asked


def report(started_ns, answer=None, error=None, asked_by=None):
    """One line for one call: what this client received, by its own account, and who asked."""
    answer = answer or {}
    usage = answer.get("usage") or {}
    line = {
        "id": answer.get("id"),
        "input_tokens": usage.get("prompt_tokens"),
        "output_tokens": usage.get("completion_tokens"),
        "error": type(error).__name__ if error else None,
        "started_ns": started_ns,
        "ended_ns": time.time_ns(),
        "pid": asked_by or os.getpid(),
    }
    with _printing:
        print(json.dumps(line), flush=True)


def tracer_provider():
    """OpenTelemetry's SDK. EXPORT_TO names the receiver to which the program itself says that it sends its spans;
    without it, OpenTelemetry's own variables decide whether it sends them, and where."""
    # Most clients have nothing to do with it.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    endpoint = os.environ.get("EXPORT_TO")
    if endpoint or "OTEL_EXPORTER_OTLP_ENDPOINT" in os.environ:
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    return provider
