"""Chat completions through pycurl, whose wheel brings libcurl and OpenSSL; each thread keeps its connection."""

import json
import os
import threading
import time

import pycurl
from common import headers, options, parameters, report, summary

chosen = options()


def work():
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, f"{chosen.base_url}/chat/completions")
    curl.setopt(pycurl.CAINFO, os.environ["SSL_CERT_FILE"])
    curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
    lines = {**headers(), "content-type": "application/json"}
    curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in lines.items()])
    for _ in range(chosen.count):
        started_ns = time.time_ns()
        curl.setopt(pycurl.POSTFIELDS, json.dumps(parameters(chosen)))
        text = curl.perform_rb().decode()
        report(started_ns, answer=summary(text.splitlines()) if chosen.stream else json.loads(text))


threads = [threading.Thread(target=work) for _ in range(chosen.threads)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
