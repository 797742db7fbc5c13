"""A listening socket for a server that is not asyncio's own: bound before anybody is told, with the system's reason."""

from __future__ import annotations

import socket
import sys


def bound_socket(host: str, port: int, backlog: int) -> socket.socket:
    """Bound and listening at the first address of the name; port 0 takes a free one. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    sock = socket.socket(family, kind, protocol)
    try:
        if sys.platform != "win32":
            # As for the listeners of mail: a port that was served a moment ago can be bound again.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(backlog)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock
