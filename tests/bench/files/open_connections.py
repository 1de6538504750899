"""Opens many connections, makes one call of an LLM on each, and keeps them all open.

    open_connections.py PORT COUNT

Prints a line when all are open, and ends with its standard input.
"""

import json
import resource
import socket
import sys

port, count = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (count + 64, count + 64))
body = json.dumps({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "x" * 900}]})
head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
request = f"{head}content-length: {len(body)}\r\n\r\n{body}".encode()

connections = []
for _ in range(count):
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(request)
    if not connection.recv(65536).startswith(b"HTTP/1.1 200"):
        sys.exit("the server refused a request")
    connections.append(connection)
print("open", flush=True)
sys.stdin.read()
