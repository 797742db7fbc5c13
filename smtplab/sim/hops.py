"""Which hop a connection belongs to: the dialling host knows, and the answering one has to record the same."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable

import msgspec

from smtplab.net.ports import Dialer, Endpoint, Lost, Net, Stream

Meet = Callable[[str, int, str], Awaitable[Lost | None]]
"""What a dial to an address on a hop, from the client's address, meets before it arrives: nothing, or its end."""


MakeDialer = Callable[[Dialer, "Hop"], Dialer]
"""A host's dialer becomes that of one hop."""


class Hops:
    """The connections of one run, by the client's end; both ends ask here."""

    def __init__(self, meet: Meet | None = None, make_dialer: MakeDialer | None = None) -> None:
        self.meet = meet
        self._make_dialer: MakeDialer = make_dialer or HopDialer
        self._hop_of: dict[Endpoint, int] = {}
        self._numbers = itertools.count(1)

    def net_at(self, net: Net, addresses: tuple[str, ...], hop: int) -> Net:
        """The net of the host with these addresses; its connections belong to `hop`."""
        return msgspec.structs.replace(net, dialer=self._make_dialer(net.dialer, Hop(self, addresses, hop)))

    def begin(self, client: Endpoint, hop: int) -> None:
        """Told by the dialler before the server hears of the connection, for whom that is a latency away."""
        self._hop_of[client] = hop

    def enter(self, client: Endpoint) -> tuple[int, int]:
        """The hop of a connection that has come in, and a number for it that no other has."""
        return self._hop_of.pop(client, 0), next(self._numbers)


class Hop(msgspec.Struct, frozen=True):
    """One hop of what a host sends."""

    hops: Hops
    addresses: tuple[str, ...]
    """The host's own."""
    number: int

    async def meet(self, address: str, source: str | None) -> Lost | None:
        """What befalls a dial before it arrives."""
        if self.hops.meet is None:
            return None
        own = (one for one in self.addresses if (":" in one) == (":" in address))
        return await self.hops.meet(address, self.number, source or next(own, ""))

    def begin(self, client: Endpoint) -> None:
        """A connection's end is ours."""
        self.hops.begin(client, self.number)


class HopDialer:
    """The dialer of a host in memory for one hop."""

    def __init__(self, dialer: Dialer, hop: Hop) -> None:
        self._dialer = dialer
        self._hop = hop

    async def dial(self, address: str, port: int, *, source: str | None = None) -> Stream | Lost:
        """As `Dialer.dial`."""
        if (lost := await self._hop.meet(address, source)) is not None:
            # The host says no, and that has to come back over the wire: port 0 is one where nobody ever listens.
            await self._dialer.dial(address, 0, source=source)
            return lost
        stream = await self._dialer.dial(address, port, source=source)
        if type(stream) is not Lost:
            self._hop.begin(stream.local)
        return stream
