"""Chat completions through requests, over one connection that is kept."""

import time

import requests
from common import headers, options, parameters, report, summary

chosen = options()
with requests.Session() as session:
    for _ in range(chosen.count):
        started_ns = time.time_ns()
        try:
            url = f"{chosen.base_url}/chat/completions"
            response = session.post(url, json=parameters(chosen), headers=headers(), stream=chosen.stream)
            response.raise_for_status()
            if chosen.stream:
                answer = summary(response.iter_lines(decode_unicode=True))
            else:
                answer = response.json()
            report(started_ns, answer=answer)
        except (requests.RequestException, ValueError) as error:
            report(started_ns, error=error)
