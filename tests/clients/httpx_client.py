"""Chat completions through httpx, over one connection that is kept."""

import json
import time

import httpx
from common import headers, options, parameters, report, summary

chosen = options()
with httpx.Client(headers=headers()) as client:
    for _ in range(chosen.count):
        started_ns = time.time_ns()
        try:
            with client.stream("POST", f"{chosen.base_url}/chat/completions", json=parameters(chosen)) as response:
                response.raise_for_status()
                answer = summary(response.iter_lines()) if chosen.stream else json.loads(response.read())
            report(started_ns, answer=answer)
        except (httpx.HTTPError, ValueError) as error:
            report(started_ns, error=error)
