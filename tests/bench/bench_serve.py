"""How fast `smtplab serve` takes mail, beside Postfix's smtp-sink and aiosmtpd in the same run, from smtp-source.

`python tests/bench/bench_serve.py [--messages 10000] [--rounds 3]`: 10 sessions kept open; 1 KB, 100 KB and 1 MB
discarded, and 1 KB stored: ours in the inbox, aiosmtpd's in a Maildir, synced each. Messages a second, medians over
rounds that take turns, with CPU per message and peak memory; then the ratios that are wanted. Ours and aiosmtpd run on
uvloop where it is installed (the extra `fast`), else on asyncio's own loop. Needs Debian's `postfix`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

HOST = "127.0.0.1"
SESSIONS = 10
START_S_MAX = 15.0
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])

AIOSMTPD = """
import asyncio, os, sys, time
from aiosmtpd.smtp import SMTP
class Discard:
    async def handle_DATA(self, server, session, envelope):
        return "250 OK"
class Stored:
    count = 0
    async def handle_DATA(self, server, session, envelope):
        Stored.count += 1
        folder = sys.argv[2]
        name = f"{time.time()}.{os.getpid()}_{Stored.count}.here"
        with open(f"{folder}/tmp/{name}", "wb") as file:
            file.write(envelope.content)
            file.flush()
            os.fsync(file.fileno())
        os.rename(f"{folder}/tmp/{name}", f"{folder}/new/{name}")
        return "250 OK"
async def main():
    handler = Stored() if len(sys.argv) > 2 else Discard()
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(handler, hostname="here"), "127.0.0.1", int(sys.argv[1])
    )
    async with server:
        await server.serve_forever()
try:
    from uvloop import run
except ImportError:
    from asyncio import run
run(main())
"""


class Figures:
    """Of one server and one size, over the rounds."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.cpu_us: list[float] = []
        self.peak_kib = 0

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def cpu(self) -> float:
        return statistics.median(self.cpu_us)


def command_of(name: str, port: int, folder: Path) -> list[str]:
    python = sys.executable
    ours = [python, "-m", "smtplab", "serve", "--home", str(folder), "--listen", f"{HOST}:{port}"]
    match name:
        case "smtp-sink":
            user = ["-u", "nobody"] if os.geteuid() == 0 else []
            return [found("smtp-sink"), *user, f"{HOST}:{port}", "512"]
        case "aiosmtpd":
            return [python, "-c", AIOSMTPD, str(port)]
        case "aiosmtpd, Maildir":
            for part in ("tmp", "new", "cur"):
                (folder / part).mkdir()
            return [python, "-c", AIOSMTPD, str(port), str(folder)]
        case "serve --discard":
            return [*ours, "--discard"]
        case _:
            return ours


@contextlib.contextmanager
def running(name: str, *more: str) -> Iterator[tuple[int, int]]:
    """Its process id and port; `more` is said to it in addition."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
        free.close()
        process = subprocess.Popen([*command_of(name, port, Path(folder)), *more], stdout=subprocess.DEVNULL)
        try:
            wait_for(port)
            yield process.pid, port
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def wait_for(port: int) -> None:
    until = time.monotonic() + START_S_MAX
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port)):
            return
        time.sleep(0.02)
    raise SystemExit("a server did not start")


def found(program: str) -> str:
    path = shutil.which(program, path=PATH)
    if path is None:
        raise SystemExit(f"{program} is missing: apt install postfix")
    return path


def measure(name: str, messages: int, octets: int, figures: Figures) -> None:
    with running(name) as (pid, port):
        begun_s, cpu_s = time.monotonic(), cpu_of(pid)
        source = [found("smtp-source"), "-d", "-s", str(SESSIONS), "-m", str(messages), "-l", str(octets)]
        subprocess.run([*source, f"{HOST}:{port}"], check=True)
        figures.rates.append(messages / (time.monotonic() - begun_s))
        figures.cpu_us.append((cpu_of(pid) - cpu_s) / messages * 1e6)
        figures.peak_kib = max(figures.peak_kib, peak_of(pid))


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_of(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def compare(names: list[str], messages: int, octets: int, rounds: int) -> dict[str, Figures]:
    table = {name: Figures() for name in names}
    for _ in range(rounds):
        for name, figures in table.items():
            measure(name, messages, octets, figures)
    for name, figures in table.items():
        cpu_us = figures.cpu
        print(
            f"{octets:>8} octets  {name:<20} {figures.rate:>9.0f} messages/s {cpu_us:>8.0f} us CPU"
            f" {figures.peak_kib / 1024:>7.0f} MB at most",
            flush=True,
        )
    return table


def tell(what: str, ratio: float, wanted: float) -> None:
    print(f"{what}: {ratio:.2f} (wanted: {wanted})", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    messages, rounds = arguments.messages, arguments.rounds
    discarded = compare(["serve --discard", "smtp-sink", "aiosmtpd"], messages, 1000, rounds)
    stored = compare(["serve", "aiosmtpd, Maildir"], max(1, messages // 2), 1000, rounds)
    large = {
        octets: compare(["serve --discard", "smtp-sink"], max(1, messages // share), octets, rounds)
        for octets, share in ((100_000, 10), (1_000_000, 50))
    }
    ours = discarded["serve --discard"].rate
    tell("1 KB discarded, against smtp-sink", ours / discarded["smtp-sink"].rate, 0.6)
    tell("1 KB discarded, against aiosmtpd", ours / discarded["aiosmtpd"].rate, 5.0)
    # On a machine that others use too the rates say little; the processor's time says somewhat more.
    for peer in ("smtp-sink", "aiosmtpd"):
        ratio = discarded[peer].cpu / discarded["serve --discard"].cpu
        print(f"1 KB discarded, CPU of {peer} against ours: {ratio:.2f}", flush=True)
    tell("1 KB stored, against aiosmtpd's Maildir", stored["serve"].rate / stored["aiosmtpd, Maildir"].rate, 1.5)
    tell("1 KB stored, against 3,000 a second", stored["serve"].rate / 3000, 1.0)
    for octets, table in large.items():
        ratio = table["serve --discard"].rate / table["smtp-sink"].rate
        tell(f"{octets // 1000} KB discarded, against smtp-sink", ratio, 1.0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
