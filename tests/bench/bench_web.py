"""Whether the page of `smtplab serve --web` holds up mail: how long an EHLO waits, at rest and with the page at work.

`python tests/bench/bench_web.py [--seconds 5]`: 200 messages of 100 KB and two of 10 MB with a large HTML part; then
three clients of the page at once list, search every content, open a large message, and download one. Milliseconds per
EHLO of another client, median, 99th in a hundred and worst, between two rests; and the page's own memory.
"""

from __future__ import annotations

import argparse
import base64
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.serve.served import Dialogue, Served

HTML = b"<p>hello <b>world</b></p>\r\n" * 30_000
COMMANDS = 10
"""In one session: a server ends those that say the same for ever."""

VISITOR = """
import sys, threading, httpx
base, path = sys.argv[1:]
def visit():
    client = httpx.Client(base_url=base, timeout=60)
    while True:
        client.get(path)
for _ in range(3):
    threading.Thread(target=visit, daemon=True).start()
sys.stdin.read()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    seconds = parser.parse_args().seconds
    places = ("--listen", "127.0.0.1:0", "--web", "127.0.0.1:0", "--max-size", "20000000")
    with tempfile.TemporaryDirectory() as home, Served(Path(home), *places) as served:
        fill(served.port)
        large = next(row["id"] for row in served.inbox() if row["size"] > 5_000_000)
        work = {
            "lists": "/",
            "searches": "/api/v1/messages?q=nowhere-to-be-found",
            "opens 10 MB": f"/messages/{large}",
            "downloads 10 MB": f"/api/v1/messages/{large}/raw",
        }
        print(f"{'':18}{'median':>9}{'99 %':>9}{'worst':>9}   ms per EHLO")
        show("at rest", waits(served.port, seconds))
        for name, path in work.items():
            command = [sys.executable, "-c", VISITOR, f"http://127.0.0.1:{served.ports['http']}", path]
            with subprocess.Popen(command, stdin=subprocess.PIPE) as visitor:
                time.sleep(1.5)
                show(name, waits(served.port, seconds))
                visitor.kill()
        show("at rest again", waits(served.port, seconds))
        print(f"memory of the page's process: {page_memory(served.process.pid)} MiB at most")


def fill(port: int) -> None:
    lines = b"The quick brown fox jumps over the lazy dog, and over again.\r\n" * 1600
    data = base64.encodebytes(os.urandom(7_000_000)).replace(b"\n", b"\r\n")
    large = (
        b"Subject: large\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
        b"Content-Type: text/html\r\n\r\n" + HTML + b"--b\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + data + b"--b--"
    )
    for number in range(202):
        with Dialogue(port) as client:
            client.ehlo()
            assert client.send(large if number < 2 else b"Subject: %d\r\n\r\n" % number + lines) == 250


def waits(port: int, seconds: float) -> list[float]:
    """In milliseconds, the shortest first."""
    found: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with Dialogue(port) as client:
            for _ in range(COMMANDS):
                start = time.perf_counter()
                client.ehlo()
                found.append((time.perf_counter() - start) * 1000)
                time.sleep(0.002)
    return sorted(found)


def show(name: str, found: list[float]) -> None:
    print(f"{name:18}{found[len(found) // 2]:9.2f}{found[len(found) * 99 // 100]:9.2f}{found[-1]:9.2f}")


def page_memory(server: int) -> int:
    """The peak of the server's child, where the system tells."""
    children = Path(f"/proc/{server}/task/{server}/children")
    if not children.exists():
        return 0
    peaks = [
        int(line.split()[1]) // 1024
        for child in children.read_text().split()
        for line in Path(f"/proc/{child}/status").read_text().splitlines()
        if line.startswith("VmHWM")
    ]
    return max(peaks, default=0)


if __name__ == "__main__":
    main()
