"""Finds the moments of a run that a person asks for by their kind; what they look like it does not know."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Literal

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.view.stages import verdict_of

Kind = Literal["event", "command", "delivery", "failure"]

KINDS: tuple[Kind, ...] = ("event", "command", "delivery", "failure")

_TOLD_BY_THE_OTHER_END = (ev.CommandReceived, ev.ReplySent, ev.MessageReceived)
"""In a world both ends are journaled; what the client tells need not be told again."""

_SILENT = (ev.StateChanged, ev.ExtensionsLearned, ev.BytesSent, ev.BytesReceived, *_TOLD_BY_THE_OTHER_END)


class Moments:
    """Takes in records in order, once each, and keeps where those of every kind stand.

    A position is a number of records: at position 3 the third record is the last that has been made.
    """

    def __init__(self) -> None:
        self._times_us: list[int] = []
        self._of_kind: dict[Kind, list[int]] = {kind: [] for kind in KINDS}

    def extend(self, records: Sequence[Record]) -> None:
        """The records that follow those taken in before."""
        for record in records:
            self._times_us.append(record.elapsed_us)
            position = len(self._times_us)
            for kind in kinds_of(record.event):
                self._of_kind[kind].append(position)

    @property
    def count(self) -> int:
        """How many records are known."""
        return len(self._times_us)

    @property
    def end_us(self) -> int:
        """The last record's time, microseconds since the first."""
        return self._times_us[-1] if self._times_us else 0

    def time_us(self, position: int) -> int:
        return self._times_us[position - 1] if 0 < position <= len(self._times_us) else 0

    def at_time(self, elapsed_us: int) -> int:
        """The position at which all records up to that moment have been made."""
        return bisect_right(self._times_us, elapsed_us)

    def after(self, position: int, kind: Kind) -> int | None:
        """The next of its kind; None where no more comes."""
        found = self._of_kind[kind]
        index = bisect_right(found, position)
        return found[index] if index < len(found) else None

    def before(self, position: int, kind: Kind) -> int | None:
        """The one before this position."""
        found = self._of_kind[kind]
        index = bisect_left(found, position) - 1
        return found[index] if index >= 0 else None

    def between(self, start: int, end: int, kind: Kind) -> int:
        """How many of the kind stand behind `start`, up to `end` and with it."""
        found = self._of_kind[kind]
        return bisect_right(found, end) - bisect_right(found, start)


def kinds_of(event: ev.Event) -> tuple[Kind, ...]:
    """Of which kinds a record's moment is; none for what only repeats what another record tells."""
    if isinstance(event, _SILENT):
        return ()
    match event:
        case ev.CommandSent():
            return ("event", "command")
        case ev.Delivered() | ev.Dequeued(reason="relayed"):
            return ("event", "delivery")
        case _:
            return ("event", "failure") if verdict_of(event) == "failed" else ("event",)


def line_count(record: Record, *, both_ends: bool = False) -> int:
    """How many lines of a transcript a record takes, in any language.

    With `both_ends` a server's view of its dialogue counts too, as it does in the log of one host.
    """
    event = record.event
    if isinstance(event, _TOLD_BY_THE_OTHER_END):
        if not both_ends:
            return 0
    elif isinstance(event, _SILENT):
        return 0
    if isinstance(event, ev.ReplyReceived | ev.ReplySent):
        return max(len(event.lines), 1)
    return 1
