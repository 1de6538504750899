"""Two services in one file: an agent that asks a model for each request, and a gateway in front of it.

    gateway.py agent MODEL_URL    serves on a free port of 127.0.0.1, says which, and asks the model
    gateway.py gateway AGENT_URL  asks the agent for each line that it reads, and says what it got

Both keep their connections and end with their standard input.
"""

import http.client
import json
import os
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from common import KEY, MESSAGES


def connect(url):
    url = urlsplit(url)
    if url.scheme == "https":
        context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
        return http.client.HTTPSConnection(url.hostname, url.port, context=context)
    return http.client.HTTPConnection(url.hostname, url.port)


def ask(connection, path, body):
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    connection.request("POST", path, json.dumps(body), headers)
    return json.loads(connection.getresponse().read())


class Agent(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        model = connect(self.server.model)
        answer = ask(model, "/v1/chat/completions", {"model": "gpt-4o-mini", "messages": MESSAGES})
        body = json.dumps({"id": answer["id"]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


role, url = sys.argv[1:]
if role == "agent":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Agent)
    server.model = url
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()
else:
    connection = connect(url)
    for _ in sys.stdin:
        print(ask(connection, "/task", {"task": "weather"})["id"], flush=True)
