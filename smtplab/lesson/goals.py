"""Goals: predicates over the records of what a student really did, in the language of a world's expectations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta

from smtplab.journal import Record
from smtplab.sim.expect import Expectation, Expectations


class Goal(Expectation, frozen=True, kw_only=True):
    """An expectation with a name, by which the prose speaks of it."""

    id: Annotated[str, Meta(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?\Z", max_length=48)]


class Goals:
    """A reader: give it the records as they come, and ask at any time which goals are reached."""

    def __init__(self, goals: tuple[Goal, ...]) -> None:
        self._goals = goals
        self._expectations = Expectations(goals)

    def read(self, record: Record) -> None:
        """One record more."""
        self._expectations.read(record)

    @property
    def reached(self) -> tuple[str, ...]:
        """Their ids, in the lesson's order. A goal with a `max` or a `count` may be lost again."""
        verdicts = zip(self._goals, self._expectations.verdicts(), strict=True)
        return tuple(goal.id for goal, verdict in verdicts if verdict.held)


def reached_by(goals: tuple[Goal, ...], records: Iterable[Record]) -> tuple[str, ...]:
    """The goals that a whole recording reaches."""
    reader = Goals(goals)
    for record in records:
        reader.read(record)
    return reader.reached
