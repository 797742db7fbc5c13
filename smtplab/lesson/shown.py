"""A step's recording as marked lines: the picked records are read, and some of them are to be looked at."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator

import msgspec

from smtplab.journal import Record
from smtplab.lesson.lesson import Shown
from smtplab.lesson.patterns import fits_any
from smtplab.sim.expect import Pattern
from smtplab.view.journey import Journey
from smtplab.view.texts import Texts
from smtplab.view.transcript import Line, heading, lines


class ShownLine(msgspec.Struct, frozen=True):
    line: Line
    marked: bool
    """The one to look at."""


DIALOGUE = tuple(Pattern(event=event) for event in ("command_sent", "message_sent", "reply_received"))
NEWS = tuple(
    Pattern(event=event)
    for event in (
        "dns_answered",
        "dns_failed",
        "route_found",
        "connect_failed",
        "connected",
        "queued",
        "deferred",
        "delivered",
        "bounced",
        "bounce_sent",
        "journey_ended",
    )
)
"""What a student wants to see of a run; the rest of its records is for the walk."""


def shown_lines(records: Iterable[Record], shown: Shown, texts: Texts) -> Iterator[ShownLine]:
    """The journey is read whole, so that a line says the same whatever else is shown; a heading tells each new hop."""
    journey = Journey()
    hop = ""
    for record in records:
        journey.advance(record)
        if shown.pick and not fits_any(record, shown.pick):
            continue
        own = [line for line in lines(record, journey, texts) if line.tone != "heading"]
        if own and hop != (hop := heading(record, journey, texts)):
            yield ShownLine(Line("", hop, "heading", record.seq), marked=False)
        fitting = tuple(pattern for pattern in shown.mark if fits_any(record, (pattern,)))
        part = "header"
        for line in own:
            if not line.text.strip():
                part = "body"
            if part == "header" or shown.body:
                yield ShownLine(line, any(_marks(pattern, part, line) for pattern in fitting))


def _marks(pattern: Pattern, part: str, line: Line) -> bool:
    """A pattern on a message's text marks the lines with that text alone, any other the whole record."""
    if pattern.where.keys().isdisjoint(("header", "body")):
        return True
    return part in pattern.where and fnmatch.fnmatchcase(line.text, str(pattern.where[part]))
