"""How long a transcript is, and where it tells of failures, from a fraction of what its words take to make.

A long capture is laid out by this at once; its journey and its words are read where they are seen, and behind that.
"""

from __future__ import annotations

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.view.journey import UNTOLD, is_echo
from smtplab.view.strand import Turns
from smtplab.view.transcript import own_count, tells_failure


class Outline:
    """Takes in records in order, once each. It counts as `ladder.rows` does; a test holds them together."""

    def __init__(self) -> None:
        self._clients: dict[int, str] = {}
        self._turns = Turns()
        self._last: tuple[int | None, str, str] = (None, "", "")
        """Hop, node and span of the record before, after which nobody is turned."""

    def take(self, record: Record) -> tuple[int, bool]:
        """The lines of the next record, and whether they tell of a failure."""
        event, hop = record.event, record.hop
        clients = self._clients
        if isinstance(event, ev.ConnectStarted) or (
            not clients.get(hop) and isinstance(event, ev.CommandSent | ev.ReplyReceived)
        ):
            clients[hop] = record.node
        client = clients.get(hop)
        if client is not None and record.node != client and is_echo(record, client):
            return 0, False
        count = own_count(event)
        here = (hop, record.node, record.span)
        if here != self._last and not isinstance(event, UNTOLD):
            self._last = here
            turned = self._turns.take(*here)
            count += turned and count > 0
        return count, count > 0 and tells_failure(event)
