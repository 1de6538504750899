"""A chat completion over plain HTTP whose answer io_uring receives, while the same thread reads a file
that looks like another answer: what io_uring has received is often noted at the end of such a call."""

import ctypes
import json
import mmap
import os
import socket
import struct
import tempfile
import time
from urllib.parse import urlsplit

from common import headers, options, parameters, report

# System calls (include/uapi/asm-generic/unistd.h), and of include/uapi/linux/io_uring.h what is used.
SETUP, ENTER = 425, 426
COOP_TASKRUN = 1 << 8
OFF_SQ_RING, OFF_CQ_RING, OFF_SQES = 0, 0x8000000, 0x10000000
OP_RECV = 27
ENTRIES = 4

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


class Ring:
    """Just enough of a ring for one request at a time."""

    def __init__(self):
        parameters = (ctypes.c_uint32 * 30)()
        # Without interrupts for finished work, where the kernel can do that (5.19): then the next call does it.
        parameters[2] = COOP_TASKRUN
        self.fd = libc.syscall(SETUP, ENTRIES, parameters)
        if self.fd < 0:
            parameters[2] = 0
            self.fd = libc.syscall(SETUP, ENTRIES, parameters)
        assert self.fd >= 0, os.strerror(ctypes.get_errno())
        # head, tail, mask, entries, flags, dropped, array
        self.sq, self.cq = list(parameters[10:17]), list(parameters[20:26])
        self.sq_ring = mmap.mmap(self.fd, self.sq[6] + 4 * parameters[0], offset=OFF_SQ_RING)
        self.cq_ring = mmap.mmap(self.fd, self.cq[5] + 16 * parameters[1], offset=OFF_CQ_RING)
        self.entries = mmap.mmap(self.fd, 64 * parameters[0], offset=OFF_SQES)

    def receive(self, sock, buffer):
        """Begins to receive into the buffer."""
        entry = struct.pack("<BBHiQQIIQ", OP_RECV, 0, 0, sock.fileno(), 0, ctypes.addressof(buffer), len(buffer), 0, 1)
        (tail,) = struct.unpack_from("<I", self.sq_ring, self.sq[1])
        index = tail % ENTRIES
        self.entries[64 * index : 64 * index + 64] = entry.ljust(64, b"\0")
        struct.pack_into("<I", self.sq_ring, self.sq[6] + 4 * index, index)
        struct.pack_into("<I", self.sq_ring, self.sq[1], tail + 1)
        assert libc.syscall(ENTER, self.fd, 1, 0, 0, None, 0) == 1, os.strerror(ctypes.get_errno())

    def received(self):
        """How many bytes came; none when nothing did yet."""
        (head,) = struct.unpack_from("<I", self.cq_ring, self.cq[0])
        (tail,) = struct.unpack_from("<I", self.cq_ring, self.cq[1])
        if head == tail:
            return None
        _, result = struct.unpack_from("<Qi", self.cq_ring, self.cq[5] + 16 * (head % (2 * ENTRIES)))
        struct.pack_into("<I", self.cq_ring, self.cq[0], head + 1)
        return result


def other_answer():
    usage = {"prompt_tokens": 666, "completion_tokens": 666}
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "garbage"}}
    body = json.dumps({"id": "chatcmpl-garbage", "model": "garbage", "choices": [choice], "usage": usage})
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return (head + body).encode()


def main():
    chosen = options()
    url = urlsplit(chosen.base_url)
    body = json.dumps(parameters(chosen)).encode()
    lines = [f"POST {url.path}/chat/completions HTTP/1.1", f"host: {url.netloc}", f"content-length: {len(body)}"]
    lines += ["content-type: application/json", *(f"{name}: {value}" for name, value in headers().items())]
    sock = socket.create_connection((url.hostname, url.port))
    ring, buffer = Ring(), ctypes.create_string_buffer(65536)
    with tempfile.TemporaryFile() as file:
        file.write(other_answer().ljust(1 << 20, b" "))
        file.flush()
        started_ns = time.time_ns()
        ring.receive(sock, buffer)
        sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        data = b""
        while True:
            while (size := ring.received()) is None:
                os.lseek(file.fileno(), 0, os.SEEK_SET)
                os.read(file.fileno(), 1 << 20)
            assert size > 0, size
            data += buffer.raw[:size]
            head, end, rest = data.partition(b"\r\n\r\n")
            lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            if end and len(rest) >= int(lengths[0].partition(b":")[2]):
                break
            ring.receive(sock, buffer)
        report(started_ns, answer=json.loads(rest))


main()
