"""One DNS message to one server and its response, over UDP and, where that is cut off, TCP; it reads no answer."""

from __future__ import annotations

import errno
import socket
import time
from typing import Protocol

import dns.asyncbackend
import dns.asyncquery
import dns.exception
import dns.inet
import dns.message

from smtplab.net.lost import lost_by
from smtplab.net.ports import Endpoint, Lost


class Exchange(Protocol):
    """How a query reaches a server: the network, or a world's zones in memory."""

    async def ask(self, query: dns.message.Message, server: Endpoint, timeout_s: float) -> dns.message.Message | Lost:
        """A response to this very query, or `Lost` with a reason of `events.DnsFailed`. Ends within `timeout_s`."""
        ...


class NetworkExchange:
    """dnspython's `asyncquery`. It checks the response's id, question and sender; what does not match is malformed.

    `source` is the address to ask from; the system's choice where nothing is said.
    """

    def __init__(self, source: str | None = None) -> None:
        self._source = source

    async def ask(self, query: dns.message.Message, server: Endpoint, timeout_s: float) -> dns.message.Message | Lost:
        """As `Exchange.ask`."""
        end = time.monotonic() + timeout_s
        try:
            try:
                return await _ask_over_udp(query, server, timeout_s, self._source)
            except dns.message.Truncated:
                # RFC 7766 5: what a datagram can't hold is asked for over TCP.
                left_s = max(0.0, end - time.monotonic())
                return await dns.asyncquery.tcp(query, server.address, left_s, server.port, self._source)
        except dns.exception.Timeout:
            return Lost("timed-out")
        except (dns.exception.DNSException, EOFError, ValueError) as error:
            return Lost("malformed", str(error) or type(error).__name__)
        except OSError as error:
            return _lost(error)


async def _ask_over_udp(
    query: dns.message.Message, server: Endpoint, timeout_s: float, source: str | None
) -> dns.message.Message:
    # A connected socket: only that is told that nobody listens, and takes datagrams from the server alone.
    family = dns.inet.af_for_address(server.address)
    target = dns.inet.low_level_address_tuple((server.address, server.port), family)
    backend = dns.asyncbackend.get_backend("asyncio")
    made = backend.make_socket(family, socket.SOCK_DGRAM, 0, (source, 0) if source else None, target[:2])  # type: ignore[no-untyped-call]
    async with await made as sock:
        return await dns.asyncquery.udp(
            query, server.address, timeout_s, server.port, raise_on_truncation=True, sock=sock
        )


def _lost(error: OSError) -> Lost:
    if error.errno == errno.ECONNRESET:
        return Lost("malformed", str(error))
    reason = lost_by(error).reason
    return Lost(reason if reason in ("refused", "timed-out") else "unreachable", str(error))
