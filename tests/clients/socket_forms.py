"""Chat completions over plain HTTP, by hand: one for each way in which a program can use a socket."""

import ctypes
import json
import os
import select
import socket
import sys
import tempfile
import time
from urllib.parse import urlsplit

from common import headers, options, parameters, report

libc = ctypes.CDLL(None, use_errno=True)


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class Header(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.POINTER(Vector)),
        ("count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    ]


class Message(ctypes.Structure):
    _fields_ = [("header", Header), ("moved", ctypes.c_uint32)]


def messages(buffers):
    """An array of `mmsghdr`, one message of one buffer each, and what must outlive it."""
    vectors = [Vector(ctypes.addressof(buffer), len(buffer)) for buffer in buffers]
    filled = (Message * len(buffers))()
    for message, vector in zip(filled, vectors):
        message.header.vectors, message.header.count = ctypes.pointer(vector), 1
    return filled, vectors


def pieces(data, count=3):
    size = -(-len(data) // count)
    return [data[start : start + size] for start in range(0, len(data), size)]


def send_many(sock, data):
    buffers = [ctypes.create_string_buffer(piece, len(piece)) for piece in pieces(data)]
    filled, _kept = messages(buffers)
    assert libc.sendmmsg(sock.fileno(), filled, len(filled), 0) == len(filled)


def receive_many(sock):
    buffers = [ctypes.create_string_buffer(64) for _ in range(3)]
    filled, _kept = messages(buffers)
    # MSG_WAITFORONE: the first one waits, the others take what is there.
    count = libc.recvmmsg(sock.fileno(), filled, len(filled), 0x10000, None)
    return b"".join(buffer.raw[: message.moved] for buffer, message in zip(buffers[: max(count, 0)], filled))


# Receives into the same array in each call, which fills as many of its messages as there is data for.
reused_buffers = [ctypes.create_string_buffer(4096) for _ in range(3)]
reused_messages, _kept = messages(reused_buffers)


def receive_reused(sock):
    count = libc.recvmmsg(sock.fileno(), reused_messages, len(reused_messages), 0x10000, None)
    moved = zip(reused_buffers[: max(count, 0)], reused_messages)
    return b"".join(buffer.raw[: message.moved] for buffer, message in moved)


def receive_vectors(sock):
    parts = [bytearray(5), bytearray(100), bytearray(65536)]
    moved = os.readv(sock.fileno(), parts)
    return b"".join(parts)[:moved]


def receive_message(sock):
    parts = [bytearray(7), bytearray(65536)]
    moved = sock.recvmsg_into(parts)[0]
    return b"".join(parts)[:moved]


def send_in_parts(sock, data):
    """Without blocking, as much as the kernel takes each time."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    sock.setblocking(False)
    while data:
        select.select([], [sock], [])
        data = data[sock.send(data) :]


def receive_in_parts(sock):
    select.select([sock], [], [])
    return sock.recv(100)


def send_from_file(sock, data):
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        assert os.sendfile(sock.fileno(), file.fileno(), 0, len(data)) == len(data)


def write_by_copy(sock, data):
    other = os.dup(sock.fileno())
    os.write(other, data)
    os.close(other)


# How to send, and how to receive.
FORMS = {
    "send": (socket.socket.sendall, lambda sock: sock.recv(65536)),
    "write": (lambda sock, data: os.write(sock.fileno(), data), lambda sock: os.read(sock.fileno(), 65536)),
    "vectors": (lambda sock, data: os.writev(sock.fileno(), pieces(data)), receive_vectors),
    "message": (lambda sock, data: sock.sendmsg(pieces(data)), receive_message),
    "messages": (send_many, receive_many),
    "reused": (send_many, receive_reused),
    "parts": (send_in_parts, receive_in_parts),
    "duplicate": (write_by_copy, lambda sock: sock.dup().recv(65536)),
    "file": (send_from_file, lambda sock: sock.recv(65536)),
}
# Who makes the call, and over what.
ROUTES = ["mapped", "ipv6", "unix", "child", "passed"]


def connect(route, url, unix):
    if route == "unix":
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(unix)
        return sock
    family = socket.AF_INET6 if route in ("mapped", "ipv6") else socket.AF_INET
    address = {"mapped": "::ffff:127.0.0.1", "ipv6": "::1"}.get(route, "127.0.0.1")
    sock = socket.socket(family)
    sock.connect((address, url.port))
    return sock


def request(chosen, url):
    padding = chosen.body_bytes - len(json.dumps({**parameters(chosen), "padding": ""}))
    body = json.dumps({**parameters(chosen), "padding": "x" * padding}).encode()
    lines = [f"POST {url.path}/chat/completions HTTP/1.1", f"host: {url.netloc}", f"content-length: {len(body)}"]
    lines += ["content-type: application/json", *(f"{name}: {value}" for name, value in headers().items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def answer(sock, receive):
    """Reads to the end that the header announces."""
    data = b""
    while True:
        head, end, body = data.partition(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        if end and len(body) >= int(lengths[0].partition(b":")[2]):
            return json.loads(body)
        data += receive(sock)


def call(sock, form, chosen, url):
    send, receive = FORMS[form]
    started_ns = time.time_ns()
    send(sock, request(chosen, url))
    report(started_ns, answer=answer(sock, receive))


def in_child(work):
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def pass_on(sock, work):
    """Hands the socket to another process, which never connected it."""
    near, far = socket.socketpair()

    def receiver():
        _, (descriptor,), _, _ = socket.recv_fds(far, 1, 1)
        work(socket.socket(fileno=descriptor))

    child = os.fork()
    if child == 0:
        receiver()
        os._exit(0)
    socket.send_fds(near, [b"x"], [sock.fileno()])
    sock.close()
    assert os.waitpid(child, 0)[1] == 0


def main():
    form = os.environ["SOCKET_FORM"]
    chosen = options()
    # The largest that is read whole with the agent's defaults.
    chosen.body_bytes = 1 << 20 if form == "parts" else 0
    url = urlsplit(chosen.base_url)
    route = form if form in ROUTES else None
    sock = connect(route, url, os.environ.get("SOCKET_UNIX"))
    if route == "child":
        in_child(lambda: call(sock, "send", chosen, url))
    elif route == "passed":
        pass_on(sock, lambda passed: call(passed, "send", chosen, url))
    else:
        call(sock, "send" if route else form, chosen, url)
    sys.stdout.flush()


main()
