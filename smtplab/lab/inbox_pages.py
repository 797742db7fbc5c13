"""The inbox a page at a time, newest first, for front ends that keep no list of their own; searched within a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice

import msgspec

from smtplab.lab.inbox_query import Query, head_of
from smtplab.lab.inbox_words import holds_all
from smtplab.mta.inbox.port import number_of
from smtplab.mta.inbox.reader import Inbox, MessageRow
from smtplab.mta.inbox.sessions import SessionRow
from smtplab.view.folding import folded
from smtplab.view.sitting import Ending, ending_of

LOOK = 100
"""Rows whose marks are read at once."""


class MessagePage(msgspec.Struct, frozen=True):
    rows: tuple[MessageRow, ...]
    unread: frozenset[str]
    """The ids of those that nobody has looked at."""
    next: str | None
    """The id before which to read on; None where everything has been looked at."""


class SessionItem(msgspec.Struct, frozen=True):
    row: SessionRow
    ending: Ending


class SessionPage(msgspec.Struct, frozen=True):
    items: tuple[SessionItem, ...]
    next: str | None


def find_messages(inbox: Inbox, query: Query, *, before: str = "", limit: int, seconds: float) -> MessagePage:
    """At most `limit`, and no more than can be looked through in about so many seconds."""
    end = time.monotonic() + seconds
    rows: list[MessageRow] = []
    unread: set[str] = set()
    for row, seen in _marked(inbox, before):
        if len(rows) >= limit:
            return MessagePage(tuple(rows), frozenset(unread), rows[-1].id)
        if query.admits(row, seen=seen) and _holds(inbox, row, query):
            rows.append(row)
            if not seen:
                unread.add(row.id)
        if time.monotonic() > end:
            return MessagePage(tuple(rows), frozenset(unread), row.id)
    return MessagePage(tuple(rows), frozenset(unread), None)


def all_messages(inbox: Inbox, query: Query) -> Iterator[MessageRow]:
    """Oldest first, however long it takes."""
    seen = inbox.seen()
    for row in inbox.messages():
        if query.admits(row, seen=number_of(row.id) in seen) and _holds(inbox, row, query):
            yield row


def find_sessions(inbox: Inbox, query: Query, *, before: str = "", limit: int, seconds: float) -> SessionPage:
    """As `find_messages`; of each the records are read, for how it ended."""
    end = time.monotonic() + seconds
    items: list[SessionItem] = []
    for row in inbox.sessions.latest(before):
        if len(items) >= limit:
            return SessionPage(tuple(items), items[-1].row.id)
        found = inbox.sessions.get(row.id)
        if found is not None:
            item = SessionItem(row, ending_of(found[1]))
            if _admits_session(query, item):
                items.append(item)
        if time.monotonic() > end:
            return SessionPage(tuple(items), row.id)
    return SessionPage(tuple(items), None)


def _marked(inbox: Inbox, before: str) -> Iterator[tuple[MessageRow, bool]]:
    """Each with whether it has been looked at."""
    rows = inbox.latest(before)
    while some := list(islice(rows, LOOK)):
        seen = inbox.seen_among(row.id for row in some)
        for row in some:
            yield row, row.id in seen


def _admits_session(query: Query, item: SessionItem) -> bool:
    if not query.admits(item.row, seen=False, failed=item.ending.failed):
        return False
    return not query.missing(folded(f"{head_of(item.row)}\n{item.ending.reply}\n{item.ending.helo}"))


def _holds(inbox: Inbox, row: MessageRow, query: Query) -> bool:
    """The content is read only where the head does not hold every word."""
    missing = query.missing(head_of(row))
    return not missing or holds_all(inbox.raw(row.id) or b"", missing)
