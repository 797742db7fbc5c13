"""Looks at the inbox now and then for what has come and gone, at little cost whatever lies in it; for one thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from smtplab.lab.inbox import Inbox, MessageRow
from smtplab.mta.inbox.reader import Visitor

ROWS_MAX = 50
"""New messages told one by one after one look; more at once are a reason to read the list anew."""
COUNT_SHARE = 20
"""Counting reads the whole table, 50 ms for 200,000 messages: it waits for so many times what it took last."""


class Seen(msgspec.Struct, frozen=True):
    """What one look has found."""

    rows: tuple[MessageRow, ...] = ()
    """That came, oldest first."""
    session: bool = False
    """One has ended."""
    anew: bool = False
    """More has changed than that."""


class Watch:
    def __init__(self, home: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._visitor = Visitor(home / "inbox")
        self._clock = clock
        self._known: tuple[int, int] | None = None
        """The newest message's number and the newest session's."""
        self._count = 0
        self._count_at = 0.0
        self._uncounted = False

    def look(self, gone: int = 0) -> Seen:
        """`gone` messages were removed here since the last look, and told. Raises UnreadableInbox."""
        self._count -= gone
        fresh = self._visitor.has_news()
        self._uncounted = self._uncounted or fresh
        if self._known is not None and not fresh and not (self._uncounted and self._clock() >= self._count_at):
            return Seen()
        with self._visitor.visit() as inbox:
            return self._seen(inbox)

    def close(self) -> None:
        self._visitor.close()

    def _seen(self, inbox: Inbox) -> Seen:
        before, now = self._known, (inbox.newest(), inbox.sessions.newest())
        self._known = now
        rows: list[MessageRow] = []
        if before is not None and now[0] > before[0]:
            for row in inbox.messages(f"{before[0]:X}" if before[0] >= 0 else ""):
                rows.append(row)
                if len(rows) > ROWS_MAX:
                    break
        self._count += len(rows)
        # After too many to be told one by one, whatever the count was is void.
        anew = before is None or len(rows) > ROWS_MAX or now[0] < before[0]
        if anew or self._clock() >= self._count_at:
            anew = self._recount(inbox) or anew
        if anew:
            return Seen(anew=True)
        return Seen(tuple(rows), session=before is not None and now[1] > before[1])

    def _recount(self, inbox: Inbox) -> bool:
        """Is it another number than was known?"""
        start = self._clock()
        count = inbox.count()
        self._count_at = self._clock() + COUNT_SHARE * (self._clock() - start)
        self._uncounted = False
        changed, self._count = count != self._count, count
        return changed
