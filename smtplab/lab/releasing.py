"""A received message handed on to a real server by the sending engine, as it is, and told as it goes."""

from __future__ import annotations

import asyncio
import re
from typing import Final

from smtplab.journal import Record
from smtplab.lab import exits
from smtplab.lab.feed import Ended, FeedKind
from smtplab.lab.gate import PersonGate
from smtplab.lab.request import SendRequest, WalkRequest
from smtplab.lab.sending import Sending, prepare_sending, send

_RETURN_PATH: Final = re.compile(rb"\AReturn-Path:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*\r?\n", re.IGNORECASE)


class Release:
    """A `Feed`: its records are those of the sessions in which the message goes."""

    kind: FeedKind = "live"
    gate: PersonGate | None = None

    def __init__(self, raw: bytes, *, server: str, sender: str, recipients: tuple[str, ...]) -> None:
        """`server` is `HOST[:PORT]`; empty for the MX of each domain. Raises BadInput."""
        self.subject = ", ".join(recipients)
        self.records: list[Record] = []
        self.ended: Ended | None = None
        self._sending: Sending = prepare_sending(
            SendRequest(
                shared=WalkRequest(
                    recipient=recipients[0] if recipients else "",
                    sender=sender,
                    server=server or None,
                    # Final delivery put it there, and it goes where the message sets out again (RFC 5321 4.4).
                    content=_RETURN_PATH.sub(b"", raw),
                    live=True,
                    send=True,
                ),
                recipients=recipients,
                line_endings="keep",
            )
        )

    async def run(self) -> Ended:
        """As `Feed.run`."""
        try:
            sent = await send(self._sending, self.records.append)
        except asyncio.CancelledError:
            self.ended = Ended(exits.INTERRUPTED)
            raise
        self.ended = Ended(sent.exit_code)
        return self.ended
