#!/usr/bin/env python3
"""record.py FOLDER: records TLS connections of real peers for the unit tests of `agent/src/protocol/tls`.

Each goes through a proxy that notes what passes, and both ends' keys are derived from the key log (RFC 8446, section 7.3;
RFC 5246, section 6.3). One file a connection: `key HEX`, as a probe on the key expansion would see it, `> HEX` (the client's bytes)
and `< HEX` (the server's), in the order in which they passed; last `sent HEX` and `answered HEX`, the content of either direction.
Needs openssl, nginx and wget."""
import hashlib
import hmac
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

ANSWER = b'{"id":"chatcmpl-1","choices":[{"message":{"content":"Hello"}}],"usage":{"prompt_tokens":9}}'
REQUEST = (b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 26\r\n\r\n"
           b'{"model":"m","messages":1}')
HASHES = {16: "sha256", 32: "sha384"}


def expand_label(secret, label, length, name):
    info = struct.pack(">HB", length, 6 + len(label)) + b"tls13 " + label + b"\0"
    out, block, count = b"", b"", 1
    while len(out) < length:
        block = hmac.new(secret, block + info + bytes([count]), name).digest()
        out, count = out + block, count + 1
    return out[:length]


def prf(secret, seed, length, name):
    out, a = b"", seed
    while len(out) < length:
        a = hmac.new(secret, a, name).digest()
        out += hmac.new(secret, a + seed, name).digest()
    return out[:length]


def keys(log, server_randoms, size):
    """The keys in a key log, for keys of this size, in the order in which they are used, with two updates each."""
    found, name = {}, HASHES[size]
    for line in log.splitlines():
        fields = line.split()
        if len(fields) != 3 or line.startswith("#"):
            continue
        label, random, secret = fields[0], bytes.fromhex(fields[1]), bytes.fromhex(fields[2])
        if label == "CLIENT_RANDOM":
            handshake = len(found)  # a second one is a renegotiation
            block = prf(secret, b"key expansion" + server_randoms[handshake] + random, 2 * size, name)
            found[handshake] = [block[:size], block[size:]]
        elif "TRAFFIC_SECRET" in label:
            found[label] = [expand_label(secret, b"key", size, name)]
            for _ in range(2 if label.endswith("_0") else 0):
                secret = expand_label(secret, b"traffic upd", len(secret), name)
                found[label].append(expand_label(secret, b"key", size, name))
    return [key for group in found.values() for key in group]


class Proxy:
    """Passes one connection on and notes its bytes."""

    def __init__(self, port):
        self.notes, self.listener = [], socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run, args=(port,))
        self.thread.start()

    def run(self, port):
        client, _ = self.listener.accept()
        server = socket.create_connection(("127.0.0.1", port))
        other = threading.Thread(target=self.copy, args=(server, client, "<"))
        other.start()
        self.copy(client, server, ">")
        other.join()

    def copy(self, source, target, mark):
        while True:
            try:
                data = source.recv(65536)
            except OSError:
                data = b""
            if not data:
                break
            self.notes.append((mark, data))
            target.sendall(data)
        try:
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def records(self, mark):
        data, at = b"".join(data for noted, data in self.notes if noted == mark), 0
        while at + 5 <= len(data):
            size = struct.unpack(">H", data[at + 3:at + 5])[0]
            yield data[at], data[at + 5:at + 5 + size]
            at += 5 + size


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def wait_for(port):
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"nothing listens on {port}")


def write(folder, name, proxy, log, sent, answered, later_randoms=()):
    hello = next(body for kind, body in proxy.records("<") if kind == 22 and body[0] == 2)
    server_random, session = hello[6:38], hello[38]
    suite = struct.unpack(">H", hello[39 + session:41 + session])[0]
    size = {0x1301: 16, 0x1302: 32, 0xC02B: 16, 0xC02C: 32, 0xC02F: 16, 0xC030: 32}[suite]
    with open(os.path.join(folder, name + ".tls"), "w") as file:
        for key in keys(log, [server_random, *later_randoms], size):
            print("key", key.hex(), file=file)
        for mark, data in proxy.notes:
            print(mark, data.hex(), file=file)
        print("sent", sent.hex(), file=file)
        print("answered", answered.hex(), file=file)


class Stand:
    def __init__(self, folder, work):
        self.folder, self.work = folder, work
        self.cert, self.key = os.path.join(work, "cert.pem"), os.path.join(work, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650",
                        "-subj", "/CN=localhost", "-keyout", self.key, "-out", self.cert], check=True, capture_output=True)

    def s_server(self, *options):
        port = free_port()
        server = subprocess.Popen(["openssl", "s_server", "-accept", str(port), "-cert", self.cert, "-key", self.key, "-quiet", *options],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        return port, server

    def openssl(self, name, server_options, client_options, steps, resume=False):
        """`openssl s_client` and `s_server`; a step is (who, text). With `resume`, the second of two connections."""
        port, server = self.s_server(*server_options)
        session, log = os.path.join(self.work, name + ".session"), os.path.join(self.work, name + ".keys")
        for round in range(2 if resume else 1):
            open(log, "w").close()
            proxy = Proxy(port)
            options = list(client_options) + (["-sess_out", session] if resume and round == 0 else [])
            if resume and round == 1:
                options += ["-sess_in", session] + (["-early_data", self.early()] if "-early_data" in server_options else [])
            client = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{proxy.port}", "-servername", "localhost",
                                       "-keylogfile", log, "-msg", "-msgfile", log + ".messages", *options], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
            time.sleep(0.7)
            sent, answered = b"", b""
            if resume and round == 1 and "-early_data" in server_options:
                sent += REQUEST
            for who, text in steps:
                peer = client if who == ">" else server
                peer.stdin.write(text)
                peer.stdin.flush()
                time.sleep(0.3)
                if text not in (b"K\n", b"k\n", b"R\n"):
                    sent, answered = (sent + text, answered) if who == ">" else (sent, answered + text)
            client.stdin.write(b"Q\n")
            client.stdin.close()
            client.wait()
            proxy.thread.join()
        server.kill()
        hellos = re.findall(r"<<< .*ServerHello\n((?:    .*\n)+)", open(log + ".messages").read())
        randoms = [bytes.fromhex(hello)[6:38] for hello in hellos]
        write(self.folder, name, proxy, open(log).read(), sent, answered, randoms[1:])

    def early(self):
        path = os.path.join(self.work, "early")
        open(path, "wb").write(REQUEST)
        return path

    def nginx(self, name, version, ciphers, body=ANSWER):
        """Python's ssl against nginx, two requests."""
        port, root = free_port(), os.path.join(self.work, name)
        os.makedirs(root)
        open(os.path.join(root, "answer"), "wb").write(body)
        config = os.path.join(root, "nginx.conf")
        open(config, "w").write(f"""daemon off; master_process off; pid {root}/pid; error_log {root}/error.log; events {{}}
http {{ access_log off; server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {self.cert}; ssl_certificate_key {self.key};
ssl_protocols {version}; ssl_ciphers {ciphers}; location / {{ root {root}; error_page 404 405 =200 /answer; }} }} }}""")
        server = subprocess.Popen(["nginx", "-p", root, "-c", config], stderr=subprocess.DEVNULL)
        wait_for(port)
        context, log = ssl.create_default_context(cafile=self.cert), os.path.join(root, "keys")
        context.check_hostname, context.keylog_filename = False, log
        proxy, sent, answered = Proxy(port), b"", b""
        with context.wrap_socket(socket.create_connection(("127.0.0.1", proxy.port)), server_hostname="localhost") as client:
            for _ in range(2):
                client.sendall(REQUEST)
                sent += REQUEST
                answer = b""
                while b"\r\n\r\n" not in answer or len(answer) < answer.index(b"\r\n\r\n") + 4 + len(body):
                    answer += client.recv(65536)
                answered += answer
            try:
                client.unwrap()
            except (ssl.SSLError, OSError):
                pass  # nginx closes without an alert of its own
        proxy.thread.join()
        server.terminate()
        server.wait()
        write(self.folder, name, proxy, open(log).read(), sent, answered)

    def wget(self, name, priority):
        """wget, which is GnuTLS, against Python's ssl, whose key log serves for both."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        log = os.path.join(self.work, name + ".keys")
        context.load_cert_chain(self.cert, self.key)
        context.keylog_filename = log
        listener = socket.create_server(("127.0.0.1", 0))
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(ANSWER) + ANSWER
        sent = b""

        def serve():
            nonlocal sent
            plain, _ = listener.accept()
            with context.wrap_socket(plain, server_side=True) as server:
                while b"messages" not in sent:
                    sent += server.recv(65536)
                server.sendall(answer)
                try:
                    server.unwrap()
                except (ssl.SSLError, OSError):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        proxy = Proxy(listener.getsockname()[1])
        subprocess.run(["wget", "-q", "-O", "/dev/null", "--no-check-certificate", f"--ciphers={priority}", "--post-data",
                        '{"model":"m","messages":1}', f"https://localhost:{proxy.port}/v1/chat/completions"], check=True)
        thread.join()
        proxy.thread.join()
        write(self.folder, name, proxy, open(log).read(), sent, answer)


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        stand = Stand(folder, work)
        ask, answer = (">", b"GET /question HTTP/1.1\n"), ("<", b"HTTP/1.1 200 answer\n")
        for size in ("128", "256"):
            digest = {"128": "SHA256", "256": "SHA384"}[size]
            suites = ["-tls1_3", "-ciphersuites", f"TLS_AES_{size}_GCM_{digest}"]
            stand.openssl(f"openssl-13-{size}", suites, [], [ask, answer, ask, answer])
            stand.openssl(f"openssl-13-{size}-update", suites, [], [ask, answer, (">", b"K\n"), ask, answer, (">", b"k\n"), ask, answer])
            stand.openssl(f"openssl-12-{size}", ["-tls1_2", "-cipher", f"ECDHE-ECDSA-AES{size}-GCM-{digest}"], [], [ask, answer])
            stand.nginx(f"nginx-12-{size}", "TLSv1.2", f"ECDHE-ECDSA-AES{size}-GCM-{digest}")
        stand.openssl("openssl-13-resumed", ["-tls1_3"], [], [ask, answer], resume=True)
        stand.openssl("openssl-13-early", ["-tls1_3", "-early_data"], [], [ask, answer], resume=True)
        stand.openssl("openssl-12-resumed", ["-tls1_2"], ["-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], [ask, answer], resume=True)
        stand.openssl("openssl-12-renegotiated", ["-tls1_2", "-client_renegotiation"], ["-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"],
                      [ask, answer, (">", b"R\n"), ask, answer])
        stand.nginx("nginx-13", "TLSv1.3", "HIGH")
        stand.wget("gnutls-13", "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-256-GCM")
        stand.wget("gnutls-12", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-GCM")


main()
