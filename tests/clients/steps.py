"""Chat completions over one connection that is kept: one for each line of its input."""

import http.client
import json
import os
import ssl
import sys
import time
from urllib.parse import urlsplit

from common import headers, options, parameters, report

chosen = options()
url = urlsplit(chosen.base_url)
if url.scheme == "https":
    context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
    connection = http.client.HTTPSConnection(url.hostname, url.port, context=context)
else:
    connection = http.client.HTTPConnection(url.hostname, url.port)
for _ in sys.stdin:
    started_ns = time.time_ns()
    connection.request("POST", f"{url.path}/chat/completions", json.dumps(parameters(chosen)), headers())
    report(started_ns, answer=json.loads(connection.getresponse().read()))
