"""Chat completions through http.client, each on a connection of its own that resumes the session of the one before."""

import http.client
import json
import os
import ssl
import time
from urllib.parse import urlsplit

from common import headers, options, parameters, report, summary

chosen = options()
url = urlsplit(chosen.base_url)
context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))


class Connection(http.client.HTTPSConnection):
    """One that takes up a session; without one it begins anew."""

    session = None

    def connect(self):
        http.client.HTTPConnection.connect(self)
        self.sock = context.wrap_socket(self.sock, server_hostname=self.host, session=self.session)


session = None
for _ in range(chosen.count):
    started_ns = time.time_ns()
    connection = Connection(url.hostname, url.port)
    connection.session = session
    connection.request("POST", f"{url.path}/chat/completions", json.dumps(parameters(chosen)), headers())
    text = connection.getresponse().read().decode()
    # Tickets of TLS 1.3 come behind the handshake: they are read with the answer.
    session = connection.sock.session
    connection.close()
    report(started_ns, answer=summary(text.splitlines()) if chosen.stream else json.loads(text))
