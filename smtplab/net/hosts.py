"""Hosts pinned to addresses by hand, before any server is asked."""

from __future__ import annotations

from collections.abc import Iterable

from smtplab.events import DnsAnswered, DnsQueried
from smtplab.journal import Emit
from smtplab.net.names import a_label_name
from smtplab.net.ports import Answer, Resolver

PINNED = "pinned"
"""What stands for the server in events."""


class PinnedResolver:
    """A `Resolver` that answers A and AAAA of pinned hosts itself: a family without a pin has no data."""

    def __init__(self, pins: Iterable[tuple[str, str]], others: Resolver) -> None:
        self._addresses: dict[tuple[str, str], list[str]] = {}
        self._hosts: set[str] = set()
        for host, address in pins:
            name = a_label_name(host) or host
            self._hosts.add(name)
            self._addresses.setdefault((name, "AAAA" if ":" in address else "A"), []).append(address)
        self._others = others

    async def resolve(self, name: str, rrtype: str, emit: Emit) -> Answer:
        """As `Resolver.resolve`."""
        host = a_label_name(name)
        if host not in self._hosts or rrtype not in ("A", "AAAA"):
            return await self._others.resolve(name, rrtype, emit)
        records = tuple(self._addresses.get((host, rrtype), ()))
        emit(DnsQueried(host, rrtype, PINNED))
        emit(DnsAnswered(host, rrtype, PINNED, "NOERROR", records, None, authentic=False, ms=0.0))
        return Answer("found" if records else "nodata", host, rrtype, records, host)
