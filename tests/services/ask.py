"""Asks `relay.py` for each line that comes in, over one connection that it keeps, and says `LINE PID` when that has answered.

ask.py tcp HOST PORT OWN_PORT
ask.py unix PATH
"""

import http.client
import json
import sys

import httpx

if sys.argv[1] == "unix":
    client = httpx.Client(transport=httpx.HTTPTransport(uds=sys.argv[2]), timeout=120)

    def ask(path):
        return client.get(f"http://relay{path}").raise_for_status().json()
else:
    host, port, own_port = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    connection = http.client.HTTPConnection(host, port, source_address=("", own_port))

    def ask(path):
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())


for line in sys.stdin:
    name = line.strip()
    print(name, ask(f"/ask/{name}")["pid"], flush=True)
