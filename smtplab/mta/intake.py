"""Takes messages over for a receiving server: into the inbox, a Maildir and the queue, all on disk before the 250."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from smtplab.journal import Scope
from smtplab.mta.arrival import Accept, Arrival, not_stored
from smtplab.mta.inbox.listing import subject_of
from smtplab.mta.inbox.port import Kept
from smtplab.mta.inbox.recording import Recording
from smtplab.mta.inbox.store import InboxStore
from smtplab.mta.inbox.success import SuccessNotices
from smtplab.mta.mailbox import Letter, Unstored
from smtplab.mta.maildir import Maildirs
from smtplab.mta.queue.identifier import QueueIds
from smtplab.mta.rules import Word
from smtplab.mta.trace import received_line, return_path_line
from smtplab.net.ports import Clock
from smtplab.wire.address import Mailbox
from smtplab.wire.reply import Reply, make_reply

IsLocal = Callable[[Mailbox], bool]


class Intake:
    """`maildir` gets each message once, `relay` those for other people's domains."""

    def __init__(self, hostname: str, clock: Clock, ids: QueueIds, is_local: IsLocal) -> None:
        self.store: InboxStore | None = None
        self.maildir: Maildirs | None = None
        self.relay: Accept | None = None
        self.successes: SuccessNotices | None = None
        self.on_taken: Callable[[Kept], None] | None = None
        """Told of each message that is ours now, before its 250 leaves; it returns at once."""
        self._hostname = hostname
        self._clock = clock
        self._ids = ids
        self._is_local = is_local

    async def take(self, arrival: Arrival, recording: Recording) -> Word | tuple[Reply, ...]:
        """As `arrival.Accept`, for one session."""
        if arrival.envelope.hold_until and self.relay is not None:
            return await self.relay(arrival)  # The queue hands it out here, too, once it is released.
        kept, trace = self._kept(arrival, recording.id)
        if self.store is not None:
            trouble = await self.store.put(kept, trace, arrival.envelope.content)
            if trouble is not None:
                return not_stored(trouble)
        refusal = await self._hand_out(kept, trace, arrival, recording.scope)
        if refusal is not None:
            # The client keeps it: nothing of it is ours.
            if self.store is not None:
                await self.store.remove(kept.id)
            return refusal
        recording.messages.append(kept.id)
        if self.on_taken is not None:
            self.on_taken(kept)
        if self.successes is not None and arrival.envelope.asked:
            await self.successes.tell(arrival, kept.id, trace, recording.scope)
        return make_reply(250, f"Accepted as {kept.id}", enhanced="2.0.0")

    async def _hand_out(self, kept: Kept, trace: bytes, arrival: Arrival, scope: Scope) -> Reply | None:
        """Into the Maildir and the queue, or into neither: the queue may refuse, and what it took can't be had back.
        So the copy is on disk before it is asked, and shows when it has said yes."""
        if self.maildir is None:
            return await self._onward(arrival)
        who = arrival.envelope.recipients[0]
        copy = await self.maildir.lay(Letter(kept.id, who, str(who).lower(), trace + arrival.envelope.content))
        if isinstance(copy, Unstored):
            return _not_in_maildir(copy)
        try:
            if (refusal := await self._onward(arrival)) is not None:
                return refusal
            unstored = await copy.shown(scope)
        finally:
            copy.back()
        return None if unstored is None else _not_in_maildir(unstored)

    async def _onward(self, arrival: Arrival) -> Reply | None:
        """Those recipients that are not ours; None where the queue has taken the message, or nobody is left."""
        away = tuple(who for who in arrival.envelope.recipients if not self._is_local(who))
        if self.relay is None or not away:
            return None
        envelope = msgspec.structs.replace(arrival.envelope, recipients=away)
        reply = await self.relay(msgspec.structs.replace(arrival, envelope=envelope))
        return reply if isinstance(reply, Reply) and reply.severity != 2 else None

    def _kept(self, arrival: Arrival, session: str) -> tuple[Kept, bytes]:
        """And the lines that go before the content."""
        envelope, caller, now = arrival.envelope, arrival.caller, self._clock.now()
        name = self._ids.next_id()
        trace = return_path_line(envelope.reverse_path) + received_line(arrival, self._hostname, name, now)
        kept = Kept(
            id=name,
            received_at=now,
            sender=envelope.sender,
            recipients=tuple(map(str, envelope.recipients)),
            mailboxes=tuple({who.local.lower(): None for who in envelope.recipients if self._is_local(who)}),
            octets=len(trace) + len(envelope.content),
            unended=not (envelope.content or trace).endswith(b"\r\n"),
            subject=subject_of(envelope.content),
            client=caller.address,
            helo=caller.helo,
            user=caller.user,
            tls=caller.tls,
            protocol=arrival.protocol,
            session=session,
        )
        return kept, trace


def _not_in_maildir(unstored: Unstored) -> Reply:
    return make_reply(452, "Could not store the message", enhanced=unstored.status)
