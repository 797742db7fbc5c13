"""One run of a world as the screens read it: the records known so far, and where the person stands in its time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final, Literal

from smtplab.journal import Record
from smtplab.ui.log import Log
from smtplab.ui.nodes import Nodes
from smtplab.ui.player import Player
from smtplab.view.moments import Kind, Moments
from smtplab.view.network import Network, NetworkHistory, Plan
from smtplab.view.texts import Texts

TAKEN_AT_ONCE: Final = 1000
"""Records read on in one tick: some 6 ms, so that keys never wait behind a long run."""
HOUR_US: Final = 3_600_000_000
EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

Where = Literal["start", "end"]


class WorldRun:
    """Reads on in a feed's growing records, and moves through them by records or by time.

    In an hour nothing may happen, so the moment is a time of its own, at the last record shown or after it.
    """

    def __init__(self, records: Sequence[Record], plan: Plan, texts: Texts) -> None:
        self._feed = records
        self.plan = plan
        self.known: list[Record] = []
        self.moments = Moments()
        self.log = Log(texts, of_one_host=False)
        self.player = Player(self.known, self.log.is_seen, live=False)
        self._history = NetworkHistory(self.known, plan.spots)
        self._moment_us: int | None = None
        self._end: int | None = None
        """Where the end was when the person last asked for it."""
        self.nodes = Nodes(self.known, {address: spot.name for spot in plan.spots for address in spot.addresses})
        self.by_events = False
        """The timeline's scale: each record is as wide, not each hour."""
        self.whole = False
        """The feed has ended and all of it is known."""
        self.failed = False
        """The feed has ended with a problem."""

    def read_on(self) -> bool:
        """Take in what the feed has; true where there was something. Who wanted the end is taken on with it."""
        have = len(self.known)
        fresh = self._feed[have : have + TAKEN_AT_ONCE]
        self.known.extend(fresh)
        self.nodes.extend(fresh, have)
        self.moments.extend(fresh)
        self.log.extend(fresh)
        if fresh and self.at == self._end:
            self.jump("end")
        return bool(fresh)

    @property
    def at(self) -> int:
        """How many records have been made by now."""
        return self.player.at

    @property
    def now_us(self) -> int:
        """The moment, microseconds since the first record."""
        shown_us = self.moments.time_us(self.at)
        return shown_us if self._moment_us is None else max(self._moment_us, shown_us)

    @property
    def clock(self) -> str:
        """What the world's clock shows: `2026-11-23 03:23:42 UTC`; empty before the first record."""
        if not self.known:
            return ""
        moment = EPOCH + dt.timedelta(microseconds=self.known[0].time_us + self.now_us)
        return f"{moment:%Y-%m-%d %H:%M:%S} UTC"

    @property
    def count(self) -> int:
        """Rows of the log by now."""
        return self.log.rows.count(self.at)

    @property
    def record(self) -> Record | None:
        """The last one made."""
        return self.known[self.at - 1] if self.at else None

    def network(self) -> Network:
        return self._history.at(self.at)

    def tick(self, now_s: float) -> bool:
        """Let time pass while it plays; true where records came into view."""
        moved = self.player.tick(now_s)
        if moved:
            self._moment_us = None
        return moved

    def play(self) -> None:
        """Play or pause; a whole run that stands at its end plays from its start."""
        if self.player.at_end and not self.player.playing and self.whole:
            self.jump("start")
        self.player.toggle()

    def pause(self) -> None:
        if self.player.playing:
            self.player.toggle()

    def step(self, by: int, kind: Kind) -> bool:
        """To the next moment of this kind (1) or the one before (-1); false where there is none."""
        find = self.moments.after if by > 0 else self.moments.before
        found = find(self.at, kind)
        if found is not None:
            self._moment_us = None
            self.player.go_to(found)
        return found is not None

    def pass_hours(self, by: int) -> None:
        """To the next full hour of the run, or the one before."""
        hours = self.now_us // HOUR_US + 1 if by > 0 else -(-self.now_us // HOUR_US) - 1
        self.go_to_time(hours * HOUR_US)

    def go_to_time(self, elapsed_us: int) -> None:
        """Within the run; nowhere before its first record is known."""
        if self.known:
            self._moment_us = min(max(elapsed_us, 0), self.moments.end_us)
            self.player.go_to(self.moments.at_time(self._moment_us))

    def go_to(self, position: int) -> None:
        """Behind so many records, of those that are known by now."""
        if self.known:
            self._moment_us = None
            self.player.go_to(max(position, 1))

    def jump(self, where: Where) -> None:
        self._moment_us = None
        if where == "start":
            self.player.to_start()
        else:
            self.player.to_end()
        self._end = self.at if where == "end" else None

    def next_failure(self) -> bool:
        """Round at the end; false where nothing fails at all."""
        found = self.moments.after(self.at, "failure") or self.moments.after(0, "failure")
        if found is not None:
            self.go_to(found)
        return found is not None
