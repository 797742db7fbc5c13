"""What lies between two hosts in memory, and one direction of a wire over it; who stands at its ends, it can't tell."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Literal

import msgspec

WINDOW_OCTETS = 65536
"""What the wire itself holds, as a kernel's socket buffers do; what is beyond counts as unsent."""

SYN_OCTETS = 60
"""The first packet of a connection, with its options."""

FLIGHT_OCTETS = 1500
"""What a packet of Ethernet holds."""


class Lane:
    """One direction of a narrow line, for all connections over it: what comes first leaves first."""

    def __init__(self, octets_per_s: float) -> None:
        self._octets_per_s = octets_per_s
        self._free_at_s = 0.0

    def carried_at_s(self, octets: int, now_s: float) -> float:
        """When the last of these octets will have left."""
        self._free_at_s = max(now_s, self._free_at_s) + octets / self._octets_per_s
        return self._free_at_s


class Link(msgspec.Struct, frozen=True):
    """What lies between two addresses."""

    latency_s: float = 0.0
    """One way. A dial takes two of it; the server is told of the connection after a third."""
    silent: bool = False
    """Packets vanish: a dial never comes back, its caller's time-out ends it."""
    lost: str = ""
    """Not empty: every dial ends with this reason, `unreachable` for instance."""
    reset_after_octets: int | None = None
    """The connection is reset once this many octets, of both directions together, have passed."""
    lanes: tuple[Lane, Lane] | None = None
    """There and back; None for a line that is never the bottleneck."""
    hold_up_s: Callable[[int], float] | None = None
    """By how much longer these octets, sent as one, take than they should: what was lost has to be sent again."""


Item = bytes | Literal["open", "eof", "reset"]


class Pipe:
    """One direction of a wire: first in, first out, whatever order timers that are due together fire in."""

    def __init__(self, link: Link, lane: Lane | None = None) -> None:
        """With a lane of the link's, in this direction."""
        self._loop = loop = asyncio.get_running_loop()
        # A packet is never called off; a loop that knows such calls makes less of them.
        self._call_later: Callable[[float, Callable[[], None]], object] = getattr(loop, "call_surely", loop.call_later)
        self._latency_s = link.latency_s
        self._lane = lane
        self._hold_up_s = link.hold_up_s
        self._slow = lane is not None or link.hold_up_s is not None
        self._plain = not self._slow and link.latency_s > 0
        """All that is sent takes the same time."""
        self._last_at_s = 0.0
        """When the last octet so far is through a narrow or lossy line: what follows is read after it."""
        self._on_the_way: deque[Item] = deque()
        self.octets = 0
        """On the way, or waiting for it."""
        self._arrived = 0
        """Of what is on the way, and waits at its end."""
        self._flowing = True
        self._smooth = True
        """Nothing was ever stopped or taken back, as in nearly every session."""
        self.take: Callable[[Item], None]
        """Whoever stands at its end."""
        self.take_data: Callable[[bytes], None]
        """The same for octets."""
        self.awaited = False
        """Somebody wants to hear through `taken` that there is more room."""
        self.taken: Callable[[], None]
        self.left = False
        """Whoever sent has gone."""

    @property
    def unsent_octets(self) -> int:
        """Octets beyond what the wire holds."""
        return self.octets - WINDOW_OCTETS if self.octets > WINDOW_OCTETS else 0

    def send(self, item: Item) -> None:
        """Put something on the way."""
        self._on_the_way.append(item)
        if type(item) is bytes:
            self.octets += len(item)
        if self._plain:
            self._call_later(self._latency_s, self._arrive)
        elif self._slow:
            self._call_later(self._latency_s + self._wait_s(_charged_octets(item)), self._arrive)
        else:
            self._loop.call_soon(self._arrive)

    def _wait_s(self, octets: int) -> float:
        """Until the last of these octets is through, after all that was sent before. What has to be sent again keeps
        back what follows in this connection, and the line from nobody."""
        now_s = self._loop.time()
        left_at_s = now_s if self._lane is None else self._lane.carried_at_s(octets, now_s)
        self._last_at_s = max(left_at_s, self._last_at_s)
        if self._hold_up_s is not None:
            self._last_at_s += self._hold_up_s(octets)
        return self._last_at_s - now_s

    def drop_unsent(self) -> None:
        """Take back what did not fit on the wire."""
        self._smooth = False
        while self.unsent_octets:
            self.octets -= _octets(self._on_the_way.pop())
        self._arrived = min(self._arrived, len(self._on_the_way))

    def close(self) -> None:
        """Nobody stands at either end any more."""
        self.take = self.take_data = _drop
        self.awaited, self.taken = False, _nothing

    def stop(self) -> None:
        """What comes waits."""
        self._flowing = self._smooth = False

    def go_on(self) -> None:
        """What waited is delivered at the loop's next turn."""
        if not self._flowing:
            self._flowing = True
            self._loop.call_soon(self._flow)

    def _arrive(self) -> None:
        if not self._smooth:
            if self._arrived < len(self._on_the_way):  # else what did not fit was taken back
                self._arrived += 1
                self._flow()
            return
        # As `_hand_over`, without the call: a session's packets nearly all come here.
        item = self._on_the_way.popleft()
        if type(item) is bytes:
            self.octets -= len(item)
            self.take_data(item)
        else:
            self.take(item)
        if self.awaited:
            self.taken()

    def _flow(self) -> None:
        while self._arrived and self._flowing:
            self._arrived -= 1
            self._hand_over()

    def _hand_over(self) -> None:
        item = self._on_the_way.popleft()
        if type(item) is bytes:
            self.octets -= len(item)
            self.take_data(item)
        else:
            self.take(item)
        if self.awaited:
            self.taken()


def _charged_octets(item: Item) -> int:
    """A flight of a handshake (RFC 8446 5.1: type 22) takes the time of a full packet: the signature in it is some
    octets longer or shorter in every run, and a simulation's clock must not tell."""
    return FLIGHT_OCTETS if item[:1] == b"\x16" else _octets(item)


def _octets(item: Item) -> int:
    return len(item) if isinstance(item, bytes) else 0


def _drop(item: Item) -> None:
    pass


def _nothing() -> None:
    pass
