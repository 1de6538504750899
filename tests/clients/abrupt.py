"""One connection, and an end that leaves all as it is. It waits for a line first. ENDS says how:

spoil  breaks the rules of HTTP, and exits without closing anything
waits  asks for a stream, and waits for its end after the first event
else   makes a call, and exits without closing anything

Run without address randomisation, its TLS session is at the same address each time.
"""

import http.client
import json
import os
import ssl
import sys
from urllib.parse import urlsplit

from common import headers, options, parameters, report

chosen = options()
ends = os.environ["ENDS"]
url = urlsplit(chosen.base_url)
if url.scheme == "https":
    context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
    connection = http.client.HTTPSConnection(url.hostname, url.port, context=context)
else:
    connection = http.client.HTTPConnection(url.hostname, url.port)
sys.stdin.readline()
connection.connect()
if ends == "spoil":
    # Two lengths, of which the server believes the first; then enough for the agent to say its word.
    lengths = b"content-length: 0\r\ncontent-length: 7\r\n"
    for each in [lengths] + 20 * [b"content-length: 0\r\n"]:
        connection.sock.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n" + each + b"\r\n")
        response = http.client.HTTPResponse(connection.sock, method="POST")
        response.begin()
        response.read()
    print("{}", flush=True)
else:
    connection.request("POST", f"{url.path}/chat/completions", json.dumps(parameters(chosen)), headers())
    response = connection.getresponse()
    if ends == "waits":
        response.readline()
        print("{}", flush=True)
        response.read()
    report(0, answer=json.loads(response.read()))
os._exit(0)
