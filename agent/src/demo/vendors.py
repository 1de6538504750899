"""A stand-in for some vendors of models and a vector store, behind a proxy, so that programs ask them by their names.

    vendors.py --dir DIR

Makes a certificate for those names in DIR, listens on a free port of 127.0.0.1, and prints one line of JSON when it is ready
({"port": …, "ca": …}). It is an HTTP proxy that leads every CONNECT to itself, and a Qdrant for who asks it plainly.
"""

import argparse
import json
import os
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAMES = ["api.openai.com", "api.anthropic.com", "generativelanguage.googleapis.com"]
WORDS = ["It", " is", " sunny", " in", " Lisbon", ",", " 24", " °C", " and", " calm", "."]


def certificate(directory):
    """A certificate that is its own authority."""
    paths = [os.path.join(directory, name) for name in ("key.pem", "ca.pem")]
    names = ",".join(f"DNS:{name}" for name in NAMES)
    request = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    request += ["-days", "2", "-subj", "/CN=spanwire demo", "-addext", f"subjectAltName={names}"]
    subprocess.run([*request, "-keyout", paths[0], "-out", paths[1]], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(paths[1], paths[0])
    return context, paths[1]


def chat(asked):
    """OpenAI: the first time it wants tools called."""
    common = {"id": "chatcmpl-demo", "created": 1_700_000_000, "model": "gpt-4o-mini-2024-07-18", "service_tier": "default"}
    usage = {"prompt_tokens": 412, "completion_tokens": 37, "total_tokens": 449, "prompt_tokens_details": {"cached_tokens": 256}}
    if not asked.get("stream"):
        called = [
            {"id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": '{"city":"Lisbon"}'}}
            for name in ("get_weather", "find_events")
        ]
        message = {"role": "assistant", "content": None, "tool_calls": called}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
        return {**common, "object": "chat.completion", "choices": [choice], "usage": usage}
    common["object"] = "chat.completion.chunk"
    pieces = [{**common, "choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]} for word in WORDS]
    pieces.append({**common, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    pieces.append({**common, "choices": [], "usage": {**usage, "prompt_tokens": 478, "completion_tokens": 11}})
    return [b"data: %s\n\n" % json.dumps(piece).encode() for piece in pieces] + [b"data: [DONE]\n\n"]


def embedding(_asked):
    vector = {"object": "embedding", "index": 0, "embedding": [0.1] * 1536}
    usage = {"prompt_tokens": 9, "total_tokens": 9}
    return {"object": "list", "model": "text-embedding-3-small", "data": [vector], "usage": usage}


def message(_asked):
    """Anthropic: a stream."""
    usage = {"input_tokens": 318, "output_tokens": 1, "cache_read_input_tokens": 2048, "cache_creation_input_tokens": 0}
    begin = {"id": "msg_demo", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5-20250929", "content": []}
    events = [{"type": "message_start", "message": {**begin, "stop_reason": None, "stop_sequence": None, "usage": usage}}]
    events.append({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
    for word in WORDS:
        delta = {"type": "text_delta", "text": word}
        events.append({"type": "content_block_delta", "index": 0, "delta": delta})
    events.append({"type": "content_block_stop", "index": 0})
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    events.append({"type": "message_delta", "delta": end, "usage": {"output_tokens": 96}})
    events.append({"type": "message_stop"})
    return [b"event: %s\ndata: %s\n\n" % (event["type"].encode(), json.dumps(event).encode()) for event in events]


def generation(_asked):
    """Gemini."""
    usage = {"promptTokenCount": 21, "candidatesTokenCount": 14, "thoughtsTokenCount": 130, "totalTokenCount": 165}
    candidate = {"content": {"role": "model", "parts": [{"text": "".join(WORDS)}]}, "finishReason": "STOP", "index": 0}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.5-flash", "responseId": "demo"}


def points(_asked):
    """Qdrant."""
    found = [{"id": number, "version": 1, "score": 0.9 - number / 10} for number in range(3)]
    return {"result": {"points": found}, "status": "ok", "time": 0.001}


def stored(_asked):
    """Qdrant."""
    return {"result": {"operation_id": 1, "status": "completed"}, "status": "ok", "time": 0.001}


ANSWERS = {
    "/v1/chat/completions": chat,
    "/v1/embeddings": embedding,
    "/v1/messages": message,
    "/v1beta/models/gemini-2.5-flash:generateContent": generation,
    "/collections/travel/points": stored,
    "/collections/travel/points/query": points,
}
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    # One refusal, as vendors have their bad moments.
    refusals = threading.Semaphore(1)

    def log_message(self, *arguments):
        pass

    def do_CONNECT(self):
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.wfile.flush()
        try:
            self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        except (OSError, ssl.SSLError):
            self.close_connection = True
            return
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
        self.close_connection = False

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        path = self.path.partition("?")[0]
        time.sleep(0.02)
        if path == "/v1/messages" and self.refusals.acquire(blocking=False):
            return self.document(529, OVERLOADED, [("retry-after", "0")])
        answer = ANSWERS.get(path)
        if answer is None:
            return self.document(404, {"error": {"message": "There is no such thing here."}})
        answer = answer(body)
        if isinstance(answer, list):
            return self.stream(answer)
        self.document(200, answer)

    do_PUT = do_POST

    def document(self, status, document, fields=()):
        body = json.dumps(document).encode()
        self.send_response(status)
        for name, value in [("content-type", "application/json"), ("content-length", str(len(body))), *fields]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def stream(self, pieces):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            time.sleep(0.005)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dir", required=True)
    directory = parser.parse_args().dir
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.tls, ca = certificate(directory)
    print(json.dumps({"port": server.server_address[1], "ca": ca}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
