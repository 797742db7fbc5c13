"""The inbox as a screen or a page shows it: newest first, kept up to date while a server works, searched and tidied."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from smtplab.journal import Record
from smtplab.lab.bad_input import BadInput
from smtplab.lab.inbox_query import Query, folded, head_of
from smtplab.lab.inbox_words import holds_all
from smtplab.mta.inbox.reader import Inbox, MessageRow, Removed, SessionRow, UnreadableInbox, Visitor
from smtplab.view.sitting import Ending, ending_of

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
        self._brought: set[str] = set()
        """Sessions that are not items: their messages are, or were."""
        self.items: tuple[Item, ...] = ()
        """Newest first."""

    def look(self, *, anew: bool = False) -> bool:
        """Take in what has come or gone since the last look; true where there was something. Raises BadInput."""
        with _readable():
            # What was asked for first is answered first: what changes meanwhile is news the next time.
            if not self._visitor.has_news() and not anew:
                return False
            with self._visitor.visit() as inbox:
                changed = self._take_in(inbox)
        if changed:
            self._settle()
        return changed

    def open(self, name: str) -> Opened | None:
        """None where it is gone. Raises BadInput."""
        item = self._known.get(name)
        if item is None:
            return None
        with self._visiting() as inbox:
            found = inbox.session(item.session)
            raw = inbox.raw(name) if isinstance(item.row, MessageRow) else b""
        if raw is None:
            return None
        session, records, left_out = found or (None, (), 0)
        return Opened(item, raw, session, records, left_out)

    def mark_seen(self, name: str, *, seen: bool = True) -> None:
        """Raises BadInput."""
        item = self._known.get(name)
        if item is None or item.seen == seen:
            return
        with self._visiting() as inbox:
            inbox.mark_seen(name, seen=seen)
        changed = self._known[name] = msgspec.structs.replace(item, seen=seen)
        self.items = tuple(changed if one.id == name else one for one in self.items)

    def take_out(self, names: tuple[str, ...]) -> tuple[Removed, ...]:
        """Removes them; what comes back can be put back. Raises BadInput."""
        with self._visiting() as inbox:
            removed = tuple(one for name in names if (one := inbox.take_out(name)) is not None)
        for name in names:
            self._known.pop(name, None)
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

    def _take_in(self, inbox: Inbox) -> bool:
        messages, sessions = inbox.ids()
        seen = inbox.seen()
        before = self._known
        self._known = {
            name: item if item.seen == (name in seen) else msgspec.structs.replace(item, seen=name in seen)
            for name, item in before.items()
            if name in messages or name in sessions
        }
        self._brought &= sessions
        for row in inbox.messages(_before_first(messages - before.keys())):
            self._known.setdefault(row.id, Item(row, row.id in seen))
        self._take_in_sessions(inbox, sessions - before.keys() - self._brought, seen)
        return self._known != before

    def _take_in_sessions(self, inbox: Inbox, fresh: set[str], seen: set[str]) -> None:
        rows = [row for row in inbox.sessions(_before_first(fresh)) if row.id in fresh]
        self._brought |= {row.id for row in rows if row.messages}
        alone = [row for row in reversed(rows) if not row.messages]
        for number, row in enumerate(alone):
            found = inbox.session(row.id) if number < ENDINGS_READ_MAX else None
            self._known[row.id] = Item(row, row.id in seen, None if found is None else ending_of(found[1]))

    def _settle(self) -> None:
        self.items = tuple(sorted(self._known.values(), key=lambda item: int(item.id, 16), reverse=True))


def _before_first(names: set[str]) -> str:
    """The id just before the first of them; beyond all others where there is none."""
    return f"{min((int(name, 16) for name in names), default=_BEYOND) - 1:X}"


_BEYOND = 1 << 63
"""No store's number is larger."""


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except UnreadableInbox as trouble:
        raise BadInput("serve.store-unreadable", place=str(trouble)) from trouble


def _head(item: Item) -> str:
    head = head_of(item.row)
    return head if item.ending is None else folded(f"{head}\n{item.ending.reply}\n{item.ending.helo}")
