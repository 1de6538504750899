"""Many requests of no interest to a host that nobody knows, then calls: on the connection that is kept, and on others."""

import http.client
import json
import os
import ssl
import time
from urllib.parse import urlsplit

from common import headers, options, parameters, report

# Fewer than take a process its probes.
OTHERS = 20

chosen = options()
url = urlsplit(chosen.base_url)


def connect():
    if url.scheme == "http":
        return http.client.HTTPConnection(url.hostname, url.port)
    context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
    return http.client.HTTPSConnection(url.hostname, url.port, context=context)


def call(connection):
    started_ns = time.time_ns()
    connection.request("POST", f"{url.path}/chat/completions", json.dumps(parameters(chosen)), headers())
    report(started_ns, answer=json.loads(connection.getresponse().read()))


kept = connect()
for number in range(OTHERS):
    path = ("models", "health", "embedded")[number % 3]
    kept.request("POST" if path == "embedded" else "GET", f"{url.path}/{path}", headers=headers())
    kept.getresponse().read()
for _ in range(chosen.count):
    call(kept)
for _ in range(chosen.count):
    call(connect())
