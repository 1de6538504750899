"""A connection that changes hands in the midst of an exchange: HEIR says how.

fork      the process that asked forks; its child reads the answer and asks again
program   the process that asked becomes another program, which reads the answer and asks again
inherit   one program connects; the one that it becomes is the first to use the connection
thread    as inherit, but a second thread is the one that becomes another program
orphan    a second thread asks when the first has exited
tls-fork  a TLS session: its child asks on it, once there is a line of input
"""

import ctypes
import http.client
import json
import os
import socket
import ssl
import sys
import threading
import time
from urllib.parse import urlsplit

from common import headers, options, parameters, report

chosen = options()
url = urlsplit(chosen.base_url)
form = os.environ["HEIR"]


def connect():
    sock = socket.create_connection((url.hostname, url.port))
    os.set_inheritable(sock.fileno(), True)
    return sock


def secured(sock):
    if url.scheme == "http":
        return sock
    context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
    return context.wrap_socket(sock, server_hostname=url.hostname)


def ask(sock):
    body = json.dumps(parameters(chosen)).encode()
    lines = [f"POST {url.path}/chat/completions HTTP/1.1", f"host: {url.netloc}", "content-type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers().items()]
    lines += [f"content-length: {len(body)}", "", ""]
    sock.sendall("\r\n".join(lines).encode() + body)
    return time.time_ns(), os.getpid()


def read(sock, asked):
    _, asked_by = asked
    response = http.client.HTTPResponse(sock, method="POST")
    response.begin()
    report(0, answer=json.loads(response.read()), asked_by=asked_by)


def both(sock):
    read(sock, ask(sock))


def in_child(work):
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def become(sock, asked):
    script = os.path.join(os.path.dirname(__file__), "successor.py")
    os.environ["HEIR"] = json.dumps({"descriptor": sock.fileno(), "asked": asked})
    os.execv(sys.executable, [sys.executable, script, *sys.argv[1:]])


def ask_alone():
    first = f"/proc/self/task/{os.getpid()}/stat"
    while open(first).read().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.001)
    both(connect())
    sys.stdout.flush()
    os._exit(0)


def heir():
    """The program that this one became."""
    left = json.loads(form)
    sock = secured(socket.socket(fileno=left["descriptor"]))
    if left["asked"]:
        read(sock, left["asked"])
    both(sock)


def main():
    if form == "fork":
        sock = connect()
        asked = ask(sock)

        def child():
            read(sock, asked)
            both(sock)

        in_child(child)
    elif form == "program":
        sock = connect()
        become(sock, ask(sock))
    elif form == "inherit":
        become(connect(), None)
    elif form == "thread":
        sock = connect()
        threading.Thread(target=become, args=(sock, None)).start()
        threading.Event().wait()
    elif form == "orphan":
        threading.Thread(target=ask_alone).start()
        # exit(2) of this thread alone (include/uapi/asm-generic/unistd.h and its like have the number).
        ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[os.uname().machine], 0)
    elif form == "tls-fork":
        sock = secured(connect())
        both(sock)

        def wait_and_ask():
            sys.stdin.readline()
            both(sock)

        in_child(wait_and_ask)


if __name__ == "__main__":
    main()
