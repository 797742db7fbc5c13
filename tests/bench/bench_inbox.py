"""How quickly the inbox screen answers keys over 20,000 messages, while a server takes mail in beside it.

    python tests/bench/bench_inbox.py

The server is the one of `serve --ui`, in a process of its own; three clients send to it without a pause. Keys are timed
as in `bench_captures`, in this process' own time, its reading thread's with it; the wall's stands beside it, and is the
same on a machine with cores enough. Exits with 1 where a key takes more than 50 ms.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench_captures import Busy, _pressed, _until  # noqa: E402

from smtplab.lab.serve_request import Place, ServeRequest  # noqa: E402
from smtplab.lab.served import Served  # noqa: E402
from smtplab.ui import garbage  # noqa: E402
from smtplab.ui.app import SmtplabApp  # noqa: E402
from smtplab.ui.screens.inbox import InboxScreen  # noqa: E402
from tests.lab.inboxes import Server  # noqa: E402

MESSAGES = 20_000
KEY_MS_MAX = 50.0
CLIENTS = 3
SIZES = ((80, 24), (160, 48))
_KEYS = "down down down up pagedown pagedown pageup end up home down 2 3 4 5 6 1 u u space down"
KEYS = tuple(_KEYS.split(" "))

LOAD = """
import sys, threading, time
sys.path.insert(0, {root!r})
from tests.serve.served import Dialogue  # noqa: E402
def send():
    with Dialogue({port}) as client:
        client.ehlo()
        while True:
            client.send(b"Subject: under load\\r\\n\\r\\n" + b"x" * 900)
            print(flush=True)
for _ in range({clients}):
    threading.Thread(target=send, daemon=True).start()
sys.stdin.read()
"""


async def fill(home: Path) -> None:
    server = Server(home)
    for start in range(0, MESSAGES, 500):
        await asyncio.gather(*(server.message(f"number {start + n}", body=b"x" * 900) for n in range(500)))
    await server.close()


class Load:
    """Clients that send, in a process of their own, until told to stop."""

    def __init__(self, port: int) -> None:
        code = LOAD.format(root=str(ROOT), port=port, clients=CLIENTS)
        self._process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._started = time.perf_counter()

    def stop(self) -> float:
        """Messages a second."""
        took = time.perf_counter() - self._started
        said, _ = self._process.communicate(b"")
        return said.count(b"\n") / took


async def measured(size: tuple[int, int], home: Path, served: Served) -> list[tuple[float, float, str]]:
    app = SmtplabApp("en", home / "captures", "inbox")
    app.given = served
    watch = Busy(app)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        screen = app.screen
        assert isinstance(screen, InboxScreen)
        await _until(pilot, lambda: len(screen._box.items) >= MESSAGES)
        await pilot.pause(0.5)
        return [await _pressed(app, pilot, watch, key) for key in KEYS]


def main() -> int:
    good = True
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        asyncio.run(fill(home))
        served = Served()
        served.start(ServeRequest(home=home, places=(Place("smtp", "127.0.0.1", 0),)))
        served.wait_until_ready()
        try:
            for size in SIZES:
                for loaded in (False, True):
                    load = Load(served.places[0].port) if loaded else None
                    times = asyncio.run(measured(size, home, served))
                    rate = 0.0 if load is None else load.stop()
                    worst, wall, key = max(times)
                    median = statistics.median(ms for ms, _, _ in times)
                    print(
                        f"{size[0]}x{size[1]}, {MESSAGES} messages, {rate:.0f} more a second: keys median "
                        f"{median:.1f} ms, worst {worst:.1f} ms ({key}; by the wall {wall:.1f} ms)"
                    )
                    good &= worst < KEY_MS_MAX
        finally:
            served.stop()
    return 0 if good else 1


if __name__ == "__main__":
    with garbage.seldom():  # as when the UI is opened
        sys.exit(main())
