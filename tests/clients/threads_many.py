"""Chat completions through http.client: many threads, each with a connection that it keeps."""

import http.client
import json
import os
import ssl
import threading
import time
from urllib.parse import urlsplit

from common import headers, options, parameters, report

chosen = options()
url = urlsplit(chosen.base_url)
context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))


def work():
    connection = http.client.HTTPSConnection(url.hostname, url.port, context=context)
    for _ in range(chosen.count):
        started_ns = time.time_ns()
        body = json.dumps(parameters(chosen))
        connection.request("POST", f"{url.path}/chat/completions", body, headers())
        report(started_ns, answer=json.loads(connection.getresponse().read()))


threads = [threading.Thread(target=work) for _ in range(chosen.threads)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
