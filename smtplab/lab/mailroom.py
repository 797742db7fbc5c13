"""The inbox as a screen or a page shows it: newest first, kept up to date while a server works, searched and tidied."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from smtplab.journal import Record
from smtplab.lab.inbox import bad_inbox
from smtplab.lab.inbox_query import Query, head_of
from smtplab.lab.inbox_words import holds_all
from smtplab.mta.inbox.port import number_of
from smtplab.mta.inbox.reader import Inbox, MessageRow, Removed, UnreadableInbox, Visitor
from smtplab.mta.inbox.sessions import SessionRow
from smtplab.view.folding import folded
from smtplab.view.sitting import Ending, ending_of

LATELY = 30_000 << 20
"""Ids begin with milliseconds, and a session gets its own at its beginning: a longer one is found by the counts."""

ENDINGS_READ_MAX = 1_000
"""Sessions without a message whose end is read at one look, the newest: some 0.2 s, for which nobody waits."""


__all__ = ["Item", "Mailroom", "MessageRow", "Opened", "Removed", "SessionRow"]


class Item(msgspec.Struct, frozen=True):
    """A line of the inbox."""

    row: MessageRow | SessionRow
    """A message; or a session that has ended and brought none."""
    seen: bool
    ending: Ending | None = None
    """Of a session; None where it was not read."""

    @property
    def id(self) -> str:
        return self.row.id

    @property
    def failed(self) -> bool:
        """A session that was refused, or broken off."""
        return self.ending is not None and self.ending.failed

    @property
    def time(self) -> str:
        """ISO 8601 with Z."""
        return self.row.received if isinstance(self.row, MessageRow) else self.row.started

    @property
    def session(self) -> str:
        """The id of the session behind it."""
        return self.row.session if isinstance(self.row, MessageRow) else self.row.id


class Counts(msgspec.Struct, frozen=True):
    messages: int = 0
    unread: int = 0
    failed: int = 0
    """Sessions."""


class Opened(msgspec.Struct, frozen=True):
    """All that is kept of one item."""

    item: Item
    raw: bytes
    """Empty for a session that brought no message."""
    session: SessionRow | None
    """None while it goes on, and where it is kept no longer."""
    records: tuple[Record, ...]
    left_out: int
    """Records missing in the middle."""


class Mailroom:
    """For one thread: a front end gives it one of its own and takes `items` as it was left, whole, by each look."""

    def __init__(self, home: Path) -> None:
        self._visitor = Visitor(home / "inbox")
        self._known: dict[str, Item] = {}
        self._numbers: set[int] = set()
        """Of what is known."""
        self._messages = 0
        """How many of it are."""
        self._newest = -1
        self._brought: set[int] = set()
        """Sessions that are not items: their messages are, or were."""
        self._seen: set[int] = set()
        self._added: list[Item] = []
        self._unsorted = False
        self.items: tuple[Item, ...] = ()
        """Newest first."""
        self.counts = Counts()

    def look(self, *, anew: bool = False) -> bool:
        """Take in what has come or gone since the last look; true where there was something. Raises BadInput."""
        with _readable():
            # What was asked for first is answered first: what changes meanwhile is news the next time.
            if not self._visitor.has_news() and not anew:
                return False
            with self._visitor.visit() as inbox:
                changed = self._take_in(inbox, whole=anew or self._newest < 0)
        if changed:
            self._settle()
        return changed

    def open(self, name: str) -> Opened | None:
        """None where it is gone. Raises BadInput."""
        item = self._known.get(name)
        if item is None:
            return None
        with self._visiting() as inbox:
            found = inbox.sessions.get(item.session)
            raw = inbox.raw(name) if isinstance(item.row, MessageRow) else b""
        if raw is None:
            return None
        session, records, left_out = found or (None, (), 0)
        return Opened(item, raw, session, records, left_out)

    def mark_seen(self, name: str, *, seen: bool = True) -> Item | None:
        """The item as it is then; None where there is nothing to mark. Raises BadInput."""
        item = self._known.get(name)
        if item is None or item.seen == seen:
            return None
        with self._visiting() as inbox:
            inbox.mark_seen(name, seen=seen)
        changed = self._known[name] = msgspec.structs.replace(item, seen=seen)
        self._seen = self._seen | {number_of(name)} if seen else self._seen - {number_of(name)}
        self.items = tuple(changed if one.id == name else one for one in self.items)
        if isinstance(item.row, MessageRow):
            self.counts = msgspec.structs.replace(self.counts, unread=self.counts.unread + (-1 if seen else 1))
        return changed

    def take_out(self, names: tuple[str, ...]) -> tuple[Removed, ...]:
        """Removes them; what comes back can be put back. Raises BadInput."""
        with self._visiting() as inbox:
            removed = tuple(one for name in names if (one := inbox.take_out(name)) is not None)
        for name in names:
            self._remove(name)
        self._settle()
        return removed

    def put_back(self, removed: tuple[Removed, ...]) -> None:
        """Raises BadInput."""
        with self._visiting() as inbox:
            for one in removed:
                inbox.put_back(one)
        self.look(anew=True)

    def matching(self, query: Query, *, stop: Callable[[], bool] = lambda: False) -> tuple[Item, ...]:
        """Newest first; contents are read only for words that no head holds, until `stop`. Raises BadInput."""
        found: list[Item] = []
        with self._visiting() as inbox:
            for item in self.items:
                if stop():
                    break
                if self.admits_by_head(item, query) or self._admits_by_content(item, query, inbox):
                    found.append(item)
        return tuple(found)

    @staticmethod
    def admits_by_head(item: Item, query: Query) -> bool:
        """Without reading anything: what shows at once while the contents are still searched."""
        return query.admits(item.row, seen=item.seen, failed=item.failed) and not query.missing(_head(item))

    def close(self) -> None:
        self._visitor.close()

    def _admits_by_content(self, item: Item, query: Query, inbox: Inbox) -> bool:
        if not isinstance(item.row, MessageRow) or not query.admits(item.row, seen=item.seen, failed=item.failed):
            return False
        return holds_all(inbox.raw(item.id) or b"", query.missing(_head(item)))

    @contextmanager
    def _visiting(self) -> Iterator[Inbox]:
        with _readable(), self._visitor.visit() as inbox:
            yield inbox

    def _take_in(self, inbox: Inbox, *, whole: bool) -> bool:
        """What came lately, or, `whole`, all that is not known; and what is gone, where anything is."""
        seen = inbox.seen()
        changed = self._take_seen(seen)
        after = -1 if whole else max(self._newest - LATELY, -1)
        fresh = [row for row in inbox.messages(f"{after:X}") if number_of(row.id) not in self._numbers]
        for row in fresh:
            self._add(Item(row, number_of(row.id) in seen))
        ended = [number for number in inbox.sessions.numbers(after) if number not in self._numbers]
        self._take_in_sessions(inbox, set(ended) - self._brought, seen)
        messages, sessions = inbox.counts()
        if (messages, sessions) != (self._messages, len(self._numbers) - self._messages + len(self._brought)):
            if not whole:
                return self._take_in(inbox, whole=True) or changed
            changed |= self._drop(*inbox.numbers())
        return changed or bool(fresh or ended)

    def _take_in_sessions(self, inbox: Inbox, fresh: set[int], seen: set[int]) -> None:
        rows = (
            [row for row in inbox.sessions.rows(f"{min(fresh) - 1:X}") if number_of(row.id) in fresh] if fresh else []
        )
        self._brought |= {number_of(row.id) for row in rows if row.messages}
        alone = [row for row in reversed(rows) if not row.messages]
        for place, row in enumerate(alone):
            found = inbox.sessions.get(row.id) if place < ENDINGS_READ_MAX else None
            self._add(Item(row, number_of(row.id) in seen, None if found is None else ending_of(found[1])))

    def _take_seen(self, seen: set[int]) -> bool:
        """Others may look at the same inbox."""
        differing = (seen ^ self._seen) & self._numbers
        for number in differing:
            name = f"{number:X}"
            self._known[name] = msgspec.structs.replace(self._known[name], seen=number in seen)
        self._seen = seen
        self._unsorted = self._unsorted or bool(differing)
        return bool(differing)

    def _drop(self, messages: set[int], sessions: set[int]) -> bool:
        """What is there no longer."""
        gone = self._numbers - messages - sessions
        for number in gone:
            self._remove(f"{number:X}")
        self._brought &= sessions
        return bool(gone)

    def _add(self, item: Item) -> None:
        number = number_of(item.id)
        self._known[item.id] = item
        self._numbers.add(number)
        self._newest = max(self._newest, number)
        self._messages += isinstance(item.row, MessageRow)
        self._added.append(item)

    def _remove(self, name: str) -> None:
        item = self._known.pop(name, None)
        if item is not None:
            self._numbers.discard(number_of(name))
            self._messages -= isinstance(item.row, MessageRow)
            self._unsorted = True

    def _settle(self) -> None:
        """Mostly a few have come that are newer than all others."""
        added = sorted(self._added, key=_number, reverse=True)
        newest = _number(self.items[0]) if self.items else -1
        if self._unsorted or (added and _number(added[-1]) <= newest):
            self.items = tuple(sorted(self._known.values(), key=_number, reverse=True))
        else:
            self.items = (*added, *self.items)
        self._added, self._unsorted = [], False
        self._count()

    def _count(self) -> None:
        messages = [item for item in self.items if isinstance(item.row, MessageRow)]
        unread = sum(not item.seen for item in messages)
        self.counts = Counts(len(messages), unread, sum(item.failed for item in self.items))


def _number(item: Item) -> int:
    return int(item.id, 16)


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except UnreadableInbox as trouble:
        raise bad_inbox(trouble) from trouble


def _head(item: Item) -> str:
    head = head_of(item.row)
    return head if item.ending is None else folded(f"{head}\n{item.ending.reply}\n{item.ending.helo}")
