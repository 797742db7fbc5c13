"""What `smtplab serve` takes in memory, and how long one client makes another wait.

`python tests/bench/bench_serve_room.py [--messages 200000]`: a thousand idle sessions in clear, messages of 1 KB by the
hundred thousand through ten sessions at a time with smtp-source, and a client that asks all the while that another
sends 50 MB, each to a server of its own that discards. Needs Debian's `postfix` for the second.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import get_args

from bench_serve import HOST, SESSIONS, found, running

from smtplab.events import Transfer
from smtplab.mta.inbox.recording import Recording
from smtplab.mta.receive import Receiver
from smtplab.mta.rules import Rules
from smtplab.net.live import live_net
from smtplab.net.ports import Endpoint
from smtplab.smtp.server import Limits
from smtplab.wire.reply import make_reply

IDLE = 1000
IDLE_KIB_MAX = 30.0
LARGE_OCTETS = 50_000_000
LARGE = b"Subject: large\r\n\r\n" + (b"x" * 76 + b"\r\n") * (LARGE_OCTETS // 78) + b".\r\n"
HEADERLESS = (b"x" * 76 + b"\r\n") * (LARGE_OCTETS // 78) + b".\r\n"
"""Of which nobody knows where its header ends."""
PIECE_OCTETS = 262_144
"""As uvloop reads."""
WAIT_MS_MAX = 50.0
GROWTH_KIB_MAX = 2048
"""What an allocator keeps by chance; a leak of one octet in a hundred a message would be as much."""
TURN = 20_000
"""Messages of ten sessions: each session's recording is as long as it gets. Then others come: what a session leaves
behind when it ends shows only where many end."""


def rss_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def hello(port: int) -> socket.socket:
    client = socket.create_connection((HOST, port), timeout=60)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    read_reply(client)
    client.sendall(b"EHLO bench.example\r\n")
    read_reply(client)
    return client


def read_reply(client: socket.socket) -> bytes:
    reply = b""
    while not any(line[3:4] == b" " for line in reply.split(b"\r\n")[:-1]):
        octets = client.recv(4096)
        if not octets:
            raise SystemExit("the server has closed")
        reply += octets
    return reply


def idle_sessions() -> float:
    """KiB each."""
    with running("serve --discard") as (pid, port):
        first = hello(port)
        before = rss_kib(pid)
        clients = [hello(port) for _ in range(IDLE)]
        kib = (rss_kib(pid) - before) / IDLE
        for client in (first, *clients):
            client.close()
    return kib


def growth(messages: int) -> tuple[int, int]:
    """KiB before and after."""
    with running("serve --discard") as (pid, port):
        source = [found("smtp-source"), "-d", "-s", str(SESSIONS), "-l", "1000"]
        turn = [*source, "-m", str(TURN), f"{HOST}:{port}"]
        for _ in range(3):  # Until the server remembers as many sessions as it ever does.
            subprocess.run(turn, check=True)
        before = rss_kib(pid)
        for _ in range(messages // TURN):
            subprocess.run(turn, check=True)
        return before, rss_kib(pid)


def waits() -> tuple[float, float, float, float]:
    """Milliseconds that a command took: the worst with nobody there, the worst and the median beside 50 MB; and the
    seconds that those took."""
    with running("serve --discard", "--max-size", str(2 * LARGE_OCTETS)) as (_, port), hello(port) as asker:
        asker.sendall(b"MAIL FROM:<a@b>\r\n")
        read_reply(asker)
        alone = max(asked_ms(asker) for _ in range(500))
        done = threading.Event()
        took: list[float] = []

        def send() -> None:
            with hello(port) as sender:
                begun = time.monotonic()
                for line in (b"MAIL FROM:<a@b>\r\n", b"RCPT TO:<c@d>\r\n", b"DATA\r\n"):
                    sender.sendall(line)
                    read_reply(sender)
                sender.sendall(LARGE)
                assert read_reply(sender).startswith(b"250")
                took.append(time.monotonic() - begun)
            done.set()

        thread = threading.Thread(target=send)
        thread.start()
        beside = []
        while not done.is_set():
            beside.append(asked_ms(asker))
        thread.join()
    return alone, max(beside), sorted(beside)[len(beside) // 2], took[0]


class SwallowingWire:
    """Takes what is written and goes nowhere."""

    local = peer = Endpoint(HOST, 25)
    full = False
    unsent_octets = 0

    def write(self, data: bytes) -> None:
        self.last = data

    def close(self) -> None:
        pass

    abort = pause = resume = close


async def longest_turn_ms(transfer: Transfer, large: bytes) -> float:
    """Of the processor's time that one read of a message of 50 MB keeps the loop: as long as that, others wait."""
    wire = SwallowingWire()
    recording = Recording(time.time, node="mx", session="1")
    rules = Rules(hostname="mx.bench.example", limits=Limits(message_octets=2 * LARGE_OCTETS))
    receiver = Receiver(rules, live_net(), recording.scope, lambda _: make_reply(250, "OK"))
    receiver.connected(wire)
    for line in (b"EHLO bench.example\r\n", b"MAIL FROM:<a@b>\r\n", b"RCPT TO:<c@d>\r\n"):
        receiver.received(line)
    content = large if transfer == "DATA" else large.removesuffix(b".\r\n")
    receiver.received(b"DATA\r\n" if transfer == "DATA" else b"BDAT %d LAST\r\n" % len(content))
    turns = []
    for start in range(0, len(content), PIECE_OCTETS):
        begun = time.thread_time()
        receiver.received(content[start : start + PIECE_OCTETS])
        turns.append(time.thread_time() - begun)
    assert wire.last == b"250 OK\r\n"
    receiver.ended(None)
    return max(turns) * 1000


def asked_ms(client: socket.socket) -> float:
    begun = time.perf_counter()
    # Neither a command that brings no message nearer, of which a server bears few, nor one that is refused for good.
    client.sendall(b"RCPT TO:<c@d>\r\n")
    client.recv(4096)
    return (time.perf_counter() - begun) * 1000


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=200_000)
    arguments = parser.parse_args()
    print(f"idle sessions in clear: {idle_sessions():.1f} KiB each (wanted: {IDLE_KIB_MAX})", flush=True)
    alone, worst, median, seconds = waits()
    print(f"a command alone: {alone:.1f} ms at worst", flush=True)
    print(
        f"beside 50 MB in {seconds:.1f} s: {worst:.1f} ms at worst, median {median:.1f} (wanted: {WAIT_MS_MAX})",
        flush=True,
    )
    for transfer in get_args(Transfer):
        turn = max(asyncio.run(longest_turn_ms(transfer, large)) for large in (LARGE, HEADERLESS))
        print(f"one read of it by {transfer} keeps the loop for {turn:.1f} ms of CPU at worst", flush=True)
    before, after = growth(arguments.messages)
    print(
        f"{arguments.messages} messages: {before} KiB before, {after} after (wanted: {GROWTH_KIB_MAX} more)", flush=True
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
