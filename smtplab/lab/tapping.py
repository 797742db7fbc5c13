"""Tells the bytes of every connection that is dialled into the journal, beside the session that they belong to."""

from __future__ import annotations

from collections.abc import Callable

from smtplab.events import Event
from smtplab.journal import Journal, Record
from smtplab.net.ports import Dialer, Lost, Stream
from smtplab.net.tap import TappedStream


class TappedDialer:
    """Dials, and taps what answers. `journal` must tell its records to `self.told`.

    A walk has one session at a time, so bytes belong where the last record was made.
    """

    def __init__(self, dialer: Dialer, on_record: Callable[[Record], None]) -> None:
        self._dialer = dialer
        self._on_record = on_record
        self._last: Record | None = None
        self.journal: Journal | None = None

    def told(self, record: Record) -> None:
        """Every record passes here on its way out."""
        self._last = record
        self._on_record(record)

    async def dial(self, address: str, port: int, *, source: str | None = None) -> Stream | Lost:
        """As `Dialer.dial`."""
        stream = await self._dialer.dial(address, port, source=source)
        return stream if isinstance(stream, Lost) else TappedStream(stream, self._emit)

    def _emit(self, event: Event) -> None:
        last = self._last
        if self.journal is not None and last is not None:
            self.journal.stamp(last, event)
