"""The sessions that a server has kept, as another process reads them; only such as have ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import Connection

from smtplab.capture.codec import decode_record
from smtplab.journal import Record
from smtplab.mta.inbox import tables
from smtplab.mta.inbox.port import Sitting, number_of
from smtplab.mta.trace import iso_time


class SessionRow(msgspec.Struct, frozen=True):
    """The keys of `inbox list --sessions --json`."""

    id: str
    started: str
    protocol: str
    client: str
    messages: tuple[str, ...]
    """Those that were taken; none for a session that was given up, or refused in everything."""


class Sessions:
    """A part of `mta.inbox.reader.Inbox`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rows(self, after: str = "") -> Iterator[SessionRow]:
        """Oldest first, those behind the id `after`."""
        return map(_row, tables.sittings(self._connection, number_of(after)))

    def latest(self, before: str = "") -> Iterator[SessionRow]:
        """Newest first, those that came before the id `before`; all of them where none is named."""
        return map(_row, tables.latest_sittings(self._connection, number_of(before) if before else None))

    def get(self, name: str) -> tuple[SessionRow, tuple[Record, ...], int] | None:
        """With its records, and how many are missing between them; None where there is none, or it goes on yet."""
        found = tables.sitting(self._connection, number_of(name))
        if found is None:
            return None
        sitting, lines = found
        decoded = (decode_record(line) for line in lines.splitlines())
        return _row(sitting), tuple(one for one in decoded if isinstance(one, Record)), sitting.left_out

    def numbers(self, after: int) -> Sequence[int]:
        """Their ids as `number_of` reads them, those behind `after`."""
        return tables.session_numbers(self._connection, after)

    def count(self) -> int:
        """How many."""
        return tables.count_sittings(self._connection)

    def newest(self) -> int:
        """A number that grows with each session that ends."""
        return tables.newest_sitting(self._connection)


def _row(sitting: Sitting) -> SessionRow:
    return SessionRow(sitting.id, iso_time(sitting.started_at), sitting.protocol, sitting.client, sitting.messages)
