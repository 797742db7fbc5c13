"""What a world's author expects of a run, as patterns over records; it reads them as they come and keeps counts."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from typing import Annotated, Any, get_args

import msgspec
from msgspec import Meta

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.sim.parts import Part

Number = Annotated[int, Meta(ge=0)]

EVENTS: dict[str, type[msgspec.Struct]] = {kind.__struct_config__.tag: kind for kind in get_args(ev.Event)}
"""By the name that a capture gives them."""

PLACES = frozenset({"hop", "node", "span", "stage"})
"""Of a record itself."""


class Pattern(Part, frozen=True, kw_only=True):
    event: str
    where: Mapping[str, str | int | float | bool] = {}
    """Fields of the event, or `hop`, `node`, `span`, `stage`; a text may hold `*` and `?`."""


class Expectation(Pattern, frozen=True, kw_only=True):
    """At least one such record, where nothing else is said."""

    count: Number | None = None
    """Exactly so many."""
    min: Number | None = None
    max: Number | None = None
    before: Pattern | None = None
    """The first such record comes before the first of those; both must come."""
    after: Pattern | None = None
    """The first such record comes after the first of those; both must come."""


class Verdict(msgspec.Struct, frozen=True):
    """Whether an expectation held."""

    expectation: Expectation
    held: bool
    seen: int
    """How many records fitted."""


class Expectations:
    """A reader: give it every record, then ask for the verdicts."""

    def __init__(self, expectations: tuple[Expectation, ...]) -> None:
        self._expectations = expectations
        self._by_event: dict[type, list[Watch]] = {}
        self._watches = [
            tuple(self._watch(pattern) for pattern in (one, one.before, one.after)) for one in expectations
        ]

    def read(self, record: Record) -> None:
        """One record more."""
        for watch in self._by_event.get(type(record.event), ()):
            watch.read(record)

    def verdicts(self) -> tuple[Verdict, ...]:
        """In the order of the world's file."""
        pairs = zip(self._expectations, self._watches, strict=True)
        return tuple(_judge(one, *watches) for one, watches in pairs)

    def _watch(self, pattern: Pattern | None) -> Watch | None:
        if pattern is None:
            return None
        watch = Watch(pattern)
        self._by_event.setdefault(EVENTS[pattern.event], []).append(watch)
        return watch


class Watch:
    """Counts the records that fit one pattern, and keeps the number of the first."""

    def __init__(self, pattern: Pattern) -> None:
        self._wanted = list(pattern.where.items())
        self.seen = 0
        self.first: int | None = None

    def read(self, record: Record) -> None:
        """A record of the pattern's event."""
        if all(_fits(_value(record, field), wanted) for field, wanted in self._wanted):
            self.seen += 1
            self.first = self.first or record.seq


def _value(record: Record, field: str) -> Any:
    return getattr(record, field) if field in PLACES else getattr(record.event, field)


def _fits(value: Any, wanted: str | float | bool) -> bool:
    if isinstance(value, tuple):
        return any(_fits(one, wanted) for one in value)
    if isinstance(wanted, str):
        return fnmatch.fnmatchcase("" if value is None else str(value), wanted)
    return bool(value == wanted)


def _judge(expectation: Expectation, watch: Watch | None, before: Watch | None, after: Watch | None) -> Verdict:
    assert watch is not None
    count, least, most = expectation.count, expectation.min, expectation.max
    if count is None and least is None and most is None:
        least = 1
    held = (
        (count is None or watch.seen == count)
        and (least is None or watch.seen >= least)
        and (most is None or watch.seen <= most)
        and (before is None or _in_order(watch, before))
        and (after is None or _in_order(after, watch))
    )
    return Verdict(expectation, held, watch.seen)


def _in_order(first: Watch, second: Watch) -> bool:
    return first.first is not None and second.first is not None and first.first < second.first
