"""What changes in the inbox, told to everybody who listens; a slow listener is told to read anew, and delays nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from smtplab.mta.inbox.reader import UnreadableInbox
from smtplab.web.problems import Problem
from smtplab.web.shapes import MessagesGone
from smtplab.web.watch import Seen, Watch

LOOK_S = 0.3
"""Between two looks: a person takes it for at once. Nobody looks where nobody listens."""
LISTENERS_MAX = 64
"""Each is a connection and a hundred messages' rows."""
NEWS_MAX = 100
"""That wait for one listener; more, and he reads the list anew."""
ALIVE_S = 15.0
"""A line that says nothing: proxies end a silent connection after 30 s or more."""

_encode = msgspec.json.Encoder().encode


class News:
    def __init__(self, home: Path) -> None:
        self._home = home
        self._looker = ThreadPoolExecutor(1, thread_name_prefix="inbox news")
        self._listeners: dict[int, asyncio.Queue[bytes | None]] = {}
        self._next = 0
        self._gone = 0
        """Removed here since the last look."""
        self._looking: asyncio.Task[None] | None = None
        self._over = False

    def listen(self) -> AsyncIterator[bytes]:
        """Server-sent events, until the server ends. Raises Problem at once where too many listen."""
        if self._over or len(self._listeners) >= LISTENERS_MAX:
            raise Problem(503, "busy", "Too many listen already.")
        return self._told()

    def told_gone(self, ids: tuple[str, ...]) -> None:
        """Somebody has removed these here: it is told at once."""
        self._tell("deleted", _encode(MessagesGone(ids)))
        self._gone += len(ids)

    def close(self) -> None:
        """Every listener's stream ends."""
        self._over = True
        if self._looking is not None:
            self._looking.cancel()
        else:
            self._looker.shutdown(wait=False)
        for queue in self._listeners.values():
            _empty(queue)
            queue.put_nowait(None)

    async def _told(self) -> AsyncIterator[bytes]:
        self._next += 1
        number, queue = self._next, asyncio.Queue[bytes | None](NEWS_MAX)
        self._listeners[number] = queue
        try:
            if self._looking is None:
                self._looking = asyncio.create_task(self._look_on(), name="inbox page news")
            # Whoever comes back after a break has missed some.
            yield b"retry: 2000\n" + _event("resync", b"{}")
            while (news := await _next_of(queue)) is not None:
                yield news
        finally:
            self._listeners.pop(number, None)

    async def _look_on(self) -> None:
        """As long as anybody listens."""
        watch = Watch(self._home)
        self._gone = 0
        loop = asyncio.get_running_loop()
        try:
            while self._listeners:
                gone, self._gone = self._gone, 0
                try:
                    self._tell_seen(await loop.run_in_executor(self._looker, watch.look, gone))
                except UnreadableInbox:
                    pass  # In use elsewhere, or in trouble: the next look may see more.
                await asyncio.sleep(LOOK_S)
        finally:
            self._looking = None
            # In its own thread, behind whatever it is doing there.
            self._looker.submit(watch.close)
            if self._over:
                self._looker.shutdown(wait=False)

    def _tell_seen(self, seen: Seen) -> None:
        if seen.anew:
            self._tell("resync", b"{}")
        for row in seen.rows:
            self._tell("message", _encode(row))
        if seen.session:
            self._tell("session", b"{}")

    def _tell(self, name: str, data: bytes) -> None:
        event = _event(name, data)
        for queue in self._listeners.values():
            if queue.full():
                _empty(queue)
                queue.put_nowait(_event("resync", b"{}"))
            else:
                queue.put_nowait(event)


def _event(name: str, data: bytes) -> bytes:
    """JSON holds no line end, so it is one line of data."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data)


async def _next_of(queue: asyncio.Queue[bytes | None]) -> bytes | None:
    try:
        async with asyncio.timeout(ALIVE_S):
            return await queue.get()
    except TimeoutError:
        return b": still here\n\n"


def _empty(queue: asyncio.Queue[bytes | None]) -> None:
    while not queue.empty():
        queue.get_nowait()
