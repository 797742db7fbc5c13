"""Reads the inbox for requests, in a few threads of its own, and holds back what would need too much memory at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from smtplab.lab.bad_input import BadInput
from smtplab.lab.inbox import Inbox, opened_inbox
from smtplab.web.problems import Problem

READERS = 2
"""Threads: the database reads one page at a time as fast as several, and mail has the same processor."""
WAITING_MAX = 64
"""Readings that wait for a thread; a list takes some 5 ms."""
OCTETS_MAX = 256 * 1024 * 1024
"""Of all messages that are being answered at once: a slow reader holds his until he has it. Five of the largest that
anybody sends, or a thousand ordinary ones; whoever comes then is asked to come again."""

Found = TypeVar("Found")


class Desk:
    def __init__(self, home: Path) -> None:
        self.home = home
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="inbox page")
        self._waiting = 0
        self._held = 0

    async def read(self, reading: Callable[[Inbox], Found]) -> Found:
        """In one transaction, which a Problem undoes. Raises Problem."""

        def work() -> Found:
            with opened_inbox(self.home) as inbox:
                return reading(inbox)

        try:
            return await self.do(work)
        except BadInput as trouble:
            raise Problem(503, "inbox-unreadable", "The inbox can't be read just now.") from trouble

    async def do(self, work: Callable[[], Found]) -> Found:
        """Whatever takes a while, in one of the threads. Raises Problem."""
        if self._waiting >= WAITING_MAX:
            raise Problem(503, "busy", "Too much is asked at once; come again in a moment.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, work)
        finally:
            self._waiting -= 1

    @asynccontextmanager
    async def room_for(self, octets: int) -> AsyncIterator[None]:
        """Memory for a message of so many octets, until the answer has gone. Raises Problem."""
        if self._held and self._held + octets > OCTETS_MAX:
            raise Problem(503, "busy", "Too many large messages are read at once; come again in a moment.")
        self._held += octets
        try:
            yield
        finally:
            self._held -= octets

    def close(self) -> None:
        """What is being read is read to its end, nothing more."""
        self._readers.shutdown(wait=False, cancel_futures=True)
