"""How quickly the walk screen answers keys over 10,000 records, and the first paint beside an empty app's.

    python tests/bench/bench_ui.py

Keys are timed from posting the key to the last paint that it caused; Pilot's own pauses don't count. First paints are
timed in fresh processes on a terminal of their own, in turns, from the start of the process to the text on the screen.
Exits with 1 where a bound is passed: 50 ms a key, 1.5 times the empty app's first paint.
"""

from __future__ import annotations

import asyncio
import os
import pty
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from textual import events
from textual.pilot import Pilot

from smtplab import events as ev
from smtplab.journal import Journal, Record
from smtplab.lab.feed import Ended
from smtplab.ui import garbage
from smtplab.ui.app import SmtplabApp
from smtplab.ui.screens.walk import WalkScreen
from smtplab.ui.walk import Walk

RECORDS = 10_000
KEY_MS_MAX = 50.0
PAINT_RATIO_MAX = 1.5
ROUNDS = 9
KEY_ROUNDS = 3
PATIENCE_S = 20.0

_MOVES = "end home end left left right space home end"
_LINES = "up down pageup pagedown " * 5
_REST = "m l l d d f i i r r g g end slash q u i t enter n N"
KEYS = tuple(f"{_MOVES} {_LINES} {_REST}".split())
SIZES = ((80, 24), (160, 48), (200, 60))

EMPTY = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("smtplab")
        yield Static("two")
        yield Static("three")
Empty().run()
"""
OURS = """
from pathlib import Path
from smtplab.ui.start import run
run(language="en", captures=Path({captures!r}))
"""


class Tape:
    kind = "capture"
    subject = "student@hust.example"
    gate = None
    ended: Ended | None = None

    def __init__(self, records: list[Record]) -> None:
        self.records = records

    async def run(self) -> Ended:
        self.ended = Ended(0)
        return self.ended


def story() -> list[Record]:
    """Session after session of one walk, with a refusal in each hundred."""
    ticks = iter(range(10_000_000))
    journal = Journal(lambda: next(ticks) / 100)
    hop = journal.scope(node="laptop.neu.example", hop=0, span="submit/1")
    while len(journal.records) < RECORDS:
        for fact in _session(refused=len(journal.records) % 100 < 11):
            hop(fact)
    return journal.records[:RECORDS]


def _session(*, refused: bool) -> Iterator[ev.Event]:
    yield ev.ConnectStarted("mx.hust.example", "10.0.0.25", 25)
    yield ev.Connected("mx.hust.example", "10.0.0.25", 25, 1.0)
    yield ev.ReplyReceived(220, None, ("mx.hust.example ESMTP",), 1.0)
    yield ev.StateChanged("connected", "greeted")
    yield ev.CommandSent("EHLO", "EHLO laptop.neu.example")
    yield ev.ReplyReceived(250, None, ("mx.hust.example", "PIPELINING", "SIZE 10485760"), 1.0, "EHLO")
    yield ev.StateChanged("greeted", "ready")
    yield ev.CommandSent("MAIL", "MAIL FROM:<teacher@neu.example>")
    yield ev.ReplyReceived(550 if refused else 250, None, ("5.7.1 no" if refused else "2.1.0 ok",), 1.0, "MAIL")
    yield ev.CommandSent("QUIT", "QUIT")
    yield ev.ReplyReceived(221, None, ("bye",), 1.0, "QUIT")
    yield ev.StateChanged("ready", "closed")
    yield ev.Disconnected("them", True)


class Watch:
    """Notes when an action was done and when the screen was painted."""

    def __init__(self, app: SmtplabApp) -> None:
        self.done = 0.0
        self.paints: list[float] = []
        display, run_action = app._display, app.run_action

        def watched_display(*arguments: Any) -> None:
            display(*arguments)
            self.paints.append(time.perf_counter())

        async def watched_action(*arguments: Any, **named: Any) -> bool:
            handled = await run_action(*arguments, **named)
            self.done = time.perf_counter()
            return handled

        app._display = watched_display  # type: ignore[method-assign]
        app.run_action = watched_action  # type: ignore[method-assign]

    def searches_of(self, walk: Walk) -> None:
        """What is typed into the search runs no action: it is done once the rows that hold it are found."""
        find = walk.find

        def watched_find(wanted: str, start: int = 0) -> list[int]:
            rows = find(wanted, start)
            self.done = time.perf_counter()
            return rows

        walk.find = watched_find  # type: ignore[method-assign]

    def ms_since(self, posted: float) -> float:
        """To the first paint after what the key did; 0 where it changed nothing that is seen."""
        after = (paint for paint in self.paints if paint > max(posted, self.done))
        return max(next(after, posted) - posted, 0.0) * 1000


async def key_times_ms(size: tuple[int, int], captures: Path) -> list[tuple[float, str]]:
    app = SmtplabApp("en", captures, Tape(story()))  # type: ignore[arg-type]
    watch = Watch(app)
    times: list[tuple[float, str]] = []
    async with app.run_test(size=size) as pilot:
        watch.searches_of(await _taken(app, pilot))
        for key in KEYS:
            posted = time.perf_counter()
            app.post_message(events.Key(key, key if len(key) == 1 else None))
            await pilot.pause()
            await pilot.pause()
            times.append((watch.ms_since(posted), key))
    return times


async def _taken(app: SmtplabApp, pilot: Pilot[None]) -> Walk:
    await pilot.pause()
    assert isinstance(app.screen, WalkScreen)
    while app.screen._walk.read_on():
        await asyncio.sleep(0)
    await pilot.press("home")
    return app.screen._walk


def first_paint_s(code: str) -> float:
    """From the start of a process to the word `smtplab` on its terminal."""
    started = time.perf_counter()
    ours, theirs = pty.openpty()
    environ = os.environ | {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=theirs, stdout=theirs, stderr=theirs, env=environ
    ) as process:
        os.close(theirs)
        try:
            return _until_painted(ours, started)
        finally:
            process.kill()
            os.close(ours)


def _until_painted(terminal: int, started: float) -> float:
    said = b""
    while time.perf_counter() - started < PATIENCE_S:
        if select.select([terminal], [], [], 1)[0]:
            said += os.read(terminal, 65536)
            # The title that is set before is no paint; what is painted moves the cursor first.
            if b"smtplab" in said.partition(b"\x1b[?1049h")[2]:
                return time.perf_counter() - started
    raise TimeoutError(said[-200:])


def main() -> int:
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            rounds = [asyncio.run(key_times_ms(size, Path(folder))) for _ in range(KEY_ROUNDS)]
            # Of each key pressed, the median of its rounds: a busy moment of the machine hits one round only.
            times = [(statistics.median(ms for ms, _ in one), one[0][1]) for one in zip(*rounds, strict=True)]
            (worst, key), single = max(times), max(max(times) for times in rounds)
            good &= worst < KEY_MS_MAX
            median = statistics.median(ms for ms, _ in times)
            print(
                f"keys at {size[0]}x{size[1]}, {RECORDS} records: median {median:.1f} ms, "
                f"worst {worst:.1f} ms ({key}); the slowest of all presses {single[0]:.1f} ms ({single[1]})"
            )
        ours, empty = [], []
        for _ in range(ROUNDS):
            empty.append(first_paint_s(EMPTY))
            ours.append(first_paint_s(OURS.format(captures=folder)))
    ratio = statistics.median(ours) / statistics.median(empty)
    good &= ratio < PAINT_RATIO_MAX
    print(
        f"first paint: ours {statistics.median(ours) * 1000:.0f} ms, an empty app with three widgets "
        f"{statistics.median(empty) * 1000:.0f} ms, ratio {ratio:.2f}"
    )
    return 0 if good else 1


if __name__ == "__main__":
    with garbage.seldom():  # as when the UI is opened
        sys.exit(main())
