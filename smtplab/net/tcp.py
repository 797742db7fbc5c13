"""Connections of the real world over asyncio's TCP; what goes wrong in making one is a `Lost`."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from smtplab.net.client_end import ClientEnd
from smtplab.net.lost import lost_by
from smtplab.net.ports import Endpoint, Handler, Listening, Lost, ServerTls, Stream

if TYPE_CHECKING:
    from smtplab.net.server_end import OpenEnds

BACKLOG = 512
"""Connections that may wait to be accepted: a burst of clients, as Linux's own usual cap of 4096 allows."""


class TcpDialer:
    """A `Dialer` over the system's sockets. Only numeric addresses: names are the resolver's.

    `bound` is told our own end of a connection with a source before the server can hear of it. `local_port`: the port
    that every connection leaves from; 0 for one that the system picks.
    """

    def __init__(self, bound: Callable[[Endpoint], None] | None = None, local_port: int = 0) -> None:
        self._bound = bound
        self._local_port = local_port

    async def dial(self, address: str, port: int, *, source: str | None = None) -> Stream | Lost:
        """As `Dialer.dial`. asyncio sets TCP_NODELAY on what it makes."""
        family = _family_of(address)
        if family is None:
            return Lost("failed", f"{address} is not an IP address")
        try:
            # With its protocol named, or asyncio takes it for something that has no TCP_NODELAY.
            sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        except OSError as error:
            return lost_by(error)
        try:
            sock.setblocking(False)
            named = source is not None or self._local_port
            if named and (refusal := _bind(sock, source or _ANY[family], self._local_port)) is not None:
                sock.close()
                return refusal
            if source is not None and self._bound is not None:
                self._bound(Endpoint(*sock.getsockname()[:2]))
            loop = asyncio.get_running_loop()
            await loop.sock_connect(sock, (address, port))
            _, stream = await loop.create_connection(ClientEnd, sock=sock)
        except OSError as error:
            sock.close()
            return lost_by(error)
        except BaseException:
            sock.close()
            raise
        return stream


class TcpListener:
    """A `Listener` over the system's sockets."""

    async def listen(
        self, address: str, port: int, make_handler: Callable[[], Handler], *, tls: ServerTls | None = None
    ) -> Listening:
        """As `Listener.listen`."""
        # Who only calls others need not read what a server is made of, TLS included.
        from smtplab.net.server_end import OpenEnds  # noqa: PLC0415

        ends = OpenEnds(make_handler, tls)
        # SO_REUSEADDR lets a port that was served a moment ago be bound again; Windows means something worse by it,
        # and needs none. asyncio's default knows the difference.
        server = await asyncio.get_running_loop().create_server(ends.make, address, port, backlog=BACKLOG)
        bound = server.sockets[0].getsockname()
        return _TcpListening(Endpoint(bound[0], bound[1]), server, ends)


class _TcpListening:
    def __init__(self, endpoint: Endpoint, server: asyncio.Server, ends: OpenEnds) -> None:
        self.endpoint = endpoint
        self._server = server
        self._ends = ends

    async def close(self) -> None:
        self._server.close()
        await asyncio.sleep(0)  # What asyncio has accepted a moment ago becomes a connection in the loop's next turn.
        await self._ends.abort()
        await self._server.wait_closed()


def _family_of(address: str) -> socket.AddressFamily | None:
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        return None
    return socket.AF_INET if version == 4 else socket.AF_INET6


_ANY = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}  # noqa: S104 - our end of one connection, nobody listens


def _bind(sock: socket.socket, source: str, port: int) -> Lost | None:
    try:
        if port:
            # The last connection from it may still stand in TIME_WAIT; to another server that is no obstacle.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((source, port))
    except (OSError, UnicodeError) as error:
        return Lost("source-unavailable", str(error))
    return None
