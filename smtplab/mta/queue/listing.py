"""What lies in a queue, as rows for `queue list`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

from smtplab.mta.store.port import Entry, State
from smtplab.mta.trace import iso_time

PAGE = 1000


class QueueRow(msgspec.Struct, frozen=True):
    """The keys of `queue list --json`, in its order."""

    queue_id: str
    state: State
    sender: str
    """Empty for the null reverse-path."""
    recipients: tuple[str, ...]
    """Those who are still open."""
    next_attempt: str | None
    """ISO 8601 with Z; None while it is held or being delivered."""
    attempts: int
    reason: str


class Listing(Protocol):
    """A store, or another process' look into one."""

    async def entries(self, after: str = "", limit: int = PAGE) -> tuple[Entry, ...]:
        """As `Store.entries`."""
        ...


async def queue_rows(store: Listing) -> AsyncIterator[QueueRow]:
    """Oldest first. What comes and goes meanwhile may be there or not."""
    after = ""
    while page := await store.entries(after, PAGE):
        for entry in page:
            yield _row(entry)
        after = page[-1].queue_id


def _row(entry: Entry) -> QueueRow:
    waits = entry.state in ("incoming", "deferred")
    return QueueRow(
        entry.queue_id,
        entry.state,
        entry.envelope.sender,
        tuple(str(who) for who in entry.envelope.recipients),
        iso_time(entry.next_attempt_at) if waits else None,
        entry.attempts,
        entry.reason,
    )
