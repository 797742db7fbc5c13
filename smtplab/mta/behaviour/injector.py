"""Decides which faults of a world act on an occasion, and remembers how often each has; it does them to nobody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from smtplab.mta.behaviour.faults import (
    BareDot,
    Certificate,
    Delay,
    DnsChange,
    Fault,
    Shutdown,
    Stage,
    StripStarttls,
    stage_of,
)


class Occasion(msgspec.Struct, frozen=True):
    """What might go wrong now."""

    client: str = ""
    recipient: str = ""
    name: str = ""


NOWHERE = Occasion()


class _Tally:
    """One fault and its past."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.occasions = 0
        self.acted = 0

    def fits(self, occasion: Occasion, at_s: float) -> bool:
        when = self.fault.when
        return (
            when.from_s <= at_s
            and (when.until_s is None or at_s < when.until_s)
            and when.client in ("", occasion.client)
            and when.recipient.lower() in ("", occasion.recipient.lower())
            and when.name in ("", occasion.name)
        )

    def acts(self) -> bool:
        """Counts one occasion that fits."""
        self.occasions += 1
        spent = self.fault.count is not None and self.acted >= self.fault.count
        if spent or self.occasions <= self.fault.when.after:
            return False
        self.acted += 1
        return True


class Injector:
    """The faults of one run. Times are seconds since the world's start."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._by_place: dict[tuple[str, Stage | None], list[_Tally]] = {}
        self._messages: dict[str, int] = {}
        for fault in faults:
            self._by_place.setdefault((fault.where, stage_of(fault)), []).append(_Tally(fault))
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
            if (delays or not decided) and tally.fits(occasion, at_s) and self._is_due(tally.fault) and tally.acts():
                acting.append(tally.fault)
                decided = decided or not delays
        return tuple(acting)

    def count_message(self, where: str) -> None:
        """A message was taken there."""
        self._messages[where] = self._messages.get(where, 0) + 1

    def changes(self) -> tuple[DnsChange, ...]:
        """All changes of DNS data, in the order of their moments."""
        found = [tally.fault for tallies in self._by_place.values() for tally in tallies]
        return tuple(sorted((one for one in found if isinstance(one, DnsChange)), key=lambda one: one.when.from_s))

    def _candidates(self, where: str, stage: Stage, only: type | None) -> Iterator[_Tally]:
        for tally in self._by_place.get((where, stage), ()):
            if isinstance(tally.fault, only) if only else not isinstance(tally.fault, _OF_THEIR_OWN):
                yield tally

    def _is_due(self, fault: Fault) -> bool:
        return not isinstance(fault, Shutdown) or self._messages.get(fault.where, 0) >= fault.messages


_OF_THEIR_OWN = (Certificate, StripStarttls, BareDot)
"""They change no reply of their stage and are asked for by their kind."""
