"""A stand-in for an OpenAI-shaped provider, which logs what it truly sent.

    provider.py --dir DIR [--plain] [--echo] [--address ADDRESS]

Makes its own CA and certificate in DIR, listens on a free port of 127.0.0.1 (or of another address), prints one line of JSON
when it is ready ({"port": …, "ca": …, "unix": …}) and appends one line of JSON per request to DIR/log.jsonl; with
--echo it prints that line too, so that a reader can wait for it.

Without TLS it also listens on the same port of ::1, and on a Unix socket in DIR.

The requested model's name chooses how it behaves, so that unmodified clients can ask for it: see
BEHAVIOURS. Token counts differ from request to request and between input and output.
"""

import argparse
import gzip
import itertools
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODEL = "gpt-4o-mini-2024-07-18"
WORDS = ["It", " is", " sunny", " in", " Lisbon", ",", " 24", " °C", " and", " calm", "."]


class Truth:
    """The log, and the counter that makes every answer different."""

    def __init__(self, directory, echo):
        log = open(os.path.join(directory, "log.jsonl"), "a", encoding="utf-8")
        self.outputs = [log, sys.stdout] if echo else [log]
        self.lock = threading.Lock()
        self.numbers = itertools.count(1)

    def say(self, words):
        with self.lock:
            print(json.dumps(words), flush=True)

    def write(self, entry):
        with self.lock:
            for output in self.outputs:
                print(json.dumps(entry), file=output, flush=True)


class Answer:
    """What one request is answered with."""

    response_model = MODEL

    def __init__(self, number, request):
        self.id = f"chatcmpl-standin{number:06d}"
        self.model = request.get("model", "")
        self.stream = bool(request.get("stream"))
        self.wants_usage = bool((request.get("stream_options") or {}).get("include_usage"))
        self.input_tokens = 11 + 3 * number % 997
        self.output_tokens = 1013 + 7 * number % 991
        # Coding agents offer tools in each of their requests, and go on as long as one is called.
        calls_tool = request.get("tools") and self.model != "standin-text"
        self.finish_reason = "tool_calls" if calls_tool else "stop"
        self.words = WORDS * {"standin-long-stream": 4, "standin-500-pieces": 45}.get(self.model, 1)

    def usage(self):
        return {
            "prompt_tokens": self.input_tokens,
            "completion_tokens": self.output_tokens,
            "total_tokens": self.input_tokens + self.output_tokens,
            "prompt_tokens_details": {"cached_tokens": 5},
            "completion_tokens_details": {"reasoning_tokens": 7},
        }

    def common(self, kind):
        return {
            "id": self.id,
            "object": kind,
            "created": 1_760_000_000,
            "model": MODEL,
            "service_tier": "default",
            "system_fingerprint": "fp_standin",
        }

    def tool_calls(self):
        function = {"name": "get_weather", "arguments": '{"city": "Lisbon"}'}
        return [{"id": "call_standin", "type": "function", "function": function}]

    def message(self):
        if self.finish_reason == "tool_calls":
            return {"role": "assistant", "content": None, "tool_calls": self.tool_calls()}
        text = "".join(self.words)
        if self.model == "standin-large":
            text = "lorem ipsum " * (1 << 20 >> 3)
        return {"role": "assistant", "content": text, "refusal": None}

    def body(self):
        choice = {"index": 0, "message": self.message(), "logprobs": None, "finish_reason": self.finish_reason}
        return {**self.common("chat.completion"), "choices": [choice], "usage": self.usage()}

    def chunks(self):
        """The events of a stream, without framing."""

        def chunk(choices, usage=None):
            return {**self.common("chat.completion.chunk"), "choices": choices, "usage": usage}

        def delta(delta, finish_reason=None):
            return [{"index": 0, "delta": delta, "finish_reason": finish_reason}]

        yield chunk(delta({"role": "assistant", "content": ""}))
        if self.finish_reason == "tool_calls":
            calls = [{"index": 0, **call} for call in self.tool_calls()]
            yield chunk(delta({"tool_calls": calls}))
        else:
            for word in self.words:
                yield chunk(delta({"content": word}))
        yield chunk(delta({}, self.finish_reason))
        if self.wants_usage:
            yield chunk([], self.usage())

    def events(self):
        """A stream's bytes, event by event."""
        for chunk in self.chunks():
            yield b"data: " + json.dumps(chunk).encode() + b"\n\n"
        yield b"data: [DONE]\n\n"


def error(kind, code):
    return {"error": {"message": "You said: prompt-canary", "type": kind, "param": None, "code": code}}


def tls(connection):
    """What was agreed on for a connection; none without TLS."""
    if not isinstance(connection, ssl.SSLSocket):
        return None
    cipher, _, _ = connection.cipher()
    return {"version": connection.version(), "cipher": cipher, "resumed": connection.session_reused}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    entry = {}

    def setup(self):
        if self.server.door:
            self.server.door.hold(self.client_address[1])
        super().setup()

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.send_body(404, error("invalid_request_error", "not_found"))

    def read_body(self):
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def do_POST(self):
        body = self.read_body()
        received = time.time_ns()
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        try:
            request = json.loads(body)
        except ValueError:
            request = {}
        path = self.path.partition("?")[0]
        dialect = next((dialect for end, dialect in DIALECTS.items() if path.endswith(end)), None)
        if dialect is None:
            return self.send_body(404, error("invalid_request_error", "not_found"))
        answer = dialect(next(self.server.truth.numbers), request)
        self.entry = {
            "path": self.path,
            "client_port": self.client_address[1] if self.client_address else None,
            "request_model": answer.model,
            "stream": answer.stream,
            "id": answer.id,
            "response_model": answer.response_model,
            "input_tokens": answer.input_tokens,
            "output_tokens": answer.output_tokens,
            "usage_sent": not answer.stream or answer.wants_usage,
            "finish_reason": answer.finish_reason,
            "request_bytes": len(body),
            "host": (self.headers.get("host") or "").rsplit(":", 1)[0],
            "received_ns": received,
            "traceparent": self.headers.get("traceparent"),
            # What services name a request by (`tests/services`).
            "reference": self.headers.get("x-request-ref"),
            "header_names": sorted(name.lower() for name in self.headers.keys()),
            "tls": tls(self.connection),
        }
        try:
            BEHAVIOURS.get(answer.model, Handler.answer)(self, answer)
        finally:
            self.entry["done_ns"] = time.time_ns()
            self.server.truth.write(self.entry)

    def begin(self, status, headers):
        self.entry["status"] = status
        self.entry["first_byte_ns"] = time.time_ns()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def send_body(self, status, document, headers=None):
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.begin(status, {"content-type": "application/json", "content-length": len(body), **(headers or {})})
        self.wfile.write(body)

    def send_chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def send_event(self, event):
        self.send_chunk(b"data: " + json.dumps(event).encode() + b"\n\n")

    def begin_stream(self):
        self.begin(200, {"content-type": "text/event-stream; charset=utf-8", "transfer-encoding": "chunked"})

    def begin_to_answer(self, answer):
        self.begin_stream()
        for event in list(answer.chunks())[:3]:
            self.send_event(event)

    def answer(self, answer):
        if not answer.stream:
            return self.send_body(200, answer.body())
        self.begin_stream()
        for event in answer.events():
            self.send_chunk(event)
        self.wfile.write(b"0\r\n\r\n")

    def zipped(self, answer):
        self.send_body(200, gzip.compress(json.dumps(answer.body()).encode()), {"content-encoding": "gzip"})

    def chunked(self, answer):
        body = json.dumps(answer.body(), indent=1).encode()
        self.begin(200, {"content-type": "application/json", "transfer-encoding": "chunked"})
        for start in range(0, len(body), 37):
            self.send_chunk(body[start : start + 37])
        self.wfile.write(b"0\r\nx-trailer: yes\r\n\r\n")

    def rate_limited(self, answer):
        self.send_body(429, error("tokens", "rate_limit_exceeded"), {"retry-after-ms": "1"})

    def failed(self, answer):
        self.send_body(500, error("server_error", None))

    def cut(self, answer):
        """Announces more than it sends, then ends the connection."""
        body = json.dumps(answer.body()).encode()
        self.begin(200, {"content-type": "application/json", "content-length": 3 * len(body)})
        self.wfile.write(body)
        self.close_connection = True

    def reset(self, answer):
        """Resets the connection in the middle of a stream."""
        self.begin_to_answer(answer)
        # Linger of zero seconds: close sends RST (socket(7)).
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())
        self.close_connection = True

    def fail_in_stream(self, answer):
        self.begin_to_answer(answer)
        self.send_event(error("server_error", "engine_overloaded"))
        self.wfile.write(b"0\r\n\r\n")

    def wait(self, answer):
        """Says nothing more after the first events, until the client leaves."""
        self.begin_to_answer(answer)
        self.rfile.read()

    def nonsense(self, answer):
        self.send_body(200, b'{"id": "chatcmpl-cut", "model": ')

    def not_http(self, answer):
        self.wfile.write(b"\x00\x01\x02 this is no HTTP at all\r\n\r\n")
        self.entry["status"] = None
        self.close_connection = True


# What answers, by how the path ends.
DIALECTS = {"/chat/completions": Answer}

BEHAVIOURS = {
    "standin-gzip": Handler.zipped,
    "standin-chunked": Handler.chunked,
    "standin-429": Handler.rate_limited,
    "standin-500": Handler.failed,
    "standin-cut": Handler.cut,
    "standin-reset": Handler.reset,
    "standin-stream-error": Handler.fail_in_stream,
    "standin-wait": Handler.wait,
    "standin-not-json": Handler.nonsense,
    "standin-not-http": Handler.not_http,
}


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    door = None

    def handle_error(self, request, client_address):
        """A client that leaves is no news."""


class Server6(Server):
    address_family = socket.AF_INET6


class UnixServer(Server):
    address_family = socket.AF_UNIX

    def server_bind(self):
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "localhost", 0


class UnixHandler(Handler):
    # There is no Nagle's algorithm to disable.
    disable_nagle_algorithm = False


def certificates(directory):
    """A CA and a certificate for this host's own names and a provider's, by the openssl command."""

    # What a stand-in is told of TLS is not meant for this command.
    environment = {name: value for name, value in os.environ.items() if name != "OPENSSL_CONF"}

    def openssl(*arguments):
        command = ["openssl", *arguments]
        subprocess.run(command, cwd=directory, env=environment, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=spanwire test CA",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign")  # fmt: skip
    openssl("req", *key, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=localhost")
    with open(os.path.join(directory, "leaf.ext"), "w", encoding="ascii") as extensions:
        extensions.write("subjectAltName=DNS:localhost,DNS:api.openai.com,IP:127.0.0.1,IP:::1\nextendedKeyUsage=serverAuth\n")
    openssl("x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-out", "leaf.pem", "-days", "2", "-extfile", "leaf.ext")  # fmt: skip
    return tuple(os.path.join(directory, name) for name in ("ca.pem", "leaf.pem", "leaf.key"))


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dir", required=True)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--echo", action="store_true")
    parser.add_argument("--address", default="127.0.0.1")
    return parser


def main(options, context, door=None):
    """Serves until it is killed; `door`, made with the log, holds TLS clients before their handshake."""
    server = Server((options.address, 0), Handler)
    server.truth = Truth(options.dir, options.echo)
    server.door = door(server.truth) if door and not options.plain else None
    ready = {"port": server.server_port, "ca": None, "unix": None}
    if options.plain:
        ready["unix"] = os.path.join(options.dir, "standin.sock")
        others = [Server6(("::1", server.server_port), Handler), UnixServer(ready["unix"], UnixHandler)]
        for other in others:
            other.truth = server.truth
            threading.Thread(target=other.serve_forever, daemon=True).start()
    else:
        ready["ca"], certificate, key = certificates(options.dir)
        context.load_cert_chain(certificate, key)
        # The handshake is the handler's thread's work, not the listener's.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print(json.dumps(ready), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(arguments().parse_args(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
