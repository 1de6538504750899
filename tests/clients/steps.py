"""Chat completions, one for each line of its input: over one connection that is kept or, with FRESH in the environment, each
over its own. With SOURCE_PORT in the environment from that port of this host.
"""

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
source = ("", int(os.environ["SOURCE_PORT"])) if "SOURCE_PORT" in os.environ else None
if url.scheme == "https":
    context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
    connection = http.client.HTTPSConnection(url.hostname, url.port, context=context, source_address=source)
else:
    connection = http.client.HTTPConnection(url.hostname, url.port, source_address=source)
for _ in sys.stdin:
    started_ns = time.time_ns()
    connection.request("POST", f"{url.path}/chat/completions", json.dumps(parameters(chosen)), headers())
    report(started_ns, answer=json.loads(connection.getresponse().read()))
    if "FRESH" in os.environ:
        # The next request opens it anew.
        connection.close()
