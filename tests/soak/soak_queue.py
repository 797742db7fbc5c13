"""Kills a queue's process at random moments, again and again, and counts messages.

`python tests/soak/soak_queue.py [--kills 300] [--seed N]`. Every message that was answered with 250 must reach the
sink; one that reaches it more than once must have been named as in doubt as often. A failure prints its seed: the
moments of the kills are drawn from it, though what the process has done by then is the machine's to say.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from smtplab.journal import Journal
from smtplab.mta.arrival import Arrival
from smtplab.mta.receive import Receiver
from smtplab.mta.rules import Rules
from smtplab.net.live import live_net
from smtplab.wire.reply import Reply, make_reply

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
HOST = "127.0.0.1"
CLIENTS = 4
LARGE_OCTETS = 100_000
START_S_MAX = 30.0
DRAIN_S_MAX = 60.0


class Sink:
    """Takes everything and counts by recipient; each message has a recipient of its own."""

    def __init__(self) -> None:
        self.arrived: Counter[str] = Counter()
        self.news = asyncio.Event()

    async def accept(self, arrival: Arrival) -> Reply:
        self.arrived.update(who.local for who in arrival.envelope.recipients)
        self.news.set()
        return make_reply(250, "taken", enhanced="2.0.0")


class Clients:
    """Send as fast as they are answered, until the connection breaks."""

    def __init__(self) -> None:
        self.accepted: set[str] = set()
        self._number = 0

    async def send(self, port: int) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                await self._talk(reader, writer)
            finally:
                writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def ask(text: bytes) -> None:
            writer.write(text)
            while (line := await reader.readuntil(b"\n"))[3:4] == b"-":
                pass
            assert line[:1] in b"23", line

        await ask(b"")
        await ask(b"EHLO client.example\r\n")
        while True:
            self._number += 1
            name = f"m{self._number}"
            # Now and then a content for the spool.
            octets = LARGE_OCTETS if self._number % 20 == 0 else 1000
            await ask(b"MAIL FROM:<a@client.example>\r\n")
            await ask(f"RCPT TO:<{name}@sink.example>\r\n".encode())
            await ask(b"DATA\r\n")
            await ask(f"Subject: {name}\r\n\r\n".encode() + b"x" * 70 + b"\r\n" * (octets // 72) + b".\r\n")
            self.accepted.add(name)


async def start(folder: Path, sink_port: int) -> tuple[asyncio.subprocess.Process, int]:
    """The runner's process and its port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(HERE / "runner.py"), str(folder), str(sink_port), "--pause", "0.2",
        stdout=asyncio.subprocess.PIPE, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(START_S_MAX):
        return process, int(await process.stdout.readline())


async def live_and_die(folder: Path, sink_port: int, clients: Clients, lives_s: float) -> None:
    process, port = await start(folder, sink_port)
    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(clients.send(port))
        await asyncio.sleep(lives_s)
        process.send_signal(signal.SIGKILL)
        await process.wait()


async def drain(folder: Path, sink: Sink, sink_port: int, clients: Clients) -> None:
    """A last life without visitors, until all has arrived; then an orderly end."""
    process, _ = await start(folder, sink_port)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S_MAX):
            while clients.accepted - set(sink.arrived):
                sink.news.clear()
                await sink.news.wait()
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0


def doubts(folder: Path) -> Counter[str]:
    """How often each message was named as in doubt."""
    path = folder / "doubts"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return Counter(line.split()[1].partition("@")[0] for line in lines)


async def soak(folder: Path, kills: int, seed: int) -> str:
    """A summary; raises AssertionError where a message was lost or doubled."""
    net, sink, clients, chance = live_net(), Sink(), Clients(), random.Random(seed)
    journal = Journal(time.time, keep=False)
    scope = journal.scope(node="sink.example", hop=0, span="receive", stage="connect")
    rules = Rules(hostname="sink.example")
    assert net.listener is not None
    listening = await net.listener.listen(HOST, 0, lambda: Receiver(rules, net, scope, sink.accept))
    for _ in range(kills):
        await live_and_die(folder, listening.endpoint.port, clients, chance.uniform(0.0, 0.4))
    await drain(folder, sink, listening.endpoint.port, clients)
    await listening.close()
    in_doubt = doubts(folder)
    lost = clients.accepted - set(sink.arrived)
    doubled = {name: number for name, number in sink.arrived.items() if number > 1 + in_doubt[name]}
    assert not lost, f"seed {seed}: lost {sorted(lost)}"
    assert not doubled, f"seed {seed}: doubled without a doubt {doubled}"
    twice = sum(number > 1 for number in sink.arrived.values())
    return (
        f"{kills} kills, {len(clients.accepted)} accepted, {sum(sink.arrived.values())} arrived, "
        f"{sum(in_doubt.values())} in doubt, {twice} of them twice, none lost"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(f"seed {arguments.seed}: {asyncio.run(soak(Path(folder), arguments.kills, arguments.seed))}")


if __name__ == "__main__":
    main()
