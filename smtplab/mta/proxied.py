"""A door behind a proxy: a connection begins with a PROXY header, and is its client's from then on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from smtplab.net.ports import Endpoint, Handler, Lost, ServerTls, TlsFacts, TlsTrouble, Wire
from smtplab.wire.flaw import Flaw
from smtplab.wire.proxy import parse_proxy

HEADER_S_MAX = 10.0
"""A proxy sends it with the first segment (2: a receiver waits three seconds at least)."""

Refuse = Callable[[Wire, Flaw], None]
"""Told of a connection that ends here, before anybody has been greeted."""


class ProxiedWire:
    """A `Wire` whose ends are those that the header named; `proxy` is who really stands there."""

    def __init__(self, wire: Wire, local: Endpoint, peer: Endpoint) -> None:
        self._wire = wire
        self.local = local
        self.peer = peer
        self.proxy = wire.peer
        self.write = wire.write
        self.start_tls = wire.start_tls
        self.unread = wire.unread
        self.close = wire.close
        self.abort = wire.abort
        self.pause = wire.pause
        self.resume = wire.resume

    @property
    def full(self) -> bool:
        return self._wire.full

    @property
    def unsent_octets(self) -> int:
        return self._wire.unsent_octets


class ProxyDoor:
    """A `Handler` that makes its own from `enter` once it knows who comes."""

    def __init__(
        self, enter: Callable[[], Handler], may: Callable[[str], bool], refuse: Refuse, tls: ServerTls | None
    ) -> None:
        """`may` says whether an address may speak for others; `tls` begins behind the header (RFC 8314 3.3)."""
        self._enter = enter
        self._may = may
        self._refuse = refuse
        self._tls = tls
        self._handler: Handler | None = None
        self._came = b""
        self._over = False
        self._wire: Wire
        self._timer: asyncio.TimerHandle | None = None

    def connected(self, wire: Wire) -> None:
        self._wire = wire
        if not self._may(wire.peer.address):
            self._end(Flaw("proxy-not-permitted", wire.peer.address, "PROXY protocol 2"))
            return
        late = Flaw("proxy-header", "timed out", "PROXY protocol 2")
        self._timer = asyncio.get_running_loop().call_later(HEADER_S_MAX, self._end, late)

    def received(self, data: bytes) -> None:
        if self._handler is not None:
            self._handler.received(data)
            return
        self._came += data
        found = None if self._over else parse_proxy(self._came)
        if isinstance(found, Flaw):
            self._end(found)
        elif found is not None:
            proxied, octets = found
            rest, self._came = self._came[octets:], b""
            local, peer = proxied.target, proxied.source
            self._begin(
                ProxiedWire(
                    self._wire,
                    Endpoint(*local) if local is not None else self._wire.local,
                    Endpoint(*peer) if peer is not None else self._wire.peer,
                ),
                rest,
            )

    def secured(self, outcome: TlsFacts | TlsTrouble) -> None:
        if self._handler is not None:
            self._handler.secured(outcome)

    def drained(self) -> None:
        if self._handler is not None:
            self._handler.drained()

    def ended(self, lost: Lost | None) -> None:
        if self._handler is not None:
            self._handler.ended(lost)
        else:
            self._end(Flaw("proxy-header", "none", "PROXY protocol 2"))

    def _begin(self, wire: ProxiedWire, rest: bytes) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._handler = self._enter()
        self._handler.connected(wire)
        if self._tls is not None:
            self._wire.start_tls(self._tls)
        if rest:
            self._wire.unread(rest)

    def _end(self, flaw: Flaw) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self._over:
            self._over = True
            self._refuse(self._wire, flaw)
            self._wire.close()
