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
    """The first such record comes after the first of those; both must come. Where a `count` or a `max` allows for none
    at all, those alone must come: "no such thing, and that has been seen"."""


class Verdict(msgspec.Struct, frozen=True):
    """Whether an expectation held."""

    expectation: Expectation
    held: bool
    seen: int
    """How many records fitted."""
    settled: bool = True
    """False where the run was cut short and what would have come could still have turned it."""

    @property
    def failed(self) -> bool:
        """For good."""
        return self.settled and not self.held


class Expectations:
    """A reader: give it every record, then ask for the verdicts."""

    def __init__(self, expectations: tuple[Expectation, ...]) -> None:
        self._expectations = expectations
        self._by_event: dict[type, list[Watch]] = {}
        self._watches = [
            tuple(self._watch(pattern) for pattern in (one, one.before, one.after)) for one in expectations
        ]

    @property
    def kinds(self) -> frozenset[type]:
        """Of the events that matter here."""
        return frozenset(self._by_event)

    def read(self, record: Record) -> None:
        """One record more."""
        for watch in self._by_event.get(type(record.event), ()):
            watch.read(record)

    def verdicts(self, *, cut: bool = False) -> tuple[Verdict, ...]:
        """In the order of the world's file; `cut` where the run did not come to its end."""
        pairs = zip(self._expectations, self._watches, strict=True)
        verdicts = tuple(_judge(one, *watches) for one, watches in pairs)
        if not cut:
            return verdicts
        return tuple(
            msgspec.structs.replace(verdict, settled=_is_settled(verdict, *watches))
            for verdict, watches in zip(verdicts, self._watches, strict=True)
        )

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
        and (after is None or _in_order(after, watch) or (not watch.seen and after.seen > 0))
    )
    return Verdict(expectation, held, watch.seen)


def _is_settled(verdict: Verdict, watch: Watch | None, before: Watch | None, after: Watch | None) -> bool:
    """More records can only come: a count may still be reached or passed, and what came first stays first."""
    expectation = verdict.expectation
    bounds = [bound for bound in (expectation.count, expectation.max) if bound is not None]
    if verdict.held:
        return not bounds
    return (
        any(verdict.seen > bound for bound in bounds) or _comes_too_late(watch, before) or _comes_too_late(after, watch)
    )


def _comes_too_late(first: Watch | None, second: Watch | None) -> bool:
    if first is None or second is None or second.first is None:
        return False
    return first.first is None or first.first >= second.first


def _in_order(first: Watch, second: Watch) -> bool:
    return first.first is not None and second.first is not None and first.first < second.first
