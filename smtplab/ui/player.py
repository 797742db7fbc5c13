"""Recorded time under a person's hand: how many records are shown by now, whether it runs, and how fast.

It knows records by their times alone. Between two records it waits as long as was recorded, within bounds: a
handshake of a tenth of a millisecond would pass unseen, and a queue's half hour would not end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from smtplab.journal import Record

GAP_S_MIN: Final = 0.12
"""At speed 1: a line that comes sooner is not seen to come."""
GAP_S_MAX: Final = 1.2
"""At speed 1: longer, and a viewer takes it for a hang."""
SPEEDS: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0)

Shows = Callable[[int], bool]
"""Whether the record at an index is a step of its own: one that a person sees."""


class Player:
    """A position in a growing list of records.

    `at` is the number of records shown. A live walk is followed: at its end new records show as they come, with no
    wait, until the person goes back. Times given to `tick` are seconds of any monotonic clock.
    """

    def __init__(self, records: Sequence[Record], shows: Shows, *, live: bool) -> None:
        self._records = records
        self._shows = shows
        self._live = live
        self._due_s: float | None = None
        self.at = 0
        self.playing = True
        self.speed = 1.0

    @property
    def following(self) -> bool:
        """At the edge of a live walk, where records show at once."""
        return self._live and self.playing and self._due_s is None

    @property
    def at_end(self) -> bool:
        return self.at >= len(self._records)

    @property
    def elapsed_s(self) -> float:
        """Recorded time of the last record shown, seconds from the first."""
        return self._records[self.at - 1].elapsed_us / 1e6 if self.at else 0.0

    def tick(self, now_s: float) -> bool:
        """Let time pass; true where records came into view."""
        before = self.at
        if not self.playing or before >= len(self._records):
            return False
        if self.following:
            return self._go(len(self._records))
        if self._due_s is None:
            self._due_s = now_s
        while not self.at_end and self._due_s <= now_s:
            self._go(self._next_step())
            self._due_s += self._gap_s()
        if self.at_end and self._live:
            self._due_s = None
        return self.at != before

    def toggle(self) -> None:
        self.playing = not self.playing
        # What stood still starts at once; a live walk that fell behind is caught up with at its own pace.
        self._due_s = None if self.at_end or not self._live else 0.0

    def step(self) -> bool:
        """On to the next record that a person sees; true where there was one."""
        self._halt()
        return self._go(self._next_step())

    def back(self) -> bool:
        """The last record seen is taken back; the first one stays, so that the screen is never bare."""
        self._halt()
        at = self.at - 1
        while at > 0 and not self._shows(at):
            at -= 1
        return self._go(at) if at > 0 else False

    def go_to(self, at: int) -> bool:
        self._halt()
        return self._go(at)

    def to_start(self) -> bool:
        """To the first record that a person sees."""
        self._halt()
        before, self.at = self.at, 0
        self._go(self._next_step())
        return self.at != before

    def to_end(self) -> bool:
        """A live walk is followed again from here."""
        self._halt()
        if self._live:
            self.playing = True
        return self._go(len(self._records))

    def change_speed(self, by: int) -> None:
        """One notch up or down."""
        notch = SPEEDS.index(self.speed) + by
        self.speed = SPEEDS[min(max(notch, 0), len(SPEEDS) - 1)]

    def _go(self, at: int) -> bool:
        before, self.at = self.at, min(max(at, 0), len(self._records))
        return self.at != before

    def _halt(self) -> None:
        self.playing = False
        self._due_s = None

    def _next_step(self) -> int:
        """The position behind the next record that is seen and what follows it unseen, such as the state it brought."""
        at, end = self.at, len(self._records)
        while at < end and not self._shows(at):
            at += 1
        at += 1
        while at < end and not self._shows(at):
            at += 1
        return at

    def _gap_s(self) -> float:
        """How long the record that comes next is waited for."""
        if self.at_end or not self.at:
            return 0.0
        gap_s = (self._records[self.at].elapsed_us - self._records[self.at - 1].elapsed_us) / 1e6
        return min(max(gap_s, GAP_S_MIN), GAP_S_MAX) / self.speed
