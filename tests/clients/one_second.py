"""One chat completion by the standard library alone, in a life of about one second."""

import http.client
import json
import os
import socket
import ssl
import time
from urllib.parse import urlsplit

from common import headers, options, parameters, report

began = time.monotonic()
chosen = options()
url = urlsplit(chosen.base_url)
if url.scheme == "https":
    context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
    connection = http.client.HTTPSConnection(url.hostname, url.port, context=context)
else:
    connection = http.client.HTTPConnection(url.hostname, url.port)
if "CONNECT_TO" in os.environ:
    # The name stays that of the URL.
    address = (os.environ["CONNECT_TO"], url.port)
    connection._create_connection = lambda _, *rest, **options: socket.create_connection(address, *rest, **options)
started_ns = time.time_ns()
connection.request("POST", f"{url.path}/chat/completions", json.dumps(parameters(chosen)), headers())
report(started_ns, answer=json.loads(connection.getresponse().read()))
connection.close()
time.sleep(max(0, 1 - (time.monotonic() - began)))
