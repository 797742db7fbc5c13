"""How fast the server's half is by itself, records on: messages of 1 KB a second, and octets a second of larger ones.

Run `python tests/bench/bench_core.py`; `--profile` shows where the time goes. The figures are medians over rounds
that take turns, so that a busy moment of the machine hits all of them alike.
"""

from __future__ import annotations

import cProfile
import pstats
import statistics
import sys
import time
from collections.abc import Callable

from smtplab.events import RuleBroken
from smtplab.journal import Journal
from smtplab.smtp.server import Asked, ContentReceived, Server
from smtplab.wire.reply import make_reply

ROUNDS = 7
MESSAGES = 2000
PIECE_OCTETS = 65536
MESSAGES_A_SECOND_MIN = 30_000
"""Issue 2: below this the core would be what holds a server back."""

LINE = b"The quick brown fox jumps over the lazy dog and writes a letter about it.\r\n"
OK = make_reply(250, "OK", enhanced="2.0.0")
GO_ON = make_reply(354, "End data with <CR><LF>.<CR><LF>")
ENVELOPE = (b"MAIL FROM:<sender@hust.example> SIZE=1024\r\n", b"RCPT TO:<student@neu.example>\r\n", b"DATA\r\n")


def make_message(octets: int) -> bytes:
    head = b"From: sender@hust.example\r\nTo: student@neu.example\r\nSubject: bench\r\n\r\n"
    return head + LINE * ((octets - len(head)) // len(LINE))


def make_server() -> tuple[Server, Journal]:
    journal = Journal(time.time)
    server = Server(
        emit=journal.scope(node="mx", hop=1, span="in/1"),
        monotonic=time.monotonic,
    )
    server.greet(make_reply(220, "mx.neu.example ESMTP"))
    server.receive(b"EHLO relay.hust.example\r\n")
    server.next_event()
    server.offer(("PIPELINING", "SIZE 10485760", "8BITMIME"))
    server.reply(make_reply(250, "mx.neu.example", "PIPELINING", "SIZE 10485760", "8BITMIME"))
    return server, journal


def answer_all(server: Server, piece: bytes) -> int:
    """Answer all that is asked, at once, as a driver does; how many messages came whole."""
    messages = 0
    request = server.hear(piece)
    while request is not None:
        if type(request) is Asked:
            server.reply(GO_ON if request.verb == "DATA" else request.refusal or OK, True)
        elif type(request) is ContentReceived:
            messages += 1
            server.reply(request.refusal or OK, True)
        request = server.next_event()
    return messages


def feed(pieces: list[bytes], rounds: int) -> float:
    """Seconds that the server needs for these pieces, one after the other, so many times."""
    server, journal = make_server()
    came = 0
    start = time.perf_counter()
    for number in range(rounds):
        for piece in pieces:
            came += answer_all(server, piece)
        if number % 100 == 99:
            journal.records.clear()  # what a server does that hands its records on
    seconds = time.perf_counter() - start
    assert came == rounds, came
    assert not any(isinstance(record.event, RuleBroken) for record in journal.records)
    return seconds


def small(pipelined: bool) -> float:
    """Messages a second."""
    content = make_message(1024) + b".\r\n"
    pieces = [b"".join(ENVELOPE), content] if pipelined else [*ENVELOPE, content]
    return MESSAGES / feed(pieces, MESSAGES)


def large(octets: int, rounds: int) -> float:
    """Octets a second, fed in pieces as a socket gives them."""
    content = make_message(octets) + b".\r\n"
    pieces = [b"".join(ENVELOPE), *(content[at : at + PIECE_OCTETS] for at in range(0, len(content), PIECE_OCTETS))]
    return rounds * len(content) / feed(pieces, rounds)


MEASURES: dict[str, Callable[[], float]] = {
    "1 KB lockstep": lambda: small(pipelined=False),
    "1 KB pipelined": lambda: small(pipelined=True),
    "100 KB": lambda: large(100_000, 300),
    "10 MB": lambda: large(10_000_000, 3),
}


def main() -> int:
    if "--profile" in sys.argv:
        profile = cProfile.Profile()
        profile.runcall(small, pipelined=False)
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        return 0
    rounds: dict[str, list[float]] = {name: [] for name in MEASURES}
    for _ in range(ROUNDS):
        for name, measure in MEASURES.items():
            rounds[name].append(measure())
    medians = {name: statistics.median(figures) for name, figures in rounds.items()}
    for name in ("1 KB lockstep", "1 KB pipelined"):
        print(f"{name:15} {medians[name]:12,.0f} messages/s")
    for name in ("100 KB", "10 MB"):
        print(f"{name:15} {medians[name] / 1e6:12,.0f} MB/s")
    # Of each round by itself: the two stand next to each other in time.
    ratio = statistics.median(big / little for big, little in zip(rounds["10 MB"], rounds["100 KB"], strict=True))
    print(f"10 MB / 100 KB  {ratio:12.2f} octets/s each (1 or more: no slower per byte)")
    return 0 if medians["1 KB lockstep"] >= MESSAGES_A_SECOND_MIN and ratio >= 1 else 1


if __name__ == "__main__":
    sys.exit(main())
