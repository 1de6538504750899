"""Chat completions through a libcurl of one's choice, called as C programs call it: LIBCURL names it."""

import ctypes
import json
import os
import sys
import time

from common import headers, options, parameters, report, summary

# include/curl/curl.h
GLOBAL_DEFAULT = 3
URL, CAINFO, POSTFIELDS, HTTPHEADER, WRITEFUNCTION = 10002, 10065, 10015, 10023, 20011

curl = ctypes.CDLL(os.environ["LIBCURL"])
curl.curl_easy_init.restype = curl.curl_slist_append.restype = ctypes.c_void_p
curl.curl_version.restype = curl.curl_easy_strerror.restype = ctypes.c_char_p

chosen = options()
curl.curl_global_init(ctypes.c_long(GLOBAL_DEFAULT))
handle = ctypes.c_void_p(curl.curl_easy_init())
received = bytearray()


@ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p)
def take(data, size, count, _):
    received.extend(ctypes.string_at(data, size * count))
    return size * count


def set_option(option, value):
    code = curl.curl_easy_setopt(handle, ctypes.c_int(option), value)
    assert code == 0, curl.curl_easy_strerror(code)


lines = None
for name, value in {**headers(), "content-type": "application/json"}.items():
    lines = ctypes.c_void_p(curl.curl_slist_append(lines, f"{name}: {value}".encode()))
body = json.dumps(parameters(chosen)).encode()
set_option(URL, f"{chosen.base_url}/chat/completions".encode())
set_option(CAINFO, os.environ["SSL_CERT_FILE"].encode())
set_option(POSTFIELDS, body)
set_option(HTTPHEADER, lines)
set_option(WRITEFUNCTION, take)

# The handle keeps its connection. One call for each line of the input.
for _ in sys.stdin:
    started_ns = time.time_ns()
    received.clear()
    code = curl.curl_easy_perform(handle)
    assert code == 0, (curl.curl_version(), curl.curl_easy_strerror(code))
    text = received.decode()
    report(started_ns, answer=summary(text.splitlines()) if chosen.stream else json.loads(text))
