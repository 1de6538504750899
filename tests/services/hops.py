"""What the Python services share: each request in and out is logged as it was, and its headers are passed on as PROPAGATE says.

A request has a reference in a header of the application's own, x-request-ref: `r17` as the client made it, `r17.2` for the
second request that was made while it was handled. One line of JSON goes to a file of this process in the folder TRUTH for
each of both ends, before the answer to the request that it is part of.

PROPAGATE is what becomes of trace context: `w3c` passes it on in traceparent with a new span id for each request, as a
tracer does that records nothing, `b3` does so in B3's single header, `forward` copies the headers as they came, `none`
sends none. Either form is understood where it comes in.
"""

import functools
import itertools
import json
import os
import re
import secrets
import threading
import time

import requests

REFERENCE = "x-request-ref"
COPIED = ("traceparent", "tracestate", "b3")
FORMS = (re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}"), re.compile(r"([0-9a-f]{32})-([0-9a-f]{16})(?:-.*)?"))

# One pool of connections for all threads: the one that opens a connection is not always the one that uses it.
session = requests.Session()
for scheme in ("http://", "https://"):
    session.mount(scheme, requests.adapters.HTTPAdapter(pool_connections=8, pool_maxsize=32))


@functools.cache
def log(pid):
    """This process's file: it may have been forked since the last line."""
    return open(os.path.join(os.environ["TRUTH"], f"{pid}.jsonl"), "a", encoding="utf-8", buffering=1)


def write(**line):
    pid = os.getpid()
    log(pid).write(json.dumps({**line, "pid": pid, "tid": threading.get_native_id()}) + "\n")


def context(headers):
    """Trace id and span id of what came in or went out; none where there is no context."""
    found = re.fullmatch(FORMS[0], headers.get("traceparent") or "") or re.fullmatch(FORMS[1], headers.get("b3") or "")
    return found.groups() if found else None


def outgoing(inbound, mode=None):
    """The headers of a request that is made for one with these."""
    mode = mode or os.environ["PROPAGATE"]
    if mode == "none":
        return {}
    if mode == "forward":
        return {name: inbound[name] for name in COPIED if inbound.get(name)}
    trace, _ = context(inbound) or (secrets.token_hex(16), None)
    span = secrets.token_hex(8)
    return {"b3": f"{trace}-{span}-1"} if mode == "b3" else {"traceparent": f"00-{trace}-{span}-01"}


def span_id(headers):
    found = context(headers)
    return found[1] if found else None


class Inbound:
    """A request that is handled."""

    def __init__(self, service, request):
        self.start_ns = time.time_ns()
        self.service, self.request = service, request
        self.reference = request.headers[REFERENCE]
        self.numbers = itertools.count(1)

    def ask(self, url, document):
        """Makes a request, and returns the document that is answered."""
        reference = f"{self.reference}.{next(self.numbers)}"
        headers = {REFERENCE: reference, **outgoing(self.request.headers)}
        start_ns = time.time_ns()
        with session.post(url, json=document, headers=headers, stream=True) as response:
            socket = getattr(response.raw.connection, "sock", None)
            # Until the answer is read, no other thread can have the connection.
            held_ns = time.time_ns() if socket else None
            own, peer = (list(socket.getsockname()[:2]), list(socket.getpeername()[:2])) if socket else (None, None)
            answer = json.loads(response.content)
        sent = response.request
        write(ref=reference, parent=self.reference, end="out", service=self.service, path=sent.path_url, own=own, peer=peer,
              start_ns=start_ns, held_ns=held_ns, end_ns=time.time_ns(), context=span_id(sent.headers), answer=answer.get("id"))  # fmt: skip
        response.raise_for_status()
        return answer

    def answered(self, document):
        """Logs the request, whose answer this is."""
        request, environ = self.request, self.request.environ
        own = list(environ["gunicorn.socket"].getsockname()[:2])
        peer = [environ["REMOTE_ADDR"], int(environ["REMOTE_PORT"])]
        write(ref=self.reference, parent=None, end="in", service=self.service, path=request.path, own=own, peer=peer,
              start_ns=self.start_ns, end_ns=time.time_ns(), context=span_id(request.headers))  # fmt: skip
        return document
