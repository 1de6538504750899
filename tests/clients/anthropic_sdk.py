"""Messages through the anthropic SDK, one after another. The SDK has spans of its own where there is somebody to
take them: with OTEL_PROVIDER set, there is."""

import os
import time

import anthropic
from common import KEY, MESSAGES, options, report, tracer_provider
from opentelemetry import trace

chosen = options()
if "OTEL_PROVIDER" in os.environ:
    trace.set_tracer_provider(tracer_provider())
# The SDK has `/v1` in its paths.
base_url = chosen.base_url.removesuffix("/v1")
client = anthropic.Anthropic(base_url=base_url, api_key=KEY, max_retries=chosen.max_retries)
asked = {"model": chosen.model, "messages": MESSAGES, "max_tokens": 1234, "stop_sequences": ["END"]}
if chosen.tools:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    asked["tools"] = [{"name": "get_weather", "description": "The weather", "input_schema": schema}]


def ask():
    if not chosen.stream:
        return client.messages.create(**asked)
    with client.messages.stream(**asked) as stream:
        return stream.get_final_message()


for _ in range(chosen.count):
    started_ns = time.time_ns()
    try:
        message = ask()
        usage = message.usage
        whole = usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens
        counts = {"prompt_tokens": whole, "completion_tokens": usage.output_tokens}
        report(started_ns, answer={"id": message.id, "usage": counts})
    except Exception as error:
        report(started_ns, error=error)
