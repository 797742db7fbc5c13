"""A server's opinion of its clients: greylisting, rates and blocklists, each with a memory and a verdict to be told."""

from __future__ import annotations

import ipaddress
from collections import deque
from collections.abc import Sequence
from typing import Annotated, NamedTuple

from msgspec import Meta

from smtplab.events import Judged
from smtplab.journal import Emit
from smtplab.mta.behaviour.manner import Verdict
from smtplab.mta.behaviour.parts import Part, Seconds
from smtplab.mta.behaviour.pattern import network_around
from smtplab.net.ports import Clock, Net

TRIPLETS_MAX = 100_000
"""Greylisting's memory: the oldest is forgotten, and has to come twice again."""


class Greylisting(Part, frozen=True):
    """Who comes for the first time is sent away for a while (RFC 6647)."""

    delay_s: Seconds = 300.0
    lifetime_s: Seconds = 36 * 86400.0
    """How long a triplet that came back is remembered."""


class RateLimit(Part, frozen=True):
    """So many messages from one client in a sliding window."""

    messages: Annotated[int, Meta(gt=0)]
    per_s: Annotated[float, Meta(gt=0)] = 60.0


class Opinion(NamedTuple):
    """What is held against a client."""

    verdict: Verdict
    zone: str = ""
    """Of the blocklist that names it."""
    why: str = ""
    """What that says of it, as the end of a reply's line; empty where it says nothing."""


class Policies:
    """What one host holds against clients; None where it holds nothing."""

    def __init__(
        self, greylisting: Greylisting | None, rate_limit: RateLimit | None, blocklists: Sequence[str], net: Net
    ) -> None:
        self.judges_clients = bool(rate_limit or blocklists)
        self.greylists = greylisting is not None
        self._greylist = Greylist(greylisting, net.clock) if greylisting else None
        self._rate = Rate(rate_limit, net.clock) if rate_limit else None
        self._blocklists = blocklists
        self._net = net

    async def judge_client(self, address: str, emit: Emit, *, reputed: bool) -> Opinion | None:
        """Its rate, then its reputation unless that is known to be good. Facts: Judged, and DNS."""
        if self._rate is not None and not self._rate.allows(address, emit):
            return Opinion("rate-limited")
        for zone in () if reputed else self._blocklists:
            if await is_listed(address, zone, self._net, emit):
                return Opinion("blocklisted", zone, await _reason(address, zone, self._net, emit))
        return None

    def judge_triplet(self, address: str, sender: str, recipient: str, emit: Emit) -> Verdict | None:
        """Has it come before, and long enough ago?"""
        if self._greylist is None or self._greylist.knows(address, sender, recipient, emit):
            return None
        return "greylisted"

    def count_message(self, address: str) -> None:
        """One was taken from this client."""
        if self._rate is not None:
            self._rate.count(address)


class Greylist:
    """By (network, sender, recipient): a farm of servers sends from one network (RFC 6647 4.2)."""

    def __init__(self, terms: Greylisting, clock: Clock) -> None:
        self._terms = terms
        self._clock = clock
        self._first_seen: dict[tuple[str, str, str], float] = {}
        self._passed: dict[tuple[str, str, str], float] = {}

    def knows(self, address: str, sender: str, recipient: str, emit: Emit) -> bool:
        """Fact: Judged."""
        triplet, now = (network_around(address), sender.lower(), recipient.lower()), self._clock.monotonic()
        shown = " ".join(part or "<>" for part in triplet)
        if now - self._passed.get(triplet, -self._terms.lifetime_s) < self._terms.lifetime_s:
            self._passed[triplet] = now
            emit(Judged("greylisting", "known", shown))
            return True
        first = self._first_seen.setdefault(triplet, now)
        if now - first >= self._terms.delay_s:
            self._passed[triplet] = now
            del self._first_seen[triplet]
            emit(Judged("greylisting", "passed", shown))
            return True
        if len(self._first_seen) > TRIPLETS_MAX:
            del self._first_seen[next(iter(self._first_seen))]
        emit(Judged("greylisting", "new" if first == now else "too-early", shown))
        return False


class Rate:
    """Messages of a client within a sliding window."""

    def __init__(self, terms: RateLimit, clock: Clock) -> None:
        self._terms = terms
        self._clock = clock
        self._taken: dict[str, deque[float]] = {}

    def allows(self, address: str, emit: Emit) -> bool:
        """Fact: Judged."""
        taken = self._taken.get(address, deque())
        while taken and taken[0] <= self._clock.monotonic() - self._terms.per_s:
            taken.popleft()
        allowed = len(taken) < self._terms.messages
        shown = f"{address}: {len(taken)} in {self._terms.per_s:g} s, {self._terms.messages} allowed"
        emit(Judged("rate-limit", "within" if allowed else "exceeded", shown))
        return allowed

    def count(self, address: str) -> None:
        """One message more."""
        self._taken.setdefault(address, deque()).append(self._clock.monotonic())


async def is_listed(address: str, zone: str, net: Net, emit: Emit) -> bool:
    """RFC 5782 2.1: the reversed address is looked up. What cannot be asked lists nobody; fact: Judged."""
    name = f"{_reversed(address)}.{zone}"
    answer = await net.resolver.resolve(name, "A", emit)
    # 127.255.255.x is a list's way of saying that it will not answer: never a listing.
    listed = [record for record in answer.records if record.startswith("127.") and not record.startswith("127.255.")]
    if listed:
        emit(Judged("dnsbl", "listed", f"{name}: {listed[0]}"))
    elif answer.kind in ("nxdomain", "nodata"):
        emit(Judged("dnsbl", "not-listed", name))
    else:
        emit(Judged("dnsbl", "could-not-check", f"{name}: {answer.kind}"))
    return bool(listed)


REASON_LENGTH_MAX = 200
"""A reply's line has 512 octets (RFC 5321 4.5.3.1.5), and the names before it are long."""


async def _reason(address: str, zone: str, net: Net, emit: Emit) -> str:
    """RFC 5782 2.1: the TXT record beside the address says why, and often whom to ask."""
    answer = await net.resolver.resolve(f"{_reversed(address)}.{zone}", "TXT", emit)
    said = " ".join(record.strip('"') for record in answer.records[:1])
    # It comes from outside, and goes into a line of the protocol.
    printable = "".join(character if " " <= character <= "~" else "?" for character in said)
    return f"; {printable[:REASON_LENGTH_MAX]}" if said else ""


def _reversed(address: str) -> str:
    pointer = ipaddress.ip_address(address).reverse_pointer
    return pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
