"""Chat completions through httpx, over one connection that is kept."""

import time

import httpx
from common import body, headers, options, report

chosen = options()
with httpx.Client(headers=headers()) as client:
    for _ in range(chosen.count):
        started_ns = time.time_ns()
        try:
            response = client.post(f"{chosen.base_url}/chat/completions", json=body(chosen))
            report(started_ns, answer=response.raise_for_status().json())
        except (httpx.HTTPError, ValueError) as error:
            report(started_ns, error=error)
