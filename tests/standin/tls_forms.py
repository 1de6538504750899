"""Versions and cipher suites of TLS, of which clients get to choose no other."""

import os
import ssl
import sys

# Of TLS 1.2, and of TLS 1.3 (OpenSSL's ciphers(1)).
CIPHERS = {
    "AES128": ("ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256"),
    "AES256": ("ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_AES_256_GCM_SHA384"),
    "CHACHA20": ("ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_CHACHA20_POLY1305_SHA256"),
}
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

# Python's ssl module has no call for the suites of TLS 1.3; OpenSSL reads them where it is first used (config(5)).
CONFIGURATION = """openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = suites
[suites]
Ciphersuites = {}
"""


def add_arguments(parser):
    parser.add_argument("--tls", choices=VERSIONS, help="this version and no other")
    parser.add_argument("--cipher", choices=CIPHERS, help="this cipher and no other")


def begin_anew(options):
    """Has OpenSSL take what only its configuration can say, by starting this program again: once."""
    if not options.cipher:
        return
    path = os.path.join(options.dir, "openssl.cnf")
    if os.environ.get("OPENSSL_CONF") == path:
        return
    with open(path, "w", encoding="ascii") as configuration:
        configuration.write(CONFIGURATION.format(CIPHERS[options.cipher][1]))
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "OPENSSL_CONF": path})


def context(options):
    """Clients may resume their sessions, as they may by default."""
    chosen = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if options.tls:
        chosen.minimum_version = chosen.maximum_version = VERSIONS[options.tls]
    if options.cipher:
        chosen.set_ciphers(CIPHERS[options.cipher][0])
    return chosen
