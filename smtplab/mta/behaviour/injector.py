"""Decides which faults of a world act on an occasion, and remembers how often each has; it does them to nobody."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator

import msgspec

from smtplab.mta.behaviour.faults import (
    STAGES_OF_COMMANDS,
    Announce,
    BareDot,
    Certificate,
    Delay,
    DnsChange,
    Fault,
    Handshake,
    Shutdown,
    Silence,
    SizeLie,
    Stage,
    StripStarttls,
    stage_of,
)
from smtplab.mta.behaviour.pattern import is_in_network, matches, network_around

KEYS_MAX = 100_000
"""Whom one fault remembers: some 20 MB; the oldest is forgotten and counts from the beginning."""


class Occasion(msgspec.Struct, frozen=True):
    """What might go wrong now; what is not known yet is empty."""

    client: str = ""
    recipients: tuple[str, ...] = ()
    """At `rcpt` the one that is named, later those that were taken."""
    name: str = ""
    sender: str = ""
    """`<>` for the null reverse-path."""
    helo: str = ""
    user: str = ""
    secure: bool = False
    session: str = ""
    """Any text of its own."""


NOWHERE = Occasion()


class _Count(msgspec.Struct):
    """What one fault remembers of those whom `per` tells apart."""

    occasions: int = 0
    acted: int = 0
    messages: int = 0


class _Tally:
    """One fault and its past."""

    def __init__(self, fault: Fault, chance: random.Random) -> None:
        self.fault = fault
        self._chance = chance
        self._counts: dict[str, _Count] = {}

    def fits(self, occasion: Occasion, at_s: float) -> bool:
        when = self.fault.when
        return (
            when.from_s <= at_s
            and (when.until_s is None or at_s < when.until_s)
            and (not when.client or is_in_network(occasion.client, when.client))
            and matches(when.name.removesuffix("."), occasion.name)
            and (not when.recipient or any(matches(when.recipient, one) for one in occasion.recipients))
            and self._fits_session(occasion)
        )

    def _fits_session(self, occasion: Occasion) -> bool:
        when = self.fault.when
        return (
            matches(when.helo, occasion.helo)
            and matches(when.sender, occasion.sender)
            and (not when.user or (bool(occasion.user) and matches(when.user, occasion.user)))
            and when.authenticated in (None, bool(occasion.user))
            and when.tls in (None, occasion.secure)
        )

    def is_due(self, occasion: Occasion) -> bool:
        fault = self.fault
        return not isinstance(fault, Shutdown) or self._count(occasion).messages >= fault.messages

    def acts(self, occasion: Occasion) -> bool:
        """Counts one occasion that fits."""
        count, when = self._count(occasion), self.fault.when
        count.occasions += 1
        spent = self.fault.count is not None and count.acted >= self.fault.count
        if spent or count.occasions <= when.after:
            return False
        if when.chance < 1 and self._chance.random() >= when.chance:
            return False
        count.acted += 1
        return True

    def count_message(self, occasion: Occasion) -> None:
        self._count(occasion).messages += 1

    def _count(self, occasion: Occasion) -> _Count:
        key = _key(self.fault, occasion)
        found = self._counts.get(key)
        if found is None:
            if len(self._counts) >= KEYS_MAX:
                del self._counts[next(iter(self._counts))]
            found = self._counts[key] = _Count()
        return found


def _key(fault: Fault, occasion: Occasion) -> str:
    match fault.when.per:
        case "server":
            return ""
        case "client":
            return occasion.client
        case "session":
            return occasion.session
        case "sender":
            return occasion.sender.lower()
        case "recipient":
            return " ".join(occasion.recipients).lower()
        case "triplet":
            return " ".join((network_around(occasion.client), occasion.sender, *occasion.recipients)).lower()


class Injector:
    """The faults of one run. Times are seconds since the run's start."""

    def __init__(self, faults: Iterable[Fault], chance: Callable[[str], random.Random] = random.Random) -> None:
        """`chance` makes a generator for each fault that leaves something to it, by the fault's place in the file."""
        self._by_place: dict[tuple[str, Stage | None], list[_Tally]] = {}
        self._shutdowns: dict[str, list[_Tally]] = {}
        for number, fault in enumerate(faults):
            tally = _Tally(fault, chance(f"faults[{number}]"))
            stage = stage_of(fault)
            for one in STAGES_OF_COMMANDS if stage == "any" else (stage,):
                self._by_place.setdefault((fault.where, one), []).append(tally)
            if isinstance(fault, Shutdown):
                self._shutdowns.setdefault(fault.where, []).append(tally)
        self._places = {where for where, _ in self._by_place}

    def __bool__(self) -> bool:
        return bool(self._by_place)

    def touches(self, where: str) -> bool:
        """Can anything ever happen there?"""
        return where in self._places

    def at(
        self, where: str, stage: Stage, at_s: float, occasion: Occasion = NOWHERE, *, only: type | None = None
    ) -> tuple[Fault, ...]:
        """What acts: delays, and of the rest the first. `only` asks for one kind and leaves the others alone."""
        acting: list[Fault] = []
        decided = False
        for tally in self._candidates(where, stage, only):
            delays = isinstance(tally.fault, Delay)
            if (
                (delays or not decided)
                and tally.fits(occasion, at_s)
                and tally.is_due(occasion)
                and tally.acts(occasion)
            ):
                acting.append(tally.fault)
                decided = decided or not delays
        return tuple(acting)

    def silence(self, link: str, at_s: float, occasion: Occasion = NOWHERE) -> Silence | None:
        """What lets nothing over a link now; one that counts, or leaves it to chance, means connections alone."""
        for tally in self._by_place.get((link, "connect"), ()):
            fault = tally.fault
            lasts = fault.count is None and not fault.when.after and fault.when.chance == 1
            if isinstance(fault, Silence) and lasts and tally.fits(occasion, at_s):
                return fault
        return None

    def count_message(self, where: str, occasion: Occasion = NOWHERE) -> None:
        """A message was taken there."""
        for tally in self._shutdowns.get(where, ()):
            tally.count_message(occasion)

    def changes(self) -> tuple[DnsChange, ...]:
        """All changes of DNS data, in the order of their moments."""
        found = [tally.fault for tallies in self._by_place.values() for tally in tallies]
        return tuple(sorted((one for one in found if isinstance(one, DnsChange)), key=lambda one: one.when.from_s))

    def _candidates(self, where: str, stage: Stage, only: type | None) -> Iterator[_Tally]:
        for tally in self._by_place.get((where, stage), ()):
            if isinstance(tally.fault, only) if only else not isinstance(tally.fault, _OF_THEIR_OWN):
                yield tally


_OF_THEIR_OWN = (Certificate, Handshake, StripStarttls, Announce, SizeLie, BareDot)
"""They change no reply of their stage and are asked for by their kind."""
