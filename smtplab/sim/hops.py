"""Which hop a connection belongs to: the dialling host knows, and the answering one has to record the same."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable

import msgspec

from smtplab.net.ports import Dialer, Endpoint, Lost, Net, Stream

Meet = Callable[[str, int], Awaitable[Lost | None]]
"""What a dial to an address on a hop meets before it arrives: nothing, or its end."""


MakeDialer = Callable[[Dialer, "Hops", int], Dialer]
"""A host's dialer becomes that of one hop."""


class Hops:
    """The connections of one run, by the client's end; both ends ask here."""

    def __init__(self, meet: Meet | None = None, make_dialer: MakeDialer | None = None) -> None:
        self.meet = meet
        self._make_dialer: MakeDialer = make_dialer or _HopDialer
        self._hop_of: dict[Endpoint, int] = {}
        self._numbers = itertools.count(1)

    def net_at(self, net: Net, hop: int) -> Net:
        """The same net, whose connections belong to `hop`."""
        return msgspec.structs.replace(net, dialer=self._make_dialer(net.dialer, self, hop))

    def begin(self, client: Endpoint, hop: int) -> None:
        """Told by the dialler before the server hears of the connection, for whom that is a latency away."""
        self._hop_of[client] = hop

    def enter(self, client: Endpoint) -> tuple[int, int]:
        """The hop of a connection that has come in, and a number for it that no other has."""
        return self._hop_of.pop(client, 0), next(self._numbers)


class _HopDialer:
    def __init__(self, dialer: Dialer, hops: Hops, hop: int) -> None:
        self._dialer = dialer
        self._hops = hops
        self._hop = hop

    async def dial(self, address: str, port: int, *, source: str | None = None) -> Stream | Lost:
        if self._hops.meet is not None and (lost := await self._hops.meet(address, self._hop)) is not None:
            # The host says no, and that has to come back over the wire: port 0 is one where nobody ever listens.
            await self._dialer.dial(address, 0, source=source)
            return lost
        stream = await self._dialer.dial(address, port, source=source)
        if type(stream) is not Lost:
            self._hops.begin(stream.local, self._hop)
        return stream
