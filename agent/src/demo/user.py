"""A user of the service: asks whether it is there, thinks, and asks one question."""

import sys
import time
import urllib.request

for path, body in [("/ready", None), ("/ask", b"What is the weather in Lisbon, and what is on?")]:
    with urllib.request.urlopen(sys.argv[1] + path, body) as answer:
        answer.read()
    if body is None:
        time.sleep(0.5)
