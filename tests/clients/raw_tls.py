"""Sends its input through TLS as it is, with a word of its end, and reads until the server has had enough: PORT CA."""

import socket
import ssl
import sys

# The server may refuse all of it; it may not wait for ever.
SECONDS = 60

port, ca = sys.argv[1:]
data = sys.stdin.buffer.read()
context = ssl.create_default_context(cafile=ca)
with socket.create_connection(("127.0.0.1", int(port)), timeout=SECONDS) as connection:
    # Behind the door of a stand-in, this takes as long as that is shut.
    connection.settimeout(None)
    tls = context.wrap_socket(connection, server_hostname="localhost")
    tls.settimeout(SECONDS)
    try:
        tls.sendall(data)
        # An answer that comes now is an error here.
        tls.unwrap()
    except TimeoutError:
        raise
    except OSError:
        pass
