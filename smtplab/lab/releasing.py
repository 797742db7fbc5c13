"""A received message handed on to a real server by the sending engine, as it is, and told as it goes."""

from __future__ import annotations

import asyncio

from smtplab.journal import Record
from smtplab.lab import exits
from smtplab.lab.feed import Ended, FeedKind
from smtplab.lab.gate import PersonGate
from smtplab.lab.release import prepare_release
from smtplab.lab.sending import send


class Release:
    """A `Feed`: its records are those of the sessions in which the message goes."""

    kind: FeedKind = "live"
    gate: PersonGate | None = None

    def __init__(self, raw: bytes, *, server: str, sender: str, recipients: tuple[str, ...]) -> None:
        """`server` is `HOST[:PORT]`; empty for the MX of each domain. Raises BadInput."""
        self.subject = ", ".join(recipients)
        self.records: list[Record] = []
        self.ended: Ended | None = None
        self._sending = prepare_release(raw, server=server, sender=sender, recipients=recipients)

    async def run(self) -> Ended:
        """As `Feed.run`."""
        try:
            sent = await send(self._sending, self.records.append)
        except asyncio.CancelledError:
            self.ended = Ended(exits.INTERRUPTED)
            raise
        self.ended = Ended(sent.exit_code)
        return self.ended
