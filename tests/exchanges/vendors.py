"""Vendors' servers, by their names, are this host."""

import socket


def are_here(*names):
    """Makes this process connect to 127.0.0.1 where it means one of these servers."""
    resolve = socket.getaddrinfo
    known = {*names, *(name.encode() for name in names)}

    def here(host, *arguments, **options):
        return resolve("127.0.0.1" if host in known else host, *arguments, **options)

    socket.getaddrinfo = here
