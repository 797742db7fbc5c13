"""Moving about in a world's run: `python tests/bench/bench_world.py`. All that a key on its screen reads anew."""

from __future__ import annotations

import statistics
import time

from smtplab import events as ev
from smtplab.journal import Journal, Record
from smtplab.lab.worlds import plan_of
from smtplab.ui import garbage
from smtplab.ui.world import WorldRun
from smtplab.view.texts import Texts

RECORDS = 20_000
ROUNDS = 5


def main() -> None:
    run = WorldRun(many_records(RECORDS), plan_of("campus"), Texts("en"))
    while run.read_on():
        pass
    run.jump("end")
    run.network()
    moves = {
        "back in time": lambda: run.go_to_time(run.moments.end_us // 3),
        "next failure": lambda: run.step(1, "failure"),
        "an hour back": lambda: run.pass_hours(-1),
        "to the start": lambda: run.jump("start"),
        "to the end": lambda: run.jump("end"),
        "a command back": lambda: run.step(-1, "command"),
    }
    spent: dict[str, list[float]] = {name: [] for name in moves}
    for _ in range(ROUNDS):
        for name, move in moves.items():
            began = time.perf_counter()
            move()
            run.network()
            run.nodes.knowledge("relay.hust.example", run.at)
            for row in range(max(run.count - 60, 0), run.count):
                run.log.draw(row)
            spent[name].append((time.perf_counter() - began) * 1000)
    told = ", ".join(f"{name} {statistics.median(times):.0f}" for name, times in spent.items())
    print(f"moving over {RECORDS} records of a world, ms (asked: under 50): {told}")


def many_records(count: int) -> list[Record]:
    """A relay that tries again and again, some thousand times."""
    now = [0.0]
    journal = Journal(lambda: 1_795_395_600.0 + now[0])
    relay = journal.scope(node="relay.hust.example", hop=1, span="deliver/1/mx1.neu.example")
    while len(journal.records) < count:
        now[0] += 30.0
        relay(ev.ConnectStarted("mx1.neu.example", "10.2.0.26", 25))
        relay(ev.CommandSent("EHLO", "EHLO relay.hust.example"))
        relay(ev.ReplyReceived(421, "4.3.0", ("4.3.0 later",), 1.0, "EHLO"))
        relay(ev.Disconnected("them", True))
    return journal.records


if __name__ == "__main__":
    with garbage.seldom():  # as when the UI is opened
        main()
