"""The notice that a message lies in the inbox, for a sender who asked to hear of it (RFC 3461 4.1)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from smtplab.journal import Emit
from smtplab.mta.arrival import Arrival
from smtplab.mta.bounce import HEADER_OCTETS_MAX, Fate, Notice, NoticeWriter
from smtplab.mta.envelope import Envelope
from smtplab.mta.mailbox import Letter, MailboxStore
from smtplab.mta.trace import return_path_line
from smtplab.net.ports import Clock
from smtplab.wire.address import Mailbox

SendOn = Callable[[Arrival, Envelope], Awaitable[None]]
"""Takes the notice about this arrival over, or gives it up."""


class SuccessNotices:
    """To a sender of our own the notice goes into the inbox, to another one by `send_on`, where there is such a way."""

    def __init__(
        self,
        hostname: str,
        clock: Clock,
        writer: NoticeWriter,
        is_local: Callable[[Mailbox], bool],
        mailboxes: MailboxStore,
    ) -> None:
        self.send_on: SendOn | None = None
        self._hostname = hostname
        self._clock = clock
        self._writer = writer
        self._is_local = is_local
        self._mailboxes = mailboxes

    async def tell(self, arrival: Arrival, entry_id: str, trace: bytes, emit: Emit) -> None:
        """`trace` are the lines before its content. A notice that can't be kept is given up: nobody is told what
        became of a notice (RFC 3461 6.1)."""
        notice = self._write(arrival.envelope, entry_id, trace)
        if notice is None:
            return
        (sender,) = notice.recipients
        if self._is_local(sender):
            content = return_path_line(None) + notice.content
            await self._mailboxes.deliver(Letter(entry_id, sender, str(sender).lower(), content), emit)
        elif self.send_on is not None:
            await self.send_on(arrival, notice)

    def _write(self, envelope: Envelope, entry_id: str, trace: bytes) -> Envelope | None:
        ours = dict.fromkeys(filter(self._is_local, envelope.recipients))
        fates = [Fate(who, "2.0.0", "", action="delivered") for who in ours]
        # Of a success the header alone is returned.
        about = msgspec.structs.replace(envelope, content=trace + envelope.content[:HEADER_OCTETS_MAX])
        now = self._clock.now()
        return self._writer.succeeded(Notice(self._hostname, entry_id, about, fates, now, now))
