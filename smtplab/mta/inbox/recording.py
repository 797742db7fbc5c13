"""The records of one session while it lasts, bounded: what is kept of a session that says very much."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from smtplab.journal import Journal, Record, Scope

FIRST_RECORDS = 2000
LAST_RECORDS = 2000
"""A message makes some dozen records of 300 octets: the first and the last 150 messages of a session, 1.2 MB at most
in ordinary lines."""


class Recording:
    """Of one session; its end stands in the last records, so these are kept as well as the first."""

    def __init__(self, now: Callable[[], float], *, node: str, session: str) -> None:
        self.id = session
        self.started_at = now()
        self.messages: list[str] = []
        self.on_record: Callable[[Record], None] | None = None
        """Told of each record after it is kept."""
        self._first: list[Record] = []
        self._last: deque[Record] = deque(maxlen=LAST_RECORDS)
        self._told = 0
        journal = Journal(now, self._keep, keep=False)
        self.scope: Scope = journal.scope(node=node, hop=0, span=f"receive/{session}", stage="connect")

    @property
    def records(self) -> tuple[Record, ...]:
        return (*self._first, *self._last)

    @property
    def left_out(self) -> int:
        """How many between the first and the last are gone."""
        return self._told - len(self._first) - len(self._last)

    def _keep(self, record: Record) -> None:
        self._told += 1
        if len(self._first) < FIRST_RECORDS:
            self._first.append(record)
        else:
            self._last.append(record)
        if self.on_record is not None:
            self.on_record(record)
