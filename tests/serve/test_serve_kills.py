"""A server that is killed under load has every message on disk that got its 250."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
from pathlib import Path

import pytest

from tests.serve.served import Dialogue, Served

KILLS = int(os.environ.get("SMTPLAB_KILLS", "20"))
"""`make soak` does several hundred."""
SESSIONS = 4


def load(port: int, name: str, taken: list[str]) -> None:
    """Sends until the server is gone; notes what was answered with 250."""
    try:
        with Dialogue(port) as client:
            client.ehlo()
            for number in range(100_000):
                subject = f"{name}-{number}"
                filling = b"\r\n" + b"x" * 998
                content = f"Subject: {subject}\r\n\r\n".encode() + filling * random.choice((0, 1, 100))
                if client.send(content) != 250:
                    return
                taken.append(subject)
    except (OSError, AssertionError):
        return


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a matter of POSIX")
def test_no_message_that_got_its_250_is_missing_after_a_kill(tmp_path: Path):
    chance = random.Random(20261123)
    taken: list[str] = []
    for kill in range(KILLS):
        with Served(tmp_path) as served:
            clients = [
                threading.Thread(target=load, args=(served.port, f"{kill}-{number}", taken))
                for number in range(SESSIONS)
            ]
            for client in clients:
                client.start()
            clients[0].join(chance.uniform(0.05, 0.3))
            served.process.send_signal(signal.SIGKILL)
            for client in clients:
                client.join()
            served.process.communicate(timeout=30)
    with Served(tmp_path) as served:
        rows = served.inbox()
        last = rows[-1]
        assert len(served.smtplab("inbox", "raw", last["id"]).stdout) == last["size"]
    there = [row["subject"] for row in rows]
    assert len(taken) > KILLS
    assert set(taken) <= set(there)
    assert len(there) == len(set(there))
    # At most what was under way when it was killed is there without its sender's knowing.
    assert len(there) - len(taken) <= KILLS * SESSIONS


@pytest.mark.skipif(sys.platform == "win32", reason="its end is told by POSIX signals")
def test_ended_under_load_it_has_what_got_250_and_tells_the_others_421(tmp_path: Path):
    taken: list[str] = []
    with Served(tmp_path) as served:
        with Dialogue(served.port) as idle:
            idle.ehlo()
            clients = [threading.Thread(target=load, args=(served.port, str(number), taken)) for number in range(4)]
            for client in clients:
                client.start()
            clients[0].join(0.3)
            served.process.send_signal(signal.SIGTERM)
            assert idle.reply() == 421
        for client in clients:
            client.join()
        out, err = served.process.communicate(timeout=30)
        assert (served.process.returncode, out, err) == (0, b"", b"")
        rows = served.inbox()
        sessions = served.inbox("list", "--sessions")
    assert sorted(row["subject"] for row in rows) == sorted(taken)
    assert sorted(one for session in sessions for one in session["messages"]) == sorted(row["id"] for row in rows)
