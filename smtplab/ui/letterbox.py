"""The inbox behind the screen: read, searched and tidied in a thread of its own, so that no key waits for a disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from smtplab.lab.inbox_query import Query, parse_query
from smtplab.lab.mailroom import Counts, Item, Mailroom, Opened, Removed
from smtplab.view.letter import Letter, read_letter
from smtplab.view.sitting import transaction_of

Found = TypeVar("Found")


class Read(NamedTuple):
    """An item with its message taken apart; None for a session that brought none."""

    opened: Opened
    letter: Letter | None
    began: int
    """Where it begins among the session's records."""


class Letterbox:
    """Every method that waits may raise BadInput. What is shown changes only between two turns of the event loop."""

    def __init__(self, home: Path) -> None:
        self._room = Mailroom(home)
        self._thread = ThreadPoolExecutor(1, "inbox")
        self._query = Query()
        self._removed: list[tuple[Removed, ...]] = []
        self._typed = 0
        """Counts what was typed: an answer to an older question is not shown."""
        self.shown: tuple[Item, ...] = ()
        """Newest first, those that the filter admits."""
        self.searching = False
        self._found: tuple[str, tuple[Item, ...], Item | None] | None = None

    @property
    def items(self) -> tuple[Item, ...]:
        """All of them."""
        return self._room.items

    async def look(self) -> bool:
        """True where something came or went."""
        changed = await self._do(self._room.look)
        if changed:
            await self._sift()
        return changed

    async def filter(self, typed: str) -> None:
        """Heads are searched at once; contents when they have been read, if nothing else was typed meanwhile."""
        self._query = parse_query(typed)
        self.sift_heads()
        await self._sift()

    async def read(self, name: str) -> Read | None:
        """None where it is gone."""
        return await self._do(lambda: self._read(name))

    def show_seen(self, name: str, *, seen: bool) -> None:
        """At once; a server under load has the disk most of the time, and it is written when that is free."""
        self.shown = tuple(msgspec.structs.replace(item, seen=seen) if item.id == name else item for item in self.shown)

    async def mark_seen(self, name: str, *, seen: bool) -> None:
        """For good."""
        await self._do(lambda: self._room.mark_seen(name, seen=seen))

    async def take_out(self, names: tuple[str, ...]) -> int:
        """How many were there to be removed; `undo` brings them back."""
        removed = await self._do(lambda: self._room.take_out(names))
        self.shown = tuple(item for item in self.shown if item.id not in names)
        if removed:
            self._removed.append(removed)
        return len(removed)

    @property
    def can_undo(self) -> bool:
        return bool(self._removed)

    async def undo(self) -> tuple[str, ...]:
        """Brings back what was removed last: its ids."""
        if not self._removed:
            return ()
        removed = self._removed.pop()
        await self._do(lambda: self._room.put_back(removed))
        await self._sift()
        return tuple(one.id for one in removed)

    def item(self, name: str) -> Item | None:
        """Of those that are shown."""
        if self._found is None or self._found[0] != name or self._found[1] is not self.shown:
            # Asked for by every key of the footer: looked for once among a hundred thousand.
            item = next((item for item in self.shown if item.id == name), None) if name else None
            self._found = (name, self.shown, item)
        return self._found[2]

    @property
    def counts(self) -> Counts:
        return self._room.counts

    def sift_heads(self) -> None:
        """What heads alone tell."""
        admits, query = self._room.admits_by_head, self._query
        self.shown = self.items if query.is_empty else tuple(item for item in self.items if admits(item, query))

    def close(self) -> None:
        """Waits for what is under way."""
        self._typed += 1
        self._thread.submit(self._room.close)
        self._thread.shutdown()

    async def _sift(self) -> None:
        self._typed += 1
        mine, query = self._typed, self._query
        if query.is_empty or not query.words:
            self.sift_heads()
            return
        self.searching = True
        found = await self._do(lambda: self._room.matching(query, stop=lambda: self._typed != mine))
        if self._typed == mine:
            self.searching = False
            self.shown = found

    def _read(self, name: str) -> Read | None:
        opened = self._room.open(name)
        if opened is None:
            return None
        letter = read_letter(opened.raw) if opened.raw else None
        return Read(opened, letter, transaction_of(opened.records, name))

    async def _do(self, work: Callable[[], Found]) -> Found:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
