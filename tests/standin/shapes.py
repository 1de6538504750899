"""More shapes of an answer to a chat request: packed, large, and such as bend the rules and are read all the same."""

import base64
import gzip
import json
import random
import zlib

from provider import Answer, Handler

try:
    import brotli
    import zstandard
except ModuleNotFoundError:
    # In the virtual machines of `vm-test`, which have Python alone and ask for nothing packed.
    brotli = zstandard = None


def incompressible(size):
    """Text of about `size` bytes that no encoding makes much smaller."""
    return base64.b64encode(random.Random(size).randbytes(size * 3 // 4)).decode()


class Shaped(Answer):
    """Larger where the model's name says so."""

    def message(self):
        if self.model.startswith("standin-2800k"):
            return {"role": "assistant", "content": incompressible(2_800_000)}
        return super().message()

    def __init__(self, number, request):
        super().__init__(number, request)
        if self.model.startswith("standin-16m"):
            text = incompressible(16 << 20)
            self.words = [text[start : start + 8192] for start in range(0, len(text), 8192)]


class Gzip:
    """Like the compressors of the other encodings."""

    def __init__(self):
        self.packer = zlib.compressobj(wbits=31)

    def process(self, data):
        return self.packer.compress(data)

    def flush(self):
        return self.packer.flush(zlib.Z_SYNC_FLUSH)

    def finish(self):
        return self.packer.flush()


class Zstd:
    def __init__(self):
        self.packer = zstandard.ZstdCompressor().compressobj()

    def process(self, data):
        return self.packer.compress(data)

    def flush(self):
        return self.packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    def finish(self):
        return self.packer.flush()


CODINGS = {
    "br": (lambda data: brotli.compress(data), lambda: brotli.Compressor()),
    "gzip": (gzip.compress, Gzip),
    "zstd": (lambda data: zstandard.compress(data), Zstd),
}


def packed(coding):
    pack, packer = CODINGS[coding]

    def behave(handler: Handler, answer):
        encoding = {"content-encoding": coding}
        if not answer.stream:
            return handler.send_body(200, pack(json.dumps(answer.body()).encode()), encoding)
        handler.begin(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked", **encoding})
        packing = packer()
        for event in answer.events():
            handler.send_chunk(packing.process(event) + packing.flush())
        handler.send_chunk(packing.finish())
        handler.wfile.write(b"0\r\n\r\n")

    return behave


def large_in_chunks(handler: Handler, answer):
    body = json.dumps(answer.body()).encode()
    handler.begin(200, {"content-type": "application/json", "transfer-encoding": "chunked"})
    for start in range(0, len(body), 65536):
        handler.send_chunk(body[start : start + 65536])
    handler.wfile.write(b"0\r\n\r\n")


def framed_twice(handler: Handler, answer):
    """Says a length beside its chunks, which is not to be believed (RFC 9112, section 6.3)."""
    kind = "text/event-stream" if answer.stream else "application/json"
    headers = {"content-type": kind, "transfer-encoding": "chunked", "content-length": 311}
    pieces = list(answer.events()) if answer.stream else [json.dumps(answer.body()).encode()]
    handler.begin(200, headers)
    for piece in pieces:
        handler.send_chunk(piece)
    handler.wfile.write(b"0\r\n\r\n")


def stream_as_document(handler: Handler, answer):
    handler.begin(200, {"content-type": "application/json", "transfer-encoding": "chunked"})
    for event in answer.events():
        handler.send_chunk(event)
    handler.wfile.write(b"0\r\n\r\n")


def document_as_stream(handler: Handler, answer):
    handler.send_body(200, answer.body(), {"content-type": "text/event-stream"})


def failed_choice(handler: Handler, answer):
    """A gateway that tells of a failure by the finish reason."""
    handler.begin_to_answer(answer)
    fault = {"code": 502, "message": "You said: prompt-canary"}
    choice = {"index": 0, "delta": {"content": ""}, "finish_reason": "error", "error": fault}
    handler.send_event({**answer.common("chat.completion.chunk"), "choices": [choice]})
    handler.send_chunk(b"data: [DONE]\n\n")
    handler.wfile.write(b"0\r\n\r\n")


def failed_event(handler: Handler, answer):
    handler.begin_to_answer(answer)
    handler.send_chunk(b'event: error\ndata: {"code":400,"details":"You said: prompt-canary"}\n\n')
    handler.wfile.write(b"0\r\n\r\n")


# A gateway's own path beside the API's.
DIALECTS = {"/chat/completions": Shaped, "/api/assistant/run": Shaped}

BEHAVIOURS = {
    **{f"standin-packed-{coding}": packed(coding) for coding in CODINGS},
    "standin-2800k-gzip": packed("gzip"),
    "standin-2800k-chunked": large_in_chunks,
    "standin-framed-twice": framed_twice,
    "standin-stream-as-document": stream_as_document,
    "standin-document-as-stream": document_as_stream,
    "standin-failed-choice": failed_choice,
    "standin-failed-event": failed_event,
}
