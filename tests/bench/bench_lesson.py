"""How soon a lesson opens, how soon a line typed by hand is answered, and how soon a goal ticks.

    python tests/bench/bench_lesson.py

Each round is a fresh process, so that what must be imported is paid for: F8 at home, Enter on the lesson, from the key
to the paint that shows its text. Then a line of a session by hand, from Enter to the paint that shows the reply. Then a
session by a program on loopback: from the event, as its record is dated, to the paint that shows the goal's tick.
Medians of the rounds, by the wall, and CPU time of this process where it waits for nobody else: other people's work
counts by the wall. Exits with 1 where a bound is passed: 300 ms of CPU to open, 100 ms to tick in the best round, for a
tick passes through two processes.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from smtplab.journal import Record
from smtplab.ui.app import SmtplabApp

OPEN_MS_MAX = 300.0
TICK_MS_MAX = 100.0
ROUNDS = 5
WAIT_S = 30.0
READING_S = 1.0
SIZE = (120, 40)


async def once() -> dict[str, float]:
    """One round, in this process."""
    with tempfile.TemporaryDirectory() as home:
        app = SmtplabApp("en", Path(home) / "captures")
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause()
            found = {}
            found["list_ms"], found["list_cpu_ms"] = await _timed(pilot, "f8", lambda: _shows(app, "Finding the way"))
            await pilot.press("down", "down")
            # Nobody reads what a lesson is about in less.
            await asyncio.sleep(READING_S)
            found["open_ms"], found["open_cpu_ms"] = await _timed(
                pilot, "enter", lambda: _shows(app, "SMTP is a conversation in text")
            )
            found["line_ms"] = await _line(app, pilot)
            found["tick_ms"] = await _tick(app, pilot)
            return found


def _shows(app: SmtplabApp, text: str) -> bool:
    return any(text in strip.text for strip in app.screen._compositor.render_strips())


async def _until(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not holds():
            await asyncio.sleep(0.005)


async def _timed(pilot: Pilot[None], key: str, holds: Callable[[], bool]) -> tuple[float, float]:
    """From the key to what it is to bring about, milliseconds by the wall and of CPU."""
    start, busy = time.perf_counter(), time.process_time()
    pilot.app.simulate_key(key)
    await _until(pilot, holds)
    return (time.perf_counter() - start) * 1000, (time.process_time() - busy) * 1000


async def _line(app: SmtplabApp, pilot: Pilot[None]) -> float:
    while not _shows(app, "Your turn to speak"):
        await pilot.press("f8")
    await _until(pilot, lambda: _shows(app, "220 mail.away.example"))
    await pilot.press("f6", *"HELO")
    taken, _ = await _timed(pilot, "enter", lambda: _shows(app, "501 "))
    return taken


async def _tick(app: SmtplabApp, pilot: Pilot[None]) -> float:
    """The slowest of the goals that a session on loopback reaches."""
    from smtplab.ui.screens.lesson import LessonScreen  # noqa: PLC0415 (what it takes to import is timed)
    from smtplab.ui.widgets.programs import Programs  # noqa: PLC0415

    screen = app.screen
    assert isinstance(screen, LessonScreen)
    known: list[Record] = []
    read = screen.sitting.attempt.read_outside

    def hear(records: list[Record]) -> bool:
        known.extend(records)
        return read(records)

    screen.sitting.attempt.read_outside = hear  # type: ignore[method-assign, assignment]
    await pilot.press("f9")
    await _until(pilot, lambda: isinstance(screen.stage, Programs) and _shows(app, "smtplab session"))
    assert isinstance(screen.stage, Programs)
    place = next(one for one in screen.stage._stood.opened if one.node == "mail.away.example")  # type: ignore[union-attr]
    reader, writer = await asyncio.open_connection(place.host, place.port)
    await reader.readline()
    late = []
    for line, goals in (("HELO x", 0), ("MAIL FROM:<lan@home.example>", 2), ("RCPT TO:<minh@away.example>", 3)):
        writer.write(line.encode() + b"\r\n")
        await reader.readline()
        if goals:
            await _until(pilot, lambda goals=goals: _shows(app, f"Goals, {goals} of 5"))  # type: ignore[misc]
            # Seconds since the epoch, as the process that serves the world dated the server's reply.
            reply = next(one for one in reversed(known) if one.event.__class__.__name__ == "ReplySent")
            late.append(time.time() - reply.time_us / 1e6)
    writer.close()
    return max(late) * 1000


def main() -> int:
    """Rounds in processes of their own."""
    if sys.argv[1:] == ["once"]:
        print(json.dumps(asyncio.run(once())))
        return 0
    rounds = []
    for _ in range(ROUNDS):
        said = subprocess.run([sys.executable, __file__, "once"], stdout=subprocess.PIPE, check=True, text=True).stdout
        rounds.append(json.loads(said.splitlines()[-1]))
    found = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    for name, said in (
        ("list_ms", "F8 to the list of lessons"),
        ("list_cpu_ms", "  of that, CPU time of this process"),
        ("open_ms", "Enter to the lesson's text"),
        ("open_cpu_ms", "  of that, CPU time of this process"),
        ("line_ms", "a line by hand to its reply"),
        ("tick_ms", "an event on loopback to the goal's tick (slowest of two)"),
    ):
        each = [one[name] for one in rounds]
        print(f"{said:<60} {found[name]:7.1f} ms   best {min(each):7.1f}   worst {max(each):7.1f}")
    best_tick_ms = min(one["tick_ms"] for one in rounds)
    return int(found["open_cpu_ms"] > OPEN_MS_MAX or best_tick_ms > TICK_MS_MAX)


if __name__ == "__main__":
    sys.exit(main())
