"""The users: COUNT questions to the gateway by THREADS threads, each with a connection that it keeps.

    load.py URL PREFIX COUNT THREADS

Logs as `hops.py` says, with references PREFIX1, PREFIX2 and so on. With PROPAGATE it is as a program with a tracer is that
exports elsewhere: each question belongs to a trace of its own. Fails where a question is not answered.
"""

import http.client
import itertools
import json
import sys
import threading
import time
from urllib.parse import urlsplit

import hops

url, prefix, count, threads = urlsplit(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
numbers = iter(range(1, count + 1))
lock = threading.Lock()
failures = itertools.count()


def ask(connection, reference):
    # What somebody sent who is not there: all modes but `none` have it.
    headers = hops.outgoing({"traceparent": hops.outgoing({}, "w3c")["traceparent"]})
    start_ns = time.time_ns()
    body = json.dumps({"question": "What is Lisbon like? prompt-canary"})
    fields = {"content-type": "application/json", hops.REFERENCE: reference, **headers}
    connection.request("POST", "/ask", body, fields)
    own, peer = connection.sock.getsockname(), connection.sock.getpeername()
    response = connection.getresponse()
    document = json.loads(response.read())
    hops.write(ref=reference, parent=None, end="out", service="load", path="/ask", own=own, peer=peer,
               start_ns=start_ns, end_ns=time.time_ns(), context=hops.span_id(headers))  # fmt: skip
    if response.status != 200 or not document["answer"]:
        raise ValueError(f"{reference}: {response.status} {document}")


def work():
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.hostname, url.port)
    while True:
        with lock:
            number = next(numbers, None)
        if number is None:
            return
        try:
            ask(connection, f"{prefix}{number}")
        except Exception as error:
            next(failures)
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            connection.close()


workers = [threading.Thread(target=work) for _ in range(threads)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
sys.exit(next(failures) > 0)
