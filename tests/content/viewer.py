"""Shows what a viewer of traces makes of messages: run by hand, since viewers take minutes to install.

    python3 -m venv target/venv-phoenix && target/venv-phoenix/bin/python -m pip install arize-phoenix
    python3 -m venv target/venv-mlflow && target/venv-mlflow/bin/python -m pip install mlflow
    python3 -m venv target/venv-rotel && target/venv-rotel/bin/python -m pip install rotel
    target/venv/bin/python tests/content/viewer.py phoenix target/venv-phoenix target/debug/spanwire
    target/venv/bin/python tests/content/viewer.py mlflow target/venv-mlflow target/debug/spanwire
    target/venv/bin/python tests/content/viewer.py rotel target/venv-rotel target/debug/spanwire

As root, with what `cargo xtask test` has installed and built. The agent exports to the viewer, the SDKs have their
dialogues (`said.py`), and the viewer is asked by its own API what it has for each call. It fails when that is not what
the programs say that was said, without what is planted. Phoenix has messages in a form of its own beside the attributes that
it was sent; in that each text, tool's name, argument and result is looked for. rotel shows nothing, and passes on: what comes
out of it is looked at.
"""

import contextlib
import gzip
import http.server
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

HERE = pathlib.Path(__file__).parent
AFTER_S = 600


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


@contextlib.contextmanager
def running(words, **options):
    process = subprocess.Popen(words, start_new_session=True, **options)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def until(what, found):
    """Asks again until there is something."""
    end = time.monotonic() + AFTER_S
    while time.monotonic() < end:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            if answer := found():
                return answer
        time.sleep(0.5)
    raise SystemExit(f"no {what}")


def got(url):
    with urllib.request.urlopen(url) as answer:
        return answer.read().decode()


class Phoenix:
    headers = ""

    def __init__(self, venv, folder):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.words = [venv / "bin/phoenix", "serve"]
        self.environment = {
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_PORT": str(self.port),
            "PHOENIX_GRPC_PORT": str(free_port()),
            "PHOENIX_WORKING_DIR": str(folder),
            "PHOENIX_TELEMETRY_ENABLED": "false",
        }

    def is_there(self):
        return got(f"{self.url}/healthz") is not None

    def spans(self):
        """Attributes of spans, as Phoenix has them."""
        with contextlib.suppress(urllib.error.HTTPError):
            found = json.loads(got(f"{self.url}/v1/projects/default/spans?limit=200"))["data"]
            return [span["attributes"] for span in found]
        return []

    def model(self, span):
        return span.get("llm.model_name") or span.get("gen_ai.request.model")

    def view(self, span):
        return {name: value for name, value in span.items() if name.startswith(("llm.", "input.", "output."))}

    def faults(self, call, span):
        for name, said in places(call).items():
            has = json.loads(span.get(name, "[]"))
            if has != said:
                yield f"{name}: {has} in place of {said}"
        view = unescaped(self.view(span))
        messages = [last_result(message) for message in call["input"]]
        for text in texts([call["system"], messages, call["output"], call["tools"]]):
            if unescaped(text) not in view:
                yield f"not to be read: {text!r}"
        for name in ("llm.token_count.prompt", "llm.token_count.completion"):
            if not span.get(name):
                yield f"no {name}"


class Mlflow:
    headers = "x-mlflow-experiment-id=0"

    def __init__(self, venv, folder):
        self.port, self.python = free_port(), venv / "bin/python"
        self.url = f"http://127.0.0.1:{self.port}"
        store = f"sqlite:///{folder}/mlflow.db"
        self.words = [venv / "bin/mlflow", "server", "--backend-store-uri", store, "--workers", "1"]
        self.words += ["--host", "127.0.0.1", "--port", str(self.port)]
        self.environment = {"MLFLOW_DISABLE_TELEMETRY": "true", "PATH": f"{venv}/bin:{os.environ['PATH']}"}

    def is_there(self):
        return got(f"{self.url}/health") == "OK"

    def spans(self):
        """Spans as MLflow's own client has them."""
        script = (
            "import json, mlflow, sys; mlflow.set_tracking_uri(sys.argv[1])\n"
            "traces = mlflow.search_traces(locations=['0'], max_results=200, return_type='list')\n"
            "info = lambda one: {'request': one.info.request_preview, 'response': one.info.response_preview}\n"
            "spans = [{**info(one), **span.to_dict()} for one in traces for span in one.data.spans]\n"
            "print(json.dumps(spans, default=str))"
        )
        done = subprocess.run([self.python, "-c", script, self.url], capture_output=True, text=True)
        if done.returncode:
            print(done.stderr[-2000:], file=sys.stderr)
            return []
        return json.loads(done.stdout.splitlines()[-1])

    def model(self, span):
        return json.loads(span["attributes"].get("gen_ai.request.model", "null"))

    def view(self, span):
        shown = {name: value for name, value in span["attributes"].items() if name.startswith("mlflow.")}
        return {"request": span["request"], "response": span["response"], **shown}

    def faults(self, call, span):
        has = {name: self.decoded(value) for name, value in span["attributes"].items()}
        shown = {
            "gen_ai.input.messages": "mlflow.spanInputs",
            "gen_ai.output.messages": "mlflow.spanOutputs",
            "gen_ai.tool.definitions": "mlflow.chat.tools",
        }
        for name, said in places(call).items():
            name = shown.get(name, name)
            if has.get(name, []) != said:
                yield f"{name}: {has.get(name)} in place of {said}"
        tokens = has.get("mlflow.chat.tokenUsage", {})
        for name in ("input_tokens", "output_tokens"):
            if not tokens.get(name) or tokens[name] != has[f"gen_ai.usage.{name}"]:
                yield f"{name}: {tokens}"

    def decoded(self, value):
        """An attribute: what is JSON in a text that is JSON, too."""
        value = json.loads(value) if isinstance(value, str) else value
        if isinstance(value, str) and value[:1] in ("{", "["):
            with contextlib.suppress(ValueError):
                return json.loads(value)
        return value


class Rotel:
    headers = ""

    def __init__(self, venv, folder):
        self.port, self.taken = free_port(), []
        self.url = f"http://127.0.0.1:{self.port}"
        taken = self.taken

        class Receiver(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers["Content-Encoding"] == "gzip":
                    body = gzip.decompress(body)
                for group in ExportTraceServiceRequest.FromString(body).resource_spans:
                    taken.extend(span for scope in group.scope_spans for span in scope.spans)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        (program,) = venv.glob("lib/python3*/site-packages/rotel/rotel-agent")
        self.words = [program, "start", "--exporter", "otlp", "--otlp-exporter-protocol", "http"]
        self.words += ["--otlp-exporter-endpoint", f"http://127.0.0.1:{receiver.server_port}"]
        self.words += ["--otlp-http-endpoint", f"127.0.0.1:{self.port}"]
        self.words += ["--otlp-grpc-endpoint", f"127.0.0.1:{free_port()}"]
        self.environment = {}

    def is_there(self):
        with socket.create_connection(("127.0.0.1", self.port)):
            return True

    def spans(self):
        """Attributes of the spans that it passed on."""
        return [{one.key: one.value.string_value for one in span.attributes} for span in self.taken]

    def model(self, span):
        return span.get("gen_ai.request.model")

    def view(self, span):
        return {name: value for name, value in span.items() if value}

    def faults(self, call, span):
        for name, said in places(call).items():
            has = json.loads(span.get(name, "[]"))
            if has != said:
                yield f"{name}: {has} in place of {said}"


def places(call):
    """What each attribute is to have."""
    return {
        "gen_ai.system_instructions": call["system"],
        "gen_ai.input.messages": call["input"],
        "gen_ai.output.messages": call["output"],
        "gen_ai.tool.definitions": call["tools"],
    }


def last_result(message):
    """A message with the last of the results of tools that are in it: more Phoenix's own form has no place for."""
    results = [part for part in message["parts"] if part["type"] == "tool_call_response"]
    return {**message, "parts": [part for part in message["parts"] if part not in results[:-1]]}


# What parts have beside what was said.
FORM = ("type", "role", "id", "modality", "mime_type", "finish_reason")


def texts(value):
    """The texts that were said: those of messages, tools' names, arguments and results."""
    if isinstance(value, list):
        return [text for element in value for text in texts(element)]
    if isinstance(value, dict):
        return [text for name, member in value.items() if name not in FORM for text in texts(member)]
    return [value] if isinstance(value, str) and value else []


def redacted(value, planted):
    """What is to be read of something that was said."""
    if isinstance(value, list):
        return [redacted(element, planted) for element in value]
    if isinstance(value, dict):
        cleaned = {name: redacted(member, planted) for name, member in value.items()}
        return {**cleaned, "content": ""} if value.get("type") == "blob" else cleaned
    if isinstance(value, str):
        for secret, token in planted.items():
            value = value.replace(secret, token)
    return value


def unescaped(value):
    """All texts in a value, those within JSON in it, too."""
    if isinstance(value, dict):
        return " ".join(unescaped(one) for pair in value.items() for one in pair)
    if isinstance(value, list):
        return " ".join(map(unescaped, value))
    if isinstance(value, str) and value[:1] in ("{", "[", '"'):
        with contextlib.suppress(ValueError):
            return unescaped(json.loads(value))
    return str(value)


def main(kind, venv, agent):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="spanwire-viewer-"))
    viewer = {"phoenix": Phoenix, "mlflow": Mlflow, "rotel": Rotel}[kind](pathlib.Path(venv).absolute(), folder)
    log = open(folder / "viewer.log", "w")
    environment = {**os.environ, **viewer.environment}
    with running(viewer.words, env=environment, stdout=log, stderr=log, cwd=folder):
        until("viewer", viewer.is_there)
        said = subprocess.Popen([sys.executable, HERE / "said.py", "--serve"], stdout=subprocess.PIPE, text=True)
        port = said.stdout.readline().strip()
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": viewer.url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_HEADERS": viewer.headers,
            "SPANWIRE_CONFIG": "/dev/null",
            "SPANWIRE_STATUS_SOCKET": str(folder / "status.sock"),
        }
        words = [agent, "run", "--content", "redacted", "--include", f"tree={os.getpid()}"]
        log_path = folder / "agent.log"
        with open(log_path, "w") as agent_log:
            with running(words, env={**os.environ, **settings}, stderr=agent_log, stdout=agent_log):
                until("capture", lambda: "capture is on" in log_path.read_text())
                subprocess.run([sys.executable, HERE / "said.py", "--call", port, folder / "truth.jsonl"], check=True)
                said.terminate()
                first, *calls = map(json.loads, (folder / "truth.jsonl").read_text().splitlines())
                of_model = until("spans of all calls", lambda: found(viewer, calls))
    planted, faults = first["planted"], 0
    for call in calls:
        span = of_model[call["model"]]
        found_faults = list(viewer.faults(redacted(call, planted), span))
        found_faults += [f"{secret} is there" for secret in planted if secret in json.dumps(span)]
        faults += len(found_faults)
        for fault in found_faults:
            print(f"{call['model']}: {fault}")
    shown = viewer.view(of_model[calls[1]["model"]])
    for name, value in sorted(shown.items()):
        print(f"{name} = {str(value)[:160]!r}")
    print(f"{kind}: {len(calls)} calls, {faults} faults; logs in {folder}")
    raise SystemExit(1 if faults else 0)


def found(viewer, calls):
    spans = {viewer.model(span): span for span in viewer.spans()}
    return spans if all(call["model"] in spans for call in calls) else None


if __name__ == "__main__":
    main(*sys.argv[1:])
