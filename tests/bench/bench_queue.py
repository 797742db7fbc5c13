"""How fast the durable queue takes mail and hands it on, beside Postfix in the same run: 1 KB, 10 sessions, smtp-sink.

`python tests/bench/bench_queue.py [--messages 2000] [--rounds 3]`. Three figures, medians over rounds that take turns:
messages a second accepted and synced by a queue that only takes, accepted by one that delivers meanwhile, and
delivered onward, from the first connection until the sink has them all and the queue is empty. Then how soon a queue
with 100,000 messages serves after a restart. Needs smtp-source, smtp-sink and Postfix (root, on Debian: `postfix`).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from smtplab.mta.envelope import Envelope
from smtplab.mta.store.port import Entry, Put
from smtplab.mta.store.sql import SqlStore, open_store
from smtplab.wire.address import Mailbox

HOST = "127.0.0.1"
ROOT = Path(__file__).parent.parent.parent
RUNNER = ROOT / "tests" / "soak" / "runner.py"
SESSIONS = 10
OCTETS = 1000
ACCEPTED_A_SECOND_MIN = 3000
TIMES_POSTFIX_MIN = 1.5
RESTART_S_MAX = 2.0
QUEUED = 100_000
WAIT_S_MAX = 120.0
PATIENCE_S = 0.02

MAIN_CF = """compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = postfix.example
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
relayhost = [127.0.0.1]:{sink}
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtp_tls_security_level = none
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
"""
MASTER_CF = """127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        return int(sock.getsockname()[1])


def wait_for(port: int) -> None:
    end = time.monotonic() + WAIT_S_MAX
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=2) as sock:
            if sock.recv(512).startswith(b"220"):
                return
        time.sleep(PATIENCE_S)
    raise TimeoutError(f"nothing serves on port {port}")


@contextlib.contextmanager
def sink() -> Iterator[int]:
    port = free_port()
    drop = ["-u", "nobody"] if os.geteuid() == 0 else []
    with subprocess.Popen(["smtp-sink", *drop, f"{HOST}:{port}", "1000"]) as process:
        try:
            wait_for(port)
            yield port
        finally:
            process.terminate()


@contextlib.contextmanager
def ours(folder: Path, sink_port: int, *options: str) -> Iterator[int]:
    command = [sys.executable, str(RUNNER), str(folder), str(sink_port), *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(WAIT_S_MAX)


@contextlib.contextmanager
def postfix(folder: Path, sink_port: int) -> Iterator[int]:
    port = free_port()
    for name in ("conf", "queue", "data"):
        (folder / name).mkdir(parents=True)
    # Its daemons run as a user of their own, who must be able to walk in.
    folder.chmod(0o755)
    shutil.chown(folder / "data", "postfix")
    (folder / "conf" / "main.cf").write_text(MAIN_CF.format(folder=folder, sink=sink_port))
    (folder / "conf" / "master.cf").write_text(MASTER_CF.format(port=port))
    command = ["postfix", "-c", str(folder / "conf")]
    subprocess.run([*command, "start"], check=True, capture_output=True)
    try:
        wait_for(port)
        yield port
    finally:
        subprocess.run([*command, "stop"], check=False, capture_output=True)


def source(port: int, messages: int) -> float:
    """Seconds until all are accepted."""
    command = ["smtp-source", "-4", "-d", "-s", str(SESSIONS), "-m", str(messages), "-l", str(OCTETS)]
    start = time.perf_counter()
    subprocess.run([*command, "-f", "a@client.example", "-t", "b@sink.example", f"{HOST}:{port}"], check=True)
    return time.perf_counter() - start


def rows(folder: Path) -> int:
    with contextlib.closing(sqlite3.connect(folder / "queue.sqlite")) as connection:
        return int(connection.execute("SELECT count(*) FROM messages").fetchone()[0])


def files(folder: Path) -> int:
    return sum(
        len(names) for part in ("incoming", "active", "deferred") for _, _, names in os.walk(folder / "queue" / part)
    )


def timed(port: int, messages: int, left: object, folder: Path) -> tuple[float, float]:
    """Accepted and delivered a second."""
    start = time.perf_counter()
    accepted_s = source(port, messages)
    assert callable(left)
    while left(folder):
        assert time.perf_counter() - start < WAIT_S_MAX, "the queue does not empty"
        time.sleep(PATIENCE_S)
    return messages / accepted_s, messages / (time.perf_counter() - start)


def measure(messages: int, rounds: int, loop: str) -> None:
    only, takes, delivers, peer_takes, peer_delivers = [], [], [], [], []
    with_postfix = shutil.which("postfix") is not None and os.geteuid() == 0
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as name, sink() as sink_port:
            folder = Path(name)
            folder.chmod(0o755)
            with ours(folder / "only", sink_port, "--loop", loop, "--hold") as port:
                only.append(messages / source(port, messages))
            with ours(folder / "ours", sink_port, "--loop", loop) as port:
                figures = timed(port, messages, rows, folder / "ours")
            takes.append(figures[0])
            delivers.append(figures[1])
            if with_postfix:
                with postfix(folder / "postfix", sink_port) as port:
                    figures = timed(port, messages, files, folder / "postfix")
                peer_takes.append(figures[0])
                peer_delivers.append(figures[1])
    median = statistics.median
    verdict = "" if median(only) >= ACCEPTED_A_SECOND_MIN else f"  BELOW {ACCEPTED_A_SECOND_MIN}"
    print(f"accepted and synced       {median(only):8.0f} /s   ({loop}){verdict}")
    print(f"accepted while delivering {median(takes):8.0f} /s")
    print(f"delivered onward          {median(delivers):8.0f} /s")
    if not with_postfix:
        print("Postfix: not measured, it is not installed or we are not root")
        return
    ratio = median(delivers) / median(peer_delivers)
    verdict = "" if ratio >= TIMES_POSTFIX_MIN else f"  BELOW {TIMES_POSTFIX_MIN}"
    taking = median(takes) / median(peer_takes)
    print(f"Postfix accepted          {median(peer_takes):8.0f} /s   ours / Postfix {taking:.2f}")
    print(f"Postfix delivered onward  {median(peer_delivers):8.0f} /s   ours / Postfix {ratio:.2f}{verdict}")


async def fill(folder: Path) -> None:
    """As many messages as a bad day leaves, half of them due, some interrupted by a crash."""
    store = open_store(folder)
    assert isinstance(store, SqlStore)
    now = time.time()
    content = b"Subject: queued\r\n\r\n" + b"x" * OCTETS
    for start in range(1, QUEUED + 1, 5000):
        puts = []
        for number in range(start, start + 5000):
            envelope = Envelope(Mailbox("a", "client.example"), (Mailbox("b", f"d{number % 1000}.example"),), b"")
            due = now - 60 if number % 2 else now + 86400
            entry = Entry(
                queue_id=f"{number:X}", envelope=envelope, octets=OCTETS, hop=1, arrived_at=now - 3600,
                next_attempt_at=due, state="active" if number <= 20_000 else "deferred", attempts=1,
            )  # fmt: skip
            puts.append(Put(entry, content))
        assert await store.apply(puts) is None
    await store.close()


def measure_restart(loop: str) -> None:
    with tempfile.TemporaryDirectory() as name, sink() as sink_port:
        folder = Path(name) / "full"
        asyncio.run(fill(folder))
        start = time.perf_counter()
        with ours(folder, sink_port, "--loop", loop) as port:
            wait_for(port)
            source(port, 1)
            served_s = time.perf_counter() - start
            while rows(folder) >= QUEUED:
                time.sleep(PATIENCE_S)
            delivering_s = time.perf_counter() - start
    verdict = "" if served_s <= RESTART_S_MAX else f"  ABOVE {RESTART_S_MAX}"
    print(f"restart with {QUEUED:,} queued: took a message after {served_s:.2f} s{verdict}")
    print(f"                  and delivered one after {delivering_s:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if shutil.which("smtp-source") is None:
        print("not measured: smtp-source and smtp-sink are missing")
        return
    loop = "uvloop" if importlib.util.find_spec("uvloop") else "asyncio"
    measure(arguments.messages, arguments.rounds, loop)
    measure_restart(loop)


if __name__ == "__main__":
    main()
