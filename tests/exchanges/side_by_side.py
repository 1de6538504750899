"""Writes docs/side-by-side.md: what spans say of the same calls under two instrumentations of OpenAI's SDK, and by spanwire.

    side_by_side.py
    side_by_side.py --under NAME

Runs in the environment of `openai_python2`, whose calls these are: `cargo xtask side-by-side` starts it. The second makes
them under one of the instrumentations, and prints a line of JSON. What spanwire says is read from the family's expected
spans, which the unit tests and the end-to-end tests hold it to. Fails where spanwire does not say what one of the others
says, or says otherwise, unless a reason stands here.
"""

import importlib.metadata
import json
import os
import pathlib
import re
import subprocess
import sys

import openai_python2
import openai_python2_sdks
import record
import vendors

ROOT = pathlib.Path(__file__).parents[2]
PAGE = ROOT / "docs/side-by-side.md"
CALLS = {
    "chat": "Chat with parameters",
    "stream": "Chat, streamed, with usage",
    "tools": "Chat with a tool, which the model wants called",
    "limited": "Chat, refused for its rate",
    "azure": "Chat on Azure",
    "response": "Response",
    "response_stream": "Response, streamed",
    "embeddings": "Embeddings of two texts",
}
PACKAGES = {"openai-v2": "opentelemetry-instrumentation-openai-v2", "traceAI": "traceAI-openai"}
OTHERS = tuple(PACKAGES)
# What depends on the run: where the stand-in listens, and how the connection is made.
OF_THE_RUN = ("server.port", "url.scheme")
# What is told first, and is no attribute.
FACTS = ("span", "status")

# Prompts, answers, what is in them and what goes with them: told by its first name.
CONTENT = re.compile(
    r"(input\.value|input\.mime_type|output\.value|output\.mime_type|embedding\.embeddings"
    r"|gen_ai\.input\.messages|gen_ai\.output\.messages|gen_ai\.system_instructions|gen_ai\.tool\.definitions)(\..*)?"
)
# Others' names of what spanwire says.
CALLED = r"gen_ai\.output\.messages\.\d+\.message\.tool_calls\.\d+\.tool_call"
ALSO = {
    CALLED + r"\.function\.name": "spanwire.tool_calls.names",
    CALLED + r"\.id": "spanwire.tool_calls.ids",
    r"gen_ai\.usage\.input_tokens\.cache_read": "gen_ai.usage.cache_read.input_tokens",
    r"gen_ai\.usage\.output_tokens\.reasoning": "gen_ai.usage.reasoning.output_tokens",
    r"embedding\.model_name": "gen_ai.response.model",
    r"event: First Token Stream Event": "gen_ai.response.time_to_first_chunk",
}
# What it says of parameters, which traceAI tells in one text; none of what asks for nothing but usage, or names a person.
PARAMETERS = {
    "dimensions": "gen_ai.embeddings.dimension.count",
    "encoding_format": "gen_ai.request.encoding_formats",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "max_tokens": "gen_ai.request.max_tokens",
    "model": "gen_ai.request.model",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "seed": "gen_ai.request.seed",
    "stop": "gen_ai.request.stop_sequences",
    "stream": "gen_ai.request.stream",
    "stream_options": None,
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "user": None,
}
# Why spanwire does not say it.
WITHOUT = {
    "gen_ai.request.parameters": "each has an attribute of its own, but for `stream_options`, and `user`, who is a person",
    "event: exception": "the SDK's own, with the vendor's words",
    "openai.response.service_tier": "by the conventions only where the provider is `openai`",
    "openai.response.system_fingerprint": "by the conventions only where the provider is `openai`",
}
# Why it says otherwise than all others or than one.
OTHERWISE = {
    ("span", "traceAI"): "the SDK's class",
    ("status", "traceAI"): "the conventions leave it unset",
    ("error.type", "openai-v2"): "the SDK's class, not the vendor's code",
    ("gen_ai.request.model", "traceAI"): "the answer's model",
    ("gen_ai.provider.name", "openai-v2"): "the SDK's vendor, whoever is asked",
    ("gen_ai.provider.name", "traceAI"): "the SDK's vendor, whoever is asked",
    ("gen_ai.response.time_to_first_chunk", "traceAI"): "an event",
}


def instrument(name, spans, metrics):
    providers = {"tracer_provider": spans, "meter_provider": metrics}
    if name == "openai-v2":
        # All that it can say: the newest conventions, and content.
        os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "gen_ai_latest_experimental"
        os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "SPAN_ONLY"
        from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
    else:
        from traceai_openai import OpenAIInstrumentor
    OpenAIInstrumentor().instrument(**providers)


def said(span):
    events = {f"event: {event.name}": "yes" for event in span.events}
    return {"span": span.name, "status": span.status.status_code.name.capitalize(), **span.attributes, **events}


def under(name):
    """Makes the calls, and prints what their spans say and which metrics there are."""
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    memory, provider, reader = InMemorySpanExporter(), TracerProvider(), InMemoryMetricReader()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    instrument(name, provider, MeterProvider(metric_readers=[reader]))
    told = {}
    for call in CALLS:
        host = record.vendor(openai_python2, call)
        vendors.are_here(host)
        port = record.Recorder(openai_python2.answer).url.rpartition(":")[2]
        memory.clear()
        openai_python2_sdks.CALLS[call](f"http://{host}:{port}")
        spans = [said(span) for span in memory.get_finished_spans()]
        assert len(spans) <= 1, f"{call}: {spans}"
        told[call] = spans[0] if spans else {}
    measured = reader.get_metrics_data()
    scopes = [scope for one in measured.resource_metrics for scope in one.scope_metrics] if measured else []
    told["metrics"] = sorted({metric.name for scope in scopes for metric in scope.metrics})
    print("\n" + json.dumps(told, default=str))


def by_other(name):
    done = subprocess.run([sys.executable, __file__, "--under", name], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def by_spanwire(call):
    said = json.loads((pathlib.Path(__file__).parent / f"openai_python2/{call}.json").read_text())
    # The recorded exchanges have no times.
    return {**said, "gen_ai.response.time_to_first_chunk": "seconds"} if said.get("gen_ai.request.stream") else said


def metrics_of_spanwire():
    """By the names in the source."""
    source = (ROOT / "agent/src/export/otlp/metrics/services.rs").read_text()
    return set(re.findall(r'"(gen_ai\.client\.[a-z_.]+)"', source))


def by_name(said):
    """Names of rows, each with a value and with its own name, where that is another."""
    rows = {}
    for name, value in said.items():
        other = next((ours for pattern, ours in ALSO.items() if re.fullmatch(pattern, name)), None)
        content = CONTENT.fullmatch(name)
        if name in OF_THE_RUN or value == "null":
            continue
        if other in ("spanwire.tool_calls.names", "spanwire.tool_calls.ids"):
            # One attribute for each call.
            rows.setdefault(other, ([], re.sub(r"\.\d+\.", ".N.", name)))[0].append(value)
        elif other:
            rows[other] = (value, name)
        elif content:
            rows[content[1]] = (None, None)
        else:
            rows[name] = (value, None)
    return rows


def cell(row):
    if row is None:
        return ""
    value, name = row
    if value is None:
        return "content"
    text = value if isinstance(value, str) else json.dumps(value)
    text = text if len(text) <= 36 else text[:35] + "…"
    return "`" + text.replace("|", "\\|") + "`" + (f" as `{name}`" if name else "")


def remark(name, ours, others):
    """What is to be said of a row."""
    if CONTENT.fullmatch(name):
        return "content"
    if ours is None:
        if name not in WITHOUT:
            raise SystemExit(f"{name}: spanwire does not say it, and nobody says why: {others}")
        return WITHOUT[name]
    differ = [who for who, row in others.items() if row and row[0] != ours[0]]
    unknown = [who for who in differ if (name, who) not in OTHERWISE]
    if unknown:
        raise SystemExit(f"{name}: {unknown} and spanwire differ, and nobody says why: {others}, {ours}")
    reasons = {}
    for who in differ:
        reasons.setdefault(OTHERWISE[name, who], []).append(who)
    return "; ".join(f"{', '.join(who)}: {reason}" for reason, who in reasons.items())


def table(call, told):
    ours, theirs = by_name(by_spanwire(call)), {who: by_name(told[who][call]) for who in OTHERS}
    lines = [f"| | {' | '.join(OTHERS)} | spanwire | |", "|---|---|---|---|---|"]
    names = set(ours).union(*theirs.values())
    for row in (rows.get("gen_ai.request.parameters") for rows in theirs.values()):
        for parameter in json.loads(row[0]) if row else ():
            if (known := PARAMETERS[parameter]) and known not in ours:
                raise SystemExit(f"{call}: spanwire does not say {parameter}")
    for name in [*FACTS, *sorted(names.difference(FACTS))]:
        others = {who: theirs[who].get(name) for who in OTHERS}
        cells = [cell(others[who]) for who in OTHERS] + [cell(ours.get(name))]
        if name == "span":
            cells = [one or "none" for one in cells]
        title = name if name in FACTS else f"`{name}`"
        lines.append("| " + " | ".join([title, *cells, remark(name, ours.get(name), others)]) + " |")
    return "\n".join(lines)


def metrics_table(told):
    ours = metrics_of_spanwire()
    theirs = {who: set(told[who]["metrics"]) for who in OTHERS}
    if missing := set().union(*theirs.values()) - ours:
        raise SystemExit(f"metrics that spanwire has not: {missing}")
    lines = [f"| | {' | '.join(OTHERS)} | spanwire |", "|---|---|---|---|"]
    for name in sorted(ours):
        yes = ["yes" if name in known else "" for known in [*theirs.values(), ours]]
        lines.append("| " + " | ".join([f"`{name}`", *yes]) + " |")
    return "\n".join(lines)


def page():
    told = {who: by_other(who) for who in OTHERS}
    version = importlib.metadata.version
    packages = "\n".join(f"- **{who}**: {package} {version(package)}" for who, package in PACKAGES.items())
    tables = "\n".join(f"## {title}\n\n{table(call, told)}\n" for call, title in CALLS.items())
    return f"""# Side by side

What is said of the same calls by OpenAI's SDK for Python, {version("openai")}, attribute by attribute, by two
instrumentations that run inside the program, and by spanwire:

{packages}

Written by `cargo xtask side-by-side`, which fails if one of them says what spanwire does not, or otherwise, and has no
reason for it. Both run with content, openai-v2 with the newest conventions (`gen_ai_latest_experimental`). What spanwire says
is what unit tests and end-to-end tests see of the same calls (`tests/exchanges/openai_python2`).

Rows with the remark “content” are prompts, answers, tools' descriptions and arguments, and vectors: they do not leave
spanwire, by policy. Left out are ports and addresses, which differ from run to run, and attributes whose value is `null`.

{tables}
## Metrics

Of spanwire with `OTEL_METRICS_EXPORTER=otlp`.

{metrics_table(told)}
"""


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--under", name]:
            under(name)
        case []:
            PAGE.write_text(page())
