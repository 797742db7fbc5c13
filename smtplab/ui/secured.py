"""Tells of each record of a world whether it was told inside TLS; each node knows only of its own end."""

from __future__ import annotations

from collections.abc import Iterable

from smtplab import events as ev
from smtplab.journal import Record


class Secured:
    """Takes in records in order, once each."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._spans: set[tuple[str, str]] = set()
        self._marks = bytearray()
        self.extend(records)

    def extend(self, records: Iterable[Record]) -> None:
        """The records that follow those taken in before."""
        self._marks.extend(self._inside(record) for record in records)

    def __getitem__(self, index: int) -> bool:
        return bool(self._marks[index])

    def _inside(self, record: Record) -> bool:
        key = (record.node, record.span)
        match record.event:
            case ev.TlsEstablished():
                self._spans.add(key)
            case ev.ConnectStarted() | ev.ReplySent(verb=""):
                self._spans.discard(key)
            case _:
                pass
        return key in self._spans
