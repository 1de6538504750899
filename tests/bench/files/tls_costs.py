"""What TLS costs a program that makes chat completions by http.client; prints how long each took.

Arguments: what, URL, CA, how many. What is `handshakes` (each on a connection of its own, which then makes one call),
`calls` (on one connection that is kept) or `streams` (of a model with 500 pieces, on one as well). It waits for a
line of its input, so that what is spent beside it can be read before and behind.
"""

import http.client
import json
import ssl
import sys
import time
from urllib.parse import urlsplit

what, url, ca, count = sys.argv[1], urlsplit(sys.argv[2]), sys.argv[3], int(sys.argv[4])
context = ssl.create_default_context(cafile=ca)
asked = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "x" * 900}]}
if what == "streams":
    asked = {**asked, "model": "standin-500-pieces", "stream": True, "stream_options": {"include_usage": True}}
body = json.dumps(asked)


def connect():
    connection = http.client.HTTPSConnection(url.hostname, url.port, context=context)
    connection.connect()
    return connection


def call(connection):
    connection.request("POST", url.path, body)
    response = connection.getresponse()
    # Line by line, as SDKs do.
    return sum(1 for _ in response) if what == "streams" else len(response.read())


def handshake():
    start = time.perf_counter()
    connection = connect()
    took = time.perf_counter() - start
    call(connection)
    connection.close()
    return took


def timed_call():
    start = time.perf_counter()
    call(kept)
    return time.perf_counter() - start


# Not counted: the first handshake, and the agent's first look at this program.
kept = connect()
call(kept)
print("connected", flush=True)
sys.stdin.readline()
measure = handshake if what == "handshakes" else timed_call
took = sorted(measure() for _ in range(count))
print(json.dumps({"count": count, "p50_us": 1e6 * took[count // 2]}), flush=True)
sys.stdin.readline()
