"""Chat completions over TLS by http.client at a steady rate; prints how long they took.

Arguments: URL, CA, connections, calls a second, seconds. Each connection has a thread; call k is due at k/rate.
"""

import http.client
import json
import ssl
import sys
import threading
import time
from urllib.parse import urlsplit

url, ca = urlsplit(sys.argv[1]), sys.argv[2]
connections, rate, seconds = (int(argument) for argument in sys.argv[3:])
context = ssl.create_default_context(cafile=ca)
body = json.dumps({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "x" * 900}]})
took_us = []


def work(connection, first, began):
    for call in range(first, rate * seconds, connections):
        time.sleep(max(0, began + call / rate - time.monotonic()))
        start = time.perf_counter()
        connection.request("POST", url.path, body)
        json.loads(connection.getresponse().read())
        took_us.append(1e6 * (time.perf_counter() - start))


clients = [http.client.HTTPSConnection(url.hostname, url.port, context=context) for _ in range(connections)]
for client in clients:
    # Not counted: the handshake, and the agent's first look at this program.
    client.request("POST", url.path, body)
    client.getresponse().read()
print("connected", flush=True)
sys.stdin.readline()
began = time.monotonic() + 0.05
threads = [threading.Thread(target=work, args=(client, first, began)) for first, client in enumerate(clients)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
took_us.sort()
count = len(took_us)
print(json.dumps({"calls": count, "p50_us": took_us[count // 2], "p99_us": took_us[count * 99 // 100]}), flush=True)
