"""Look-alikes that are drawn: identifiers, hashes, images, numbers of things."""

import struct
import zlib

from records import lookalike
from values import b64, draw, luhn, numbers, raw, shape, string, uuid

# Request and object ids of the language models' vendors: prefixes that their documentation shows.
IDS = ["chatcmpl-<b29>", "cmpl-<b29>", "resp_<x48>", "req_<x32>", "req_01<b22>", "call_<b24>", "toolu_01<b22>", "msg_01<b22>",
       "msg_<x48>", "run_<b24>", "thread_<b24>", "asst_<b24>", "file-<b24>", "ft-<b24>", "batch_<x32>", "vs_<x32>", "fc_<x48>",
       "rs_<x48>", "step_<b24>", "srvtoolu_01<b22>", "msgbatch_01<b22>", "gen-1760000000-<b20>", "evt_<b24>", "cus_<b14>",
       "pi_<b24>", "ch_<b24>", "in_<b24>", "prod_<b14>", "price_<b24>", "org-<b24>", "proj_<b24>", "conv_<x48>", "item_<b21>",
       "embd-<x32>", "modr-<b29>", "snapshot_<x24>", "trace_<x32>", "fp_<x10>"]
ID_TEXTS = ['{{"id":"{}","object":"chat.completion"}}', "See request {} in the log.", "id={} status=ok", '{{"tool_call_id":"{}"}}',
            "Retry {} after 3 s", "GET /v1/things/{} 200"]


def ids():
    """Ids, UUIDs, digests."""
    for at, pattern in enumerate(IDS):
        lookalike("request id", "log line" if at % 2 else "json", ID_TEXTS[at % len(ID_TEXTS)].format(shape(pattern, f"id {at}")))
    for at, text in enumerate(["Order {} is done.", '{{"id":"{}"}}', "request_id={}", "{}", "/v1/items/{}/edit", "urn:uuid:{}",
                               "x-request-id: {}", "x-correlation-id: {}", "[{}] started", "tenant {} has 3 users",
                               "device_id: {}", "INSERT INTO t VALUES ('{}', 1);"]):
        value = uuid(f"look {at}")
        lookalike("uuid", "mixed", text.format(value.upper() if at % 3 == 2 else value))
    for name, alphabet, size, texts in [
        ("md5", "x", 32, ["md5: {}", "{}  file.tar.gz", 'MD5 (a.iso) = {}', "Content digest {} matches"]),
        ("sha1", "x", 40, ["commit {}\nAuthor: nobody", "sha1={}", "git checkout {}", "Fixes: {} (\"a fix\")", "HEAD is now at {}"]),
        ("sha256", "x", 64, ["sha256:{}", "image@sha256:{}", "{}  ubuntu.iso", 'checksum = "{}"', "FROM alpine@sha256:{}",
                             "--hash=sha256:{}", "block {} confirmed", "SHA256({})"]),
        ("git short", "x", 7, ["merge {} into main", "index {}..0a1b2c3 100644", "built from {}", "reverted {}"]),
        ("etag", "x", 32, ['ETag: "{}"', 'ETag: W/"{}"', 'If-None-Match: "{}"', '{{"etag":"{}"}}']),
        ("trace", "x", 32, ["traceparent: 00-{}-00f067aa0ba902b7-01", "trace_id={}", '{{"traceId":"{}"}}']),
        ("revision", "x", 8, ["pod web-6d4f{}-x2x9k is ready", "revision {} deployed", "app-{}.js loaded"]),
    ]:
        for at, text in enumerate(texts):
            lookalike(name, "mixed", text.format(draw(f"look {name} {at}", alphabet, size)))
    for at in range(3):
        lookalike("integrity", "source code", f'"integrity": "sha512-{b64(raw(f"sri {at}", 64))}"')
    lookalike("integrity", "source code", f"golang.org/x/text v0.14.0 h1:{b64(raw('h1', 32))}")
    lookalike("fingerprint", "mixed", "SHA1 Fingerprint=" + ":".join(f"{one:02X}" for one in raw("fp", 20)))
    lookalike("fingerprint", "mixed", "fingerprint " + ":".join(f"{one:02x}" for one in raw("fp md5", 16)))
    lookalike("fingerprint", "mixed", f"The key's fingerprint is SHA256:{b64(raw('fp b64', 32)).rstrip('=')}.")
    lookalike("hex dump", "mixed", "00000000  " + " ".join(f"{one:02x}" for one in raw("dump", 16)) + "  |................|")
    lookalike("hex dump", "mixed", "0x" + raw("dump 2", 20).hex())


def images():
    """Small pictures, and other bytes that are not text."""

    def png(size, label):
        chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        source = numbers(label)
        rows = b"".join(b"\0" + bytes(next(source) & 255 for _ in range(size * 3)) for _ in range(size))
        # A stored block, so that every version of zlib writes the same.
        stored = b"\x78\x01\x01" + struct.pack("<HH", len(rows), len(rows) ^ 0xFFFF) + rows + struct.pack(">I", zlib.adler32(rows))
        header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
        return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", stored) + chunk(b"IEND", b"")

    gif = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
    for at, size in enumerate((8, 16, 24, 40)):
        picture = b64(png(size, f"png {at}"))
        lookalike("image", "data url", f"![chart](data:image/png;base64,{picture})")
        lookalike("image", "json", string({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}))
        lookalike("image", "json", string({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": picture}}))
    for at, size in enumerate((300, 1200)):
        jpeg = b64(JPEG_START + raw(f"jpeg {at}", size) + b"\xff\xd9")
        lookalike("image", "data url", f"data:image/jpeg;base64,{jpeg}")
        lookalike("image", "json", string({"inline_data": {"mime_type": "image/jpeg", "data": jpeg}}))
    lookalike("image", "data url", f"data:image/gif;base64,{gif}", f'<img alt="" src="data:image/gif;base64,{gif}">')
    lookalike("binary", "json", string({"type": "input_audio", "input_audio": {"format": "wav", "data": b64(b"RIFF" + raw("wav", 400))}}))
    lookalike("binary", "json", string({"embedding": b64(raw("floats", 512)), "index": 0}))
    lookalike("binary", "data url", "src: url(data:font/woff2;base64," + b64(b"wOF2" + raw("font", 300)) + ")")
    lookalike("binary", "pem", "-----BEGIN CERTIFICATE-----\n" + "\n".join(draw(f"crt {at}", "s", 64) for at in range(5))
              + "\n-----END CERTIFICATE-----")
    lookalike("binary", "pem", "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A" + draw("pub", "s", 32) + "\n-----END PUBLIC KEY-----")
    lookalike("binary", "mixed", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + draw("sshpub", "s", 43) + " laptop")


# SOI, APP0 (JFIF), the begin of a quantisation table: a JPEG as its first bytes tell.
JPEG_START = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffdb004300")


def things():
    """Numbers of things."""
    def unlucky(label, size, first="123456789"):
        """Digits that are not by chance a card's number."""
        at = 0
        while True:
            made = draw(f"{label} {at}", "d", size)
            if made[0] in first and not luhn(made):
                return made
            at += 1

    texts = ["Order {} ships on Monday.", "Invoice no. {} is due.", "Ticket #{} was closed.", '{{"order_id": {}}}', "Rechnung {} vom März",
             "Commande n° {} expédiée", "注文番号{}を確認", "订单号{}已发货", "заказ № {} готов", "Numer zamówienia {}"]
    for at, text in enumerate(texts):
        lookalike("order number", "mixed", text.format(unlucky(f"order {at}", (8, 10, 12, 14)[at % 4], "1789")))
    for at in range(4):
        lookalike("order number", "mixed", f"Order {unlucky(f'a {at}', 3)}-{unlucky(f'b {at}', 7)}-{unlucky(f'c {at}', 7)} was delivered.")
    lookalike("tracking number", "mixed", f"UPS 1Z{draw('ups', 'U', 6)}{draw('ups', 'd', 10)} is on its way.",
              f"Sendung {unlucky('dhl', 20, '19')} ist unterwegs.", f"RR{draw('rr', 'd', 9)}DE at customs", f"FedEx {unlucky('fedex', 12, '789')}",
              f"PO-{unlucky('po', 6)}/26", f"SO{unlucky('so', 8)}", f"INV-2026-{unlucky('inv', 5)}", f"Case {unlucky('case', 8)} reopened")
    lookalike("timestamp", "json", '{"created":1760000000,"n":1}', '{"ts":1760000000123}', "at=1760000000123456789", "epoch 1741083072 UTC",
              "expires 1760003600.25", '{"startTimeUnixNano":"1760000000123456789"}', "mtime: 1741083072", "20260304T101112Z", "20260304101112",
              "2026-03-04T10:11:12.123456Z", "2026-03-04 10:11:12,123", "04/Mar/2026:10:11:12 +0000", "Wed, 04 Mar 2026 10:11:12 GMT", "T+00:14:03.250")
    lookalike("isbn", "mixed", "ISBN 978-3-16-148410-0", "ISBN-13: 978-0-306-40615-7", "ISBN 0-306-40615-2", "EAN 4006381333931 in stock",
              "UPC 036000291452", "GTIN 00012345600012", "ISSN 2049-3630", "doi:10.1000/182", "arXiv:2403.01234v2", "PMID 31452104", "ASIN B08N5WRWNW")
    for at in range(3):
        lookalike("numbers", "json", string({"embedding": [round((one - 32768) / 65536, 8) for one, _ in zip(numbers(f"vec {at}"), range(16))]}))
        lookalike("numbers", "json", string({"logprobs": [-round(one / 6553.6, 14) for one, _ in zip(numbers(f"log {at}"), range(6))]}))
    lookalike("numbers", "json", string({"tokens": [one for one, _ in zip(numbers("ids"), range(40))]}))
    lookalike("numbers", "csv", "\n".join(",".join(str(one % 1000) for one, _ in zip(numbers(f"row {at}"), range(8))) for at in range(4)))
    lookalike("numbers", "mixed", " ".join(str(one % 90 + 10) for one, _ in zip(numbers("draws"), range(20))))


def everything():
    """All of this file's."""
    for part in (ids, images, things):
        part()
