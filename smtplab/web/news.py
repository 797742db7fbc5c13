"""What changes in the inbox, told to everybody who listens; a slow listener is told to read anew, and delays nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec

from smtplab.lab.inbox import Inbox, MessageRow
from smtplab.web.desk import Desk
from smtplab.web.problems import Problem
from smtplab.web.shapes import MessagesGone

LOOK_S = 0.3
"""Between two looks, which cost 2 ms: a person takes it for at once. Nobody looks where nobody listens."""
LISTENERS_MAX = 64
"""Each is a connection and a hundred messages' rows."""
NEWS_MAX = 100
"""That wait for one listener; more, and he reads the list anew."""
ROWS_MAX = 50
"""New messages told one by one in one look; more at once are a reason to read the list anew."""
ALIVE_S = 15.0
"""A line that says nothing: proxies end a silent connection after 30 s or more."""

_encode = msgspec.json.Encoder().encode


class Standing(msgspec.Struct, frozen=True):
    """What an inbox is known by: anything else, and it has changed."""

    newest: int
    count: int
    sessions: int


class News:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._listeners: dict[int, asyncio.Queue[bytes | None]] = {}
        self._next = 0
        self._standing: Standing | None = None
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
        if self._standing is not None:
            self._standing = msgspec.structs.replace(self._standing, count=self._standing.count - len(ids))

    def close(self) -> None:
        """Every listener's stream ends."""
        self._over = True
        if self._looking is not None:
            self._looking.cancel()
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
        self._standing = None
        try:
            while self._listeners:
                try:
                    await self._look()
                except Problem:
                    pass  # The inbox is in use elsewhere, or in trouble: the next look may see more.
                await asyncio.sleep(LOOK_S)
        finally:
            self._looking = None

    async def _look(self) -> None:
        before = self._standing
        if before is None:
            self._standing = await self._desk.read(_standing)
            # What came before the first look has been told to nobody.
            self._tell("resync", b"{}")
            return
        standing, rows = await self._desk.read(lambda inbox: _since(inbox, before))
        if self._standing is not before:
            # Something was removed here meanwhile; what came is seen next time.
            return
        self._standing = standing
        if standing.count != before.count + len(rows):
            self._tell("resync", b"{}")
            return
        for row in rows:
            self._tell("message", _encode(row))
        if standing.sessions != before.sessions:
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


def _standing(inbox: Inbox) -> Standing:
    return Standing(inbox.newest(), inbox.count(), inbox.count_sessions())


def _since(inbox: Inbox, before: Standing) -> tuple[Standing, list[MessageRow]]:
    """What came since then, oldest first; nothing where it is too much to be told one by one."""
    standing = _standing(inbox)
    rows: list[MessageRow] = []
    if standing.newest > before.newest:
        for row in inbox.messages(f"{before.newest:X}" if before.newest >= 0 else ""):
            rows.append(row)
            if len(rows) > ROWS_MAX:
                return standing, []
    return standing, rows
