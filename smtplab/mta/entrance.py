"""The entrance of a server: who comes is counted and, where there are too many, sent away; at the end all are told."""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter
from collections.abc import Callable
from typing import Protocol

import msgspec

from smtplab.net.ports import Handler, Lost, TlsFacts, TlsTrouble, Wire

LEAVE_S_MAX = 10.0
"""At the end a message that is being stored gets so long: a disk's sync takes milliseconds, a busy one's a second."""


class Crowd(msgspec.Struct, frozen=True):
    """How many sessions at once."""

    sessions_max: int = 2000
    """Each holds a file descriptor, a few KiB and at most one message."""
    per_client_max: int = 50
    """As Postfix has it (smtpd_client_connection_count_limit); it does not hold for loopback."""


class Guest(Handler, Protocol):
    """A session's handler that can be told to come to its end."""

    def shut_down(self) -> None:
        """As soon as nothing is under way."""


class Entrance:
    """Of all listeners of a server together."""

    def __init__(self, crowd: Crowd = Crowd()) -> None:  # noqa: B008 - frozen
        self._crowd = crowd
        self._guests: dict[Visitor, None] = {}
        self._per_client: Counter[str] = Counter()
        self._empty = asyncio.Event()
        self._empty.set()

    def door(self, enter: Callable[[Wire], Guest], refusal: bytes) -> Callable[[], Handler]:
        """A handler for each connection; `refusal` is all that one too many hears."""
        return lambda: Visitor(self, enter, refusal)

    def admit(self, visitor: Visitor, address: str) -> bool:
        """False where it is one too many."""
        if len(self._guests) >= self._crowd.sessions_max:
            return False
        if self._per_client[address] >= self._crowd.per_client_max and not is_loopback(address):
            return False
        self._guests[visitor] = None
        self._per_client[address] += 1
        self._empty.clear()
        return True

    def leave(self, visitor: Visitor, address: str) -> None:
        """It has gone."""
        del self._guests[visitor]
        self._per_client[address] -= 1
        if not self._per_client[address]:
            del self._per_client[address]
        if not self._guests:
            self._empty.set()

    async def close(self) -> None:
        """Whoever is there is told, and what is under way is finished."""
        for visitor in list(self._guests):
            visitor.shut_down()
        try:
            async with asyncio.timeout(LEAVE_S_MAX):
                await self._empty.wait()
        except TimeoutError:
            pass


class Visitor:
    """A `Handler` that gets its own from `enter` once it knows who comes."""

    def __init__(self, entrance: Entrance, enter: Callable[[Wire], Guest], refusal: bytes) -> None:
        self._entrance = entrance
        self._enter = enter
        self._refusal = refusal
        self._guest: Guest | None = None
        self._address = ""
        self.received: Callable[[bytes], None] = _unheard
        """Once somebody is let in, the guest's own: nothing stands between."""

    def connected(self, wire: Wire) -> None:
        self._address = wire.peer.address
        if not self._entrance.admit(self, self._address):
            wire.write(self._refusal)
            wire.close()
            return
        self._guest = self._enter(wire)
        self.received = self._guest.received
        self._guest.connected(wire)

    def secured(self, outcome: TlsFacts | TlsTrouble) -> None:
        if self._guest is not None:
            self._guest.secured(outcome)

    def drained(self) -> None:
        if self._guest is not None:
            self._guest.drained()

    def ended(self, lost: Lost | None) -> None:
        if self._guest is not None:
            self._guest.ended(lost)
            self._entrance.leave(self, self._address)

    def shut_down(self) -> None:
        if self._guest is not None:
            self._guest.shut_down()


def _unheard(data: bytes) -> None:
    """Of one who was not let in."""
    del data


def is_loopback(address: str) -> bool:
    """An IPv4 client of an IPv6 listener too (RFC 4291 2.5.5.2)."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback
