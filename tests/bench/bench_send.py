"""How fast `smtplab send --count` is beside smtplib, aiosmtplib and Postfix's smtp-source, all into one smtp-sink.

Run `python tests/bench/bench_send.py`. Every figure is of a whole process, its start-up included; the rounds take
turns, the medians are compared, and only ratios mean anything on a machine that is shared. What is not installed is
left out. `python tests/bench/bench_send.py N` takes N rounds.
"""

from __future__ import annotations

import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
SMALL, LARGE = (1000, 8000), (1_000_000, 200)
"""Octets and messages: issue 5 names both sizes."""

SMTPLIB = """
import smtplib, sys
port, count, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
content = open(path, "rb").read()
with smtplib.SMTP("127.0.0.1", port, "here.net") as client:
    for _ in range(count):
        client.sendmail("lan@here.net", ["an@real.net"], content)
"""

AIOSMTPLIB = """
import asyncio, aiosmtplib, sys
port, count, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
content = open(path, "rb").read()
async def some(number):
    options = dict(hostname="127.0.0.1", port=port, local_hostname="here.net", start_tls=False)
    async with aiosmtplib.SMTP(**options) as client:
        for _ in range(number):
            await client.sendmail("lan@here.net", ["an@real.net"], content)
async def main():
    await asyncio.gather(*(some(count // 10) for _ in range(10)))
asyncio.run(main())
"""


def commands(port: int, octets: int, count: int, path: Path) -> dict[str, list[str]]:
    """Name to the process that sends so many messages."""
    where = ["-s", f"127.0.0.1:{port}", "-t", "an@real.net", "-f", "lan@here.net", "-h", "here.net"]
    ours = [sys.executable, "-m", "smtplab", "send", *where, "--count", str(count), "--data", f"@{path}"]
    found = {
        "smtplab, 10 connections": [*ours, "--concurrency", "10"],
        "smtplab, 1 connection": ours,
        "smtplib, 1 connection": [sys.executable, "-c", SMTPLIB, str(port), str(count), str(path)],
        "aiosmtplib, 10 connections": [sys.executable, "-c", AIOSMTPLIB, str(port), str(count), str(path)],
    }
    path_of = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
    if source := shutil.which("smtp-source", path=path_of):
        # With -d it keeps its sessions, as the others do.
        options = ["-d", "-s", "10", "-m", str(count), "-l", str(octets), "-f", "lan@here.net", "-t", "an@real.net"]
        found["smtp-source, 10 connections"] = [source, *options, f"127.0.0.1:{port}"]
    return found


def measure(port: int, octets: int, count: int, folder: Path, environ: dict[str, str]) -> None:
    path = folder / f"{octets}.eml"
    line = b"The quick brown fox jumps over the lazy dog and writes a letter of it.\r\n"
    path.write_bytes(b"From: lan@here.net\r\nSubject: bench\r\n\r\n" + line * (octets // len(line)))
    seconds: dict[str, list[float]] = {}
    for number in range(ROUNDS + 1):
        turns = list(commands(port, octets, count, path).items())
        for name, command in turns if number % 2 else reversed(turns):
            started = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True, timeout=300, env=environ)
            if number == 0:
                continue
            seconds.setdefault(name, []).append(time.perf_counter() - started)
    rates = {name: count / statistics.median(taken) for name, taken in seconds.items()}
    print(f"{count} messages of {octets} octets, start-up included")
    for name, rate in sorted(rates.items(), key=lambda pair: -pair[1]):
        print(f"  {name:<28} {rate:>9.0f} messages a second {rate * octets / 1e6:>8.1f} MB/s")
    for ours, peer in (
        ("smtplab, 10 connections", "aiosmtplib, 10 connections"),
        ("smtplab, 10 connections", "smtp-source, 10 connections"),
        ("smtplab, 1 connection", "smtplib, 1 connection"),
    ):
        if peer in rates:
            print(f"  {ours} / {peer}: {rates[ours] / rates[peer]:.2f}")


def measure_cold(port: int, folder: Path, environ: dict[str, str]) -> None:
    """One message from a cold start, by CPU time and by the wall, beside importing smtplib and beside swaks."""
    path = folder / "cold.eml"
    path.write_bytes(b"From: lan@here.net\r\nSubject: bench\r\n\r\nOne line.\r\n")
    where = ["-s", f"127.0.0.1:{port}", "-t", "an@real.net", "-f", "lan@here.net", "-h", "here.net", "-d", f"@{path}"]
    found = {
        "import smtplib": [sys.executable, "-c", "import smtplib"],
        "smtplab send": [sys.executable, "-m", "smtplab", "send", *where],
    }
    if swaks := shutil.which("swaks"):
        found["swaks"] = [swaks, *where]
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in found}
    for number in range(3 * ROUNDS + 1):
        turns = list(found.items())
        for name, command in turns if number % 2 else reversed(turns):
            before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            subprocess.run(command, check=True, capture_output=True, timeout=60, env=environ)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            if number:
                taken[name].append((cpu, time.perf_counter() - started))
    medians = {name: [statistics.median(one) * 1000 for one in zip(*each, strict=True)] for name, each in taken.items()}
    print("one message from a cold start")
    for name, (cpu, wall) in medians.items():
        print(f"  {name:<28} {cpu:>9.0f} ms of CPU {wall:>9.0f} ms by the wall")
    for peer in ("import smtplib", "swaks"):
        if peer in medians:
            ratios = [ours / theirs for ours, theirs in zip(medians["smtplab send"], medians[peer], strict=True)]
            print(f"  smtplab send / {peer}: {ratios[0]:.2f} of CPU, {ratios[1]:.2f} by the wall")


def main() -> int:
    path_of = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
    sink = shutil.which("smtp-sink", path=path_of)
    if sink is None:
        print("smtp-sink is not installed: there is nothing to send to")
        return 0
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen([sink, *user, f"127.0.0.1:{port}", "100"])
    try:
        _wait_for(port)
        with tempfile.TemporaryDirectory() as folder:
            # Compiled modules are kept, as in any installation; the first round is for that and not counted.
            environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
            environ["PYTHONPYCACHEPREFIX"] = str(Path(folder, "compiled"))
            measure_cold(port, Path(folder), environ)
            for octets, count in (SMALL, LARGE):
                measure(port, octets, count, Path(folder), environ)
    finally:
        process.terminate()
        process.wait()
    return 0


def _wait_for(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("smtp-sink does not listen")


if __name__ == "__main__":
    sys.exit(main())
