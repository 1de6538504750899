"""Chat completions through requests, over one connection that is kept."""

import time

import requests
from common import body, headers, options, report

chosen = options()
with requests.Session() as session:
    for _ in range(chosen.count):
        started_ns = time.time_ns()
        try:
            response = session.post(
                f"{chosen.base_url}/chat/completions", json=body(chosen), headers=headers()
            )
            response.raise_for_status()
            report(started_ns, answer=response.json())
        except (requests.RequestException, ValueError) as error:
            report(started_ns, error=error)
