"""A server of our own as a process: takes mail on a loopback port into a durable queue, hands it on to another port.

`python tests/soak/runner.py FOLDER SINK_PORT [--loop uvloop] [--hold]` prints its port once it serves; SIGTERM ends it
cleanly. What is told of deliveries in doubt goes to `FOLDER/doubts`, a line each, synced.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import os
import signal
import sys
import time
from pathlib import Path

from smtplab.events import Judged
from smtplab.journal import Journal, Record
from smtplab.mta.mailbox import Mailboxes
from smtplab.mta.options import Routing, SessionOptions
from smtplab.mta.queue.manager import Office, Queue, Schedule
from smtplab.mta.receive import Receiver
from smtplab.mta.rules import Rules
from smtplab.mta.store.port import Trouble
from smtplab.mta.store.sql import open_store
from smtplab.net.live import live_net

HOST = "127.0.0.1"
RULES = Rules(hostname="queue.example")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("sink_port", type=int)
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="asyncio")
    parser.add_argument("--hold", action="store_true", help="take mail, deliver none")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between attempts")
    parser.add_argument("--profile", type=Path)
    return parser.parse_args()


class Doubts:
    """Keeps what the queue says of deliveries that a crash interrupted."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, record: Record) -> None:
        if isinstance(record.event, Judged) and record.event.check == "delivery-in-doubt":
            queue_id = record.span.partition("/")[2]
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{queue_id} {record.event.detail}\n")
                file.flush()
                os.fsync(file.fileno())


async def serve(arguments: argparse.Namespace) -> int:
    store = open_store(arguments.folder)
    if isinstance(store, Trouble):
        print(f"{store.reason} {store.detail}", file=sys.stderr)
        return 75
    net = live_net()
    journal = Journal(time.time, Doubts(arguments.folder / "doubts").read, keep=False)
    office = Office(
        hostname="queue.example",
        options=SessionOptions(helo="queue.example", tls="none", port=arguments.sink_port),
        routing=Routing(server=HOST, source="relay"),
        mailboxes=Mailboxes(),
        scope=journal.scope(node="queue.example", hop=0, span="", stage="queue"),
        net_at=lambda _hop: net,
        schedule=Schedule(pauses_s=(arguments.pause,)),
    )
    queue = Queue(office, store)
    scope = journal.scope(node="queue.example", hop=0, span="receive", stage="connect")
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    assert net.listener is not None
    async with asyncio.TaskGroup() as group:
        if not arguments.hold:
            group.create_task(queue.run())
        listening = await net.listener.listen(HOST, 0, lambda: Receiver(RULES, net, scope, queue.accept))
        print(listening.endpoint.port, flush=True)
        await stop.wait()
        await listening.close()
        queue.stop()
    await store.close()
    return 0


def main() -> int:
    arguments = parse()
    factory = None
    if arguments.loop == "uvloop":
        import uvloop  # noqa: PLC0415 - an extra

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        if arguments.profile is None:
            return runner.run(serve(arguments))
        profile = cProfile.Profile()
        try:
            return profile.runcall(runner.run, serve(arguments))
        finally:
            profile.dump_stats(arguments.profile)


if __name__ == "__main__":
    sys.exit(main())
