"""Takes one trip to its destination, a mailbox here or another server; when trips begin is the queue's concern."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from functools import partial

import msgspec

from smtplab.events import AttemptStarted
from smtplab.mta.deliver import Job, deliver
from smtplab.mta.envelope import Envelope
from smtplab.mta.kept import Kept
from smtplab.mta.local import Directory, Parcel, hand_out
from smtplab.mta.options import SessionOptions
from smtplab.mta.outcome import RecipientOutcome
from smtplab.mta.queue.office import Office
from smtplab.mta.queue.round import HERE, Round, Trip, put_off, was_served
from smtplab.mta.store.port import Store, Update
from smtplab.wire.address import Mailbox

Carried = tuple[bool | None, tuple[RecipientOutcome, ...]]
"""Did the destination do its work (None where that was not seen), and what came of each recipient."""


class Carrier:
    """Before any content leaves, the store has a mark for it; whoever has the outcome takes it off."""

    def __init__(self, office: Office, store: Store) -> None:
        self._office = office
        self._store = store
        self.directory = office.directory or Directory(domains=office.local_domains, separator="")
        """Who has a mailbox here."""
        self._deliveries = 0

    def carry(self, destination: str, trip: Trip, kept: Kept) -> Awaitable[Carried]:
        """Facts: AttemptStarted, those of the sessions in `deliver/NUMBER`, Delivered for each mailbox."""
        return self._deliver_here(trip) if destination == HERE else self._deliver_there(trip, kept)

    async def content(self, one: Round) -> bytes | None:
        """None where the store can't read it."""
        return one.content if one.content is not None else await self._store.content(one.entry.queue_id)

    async def _deliver_here(self, trip: Trip) -> Carried:
        entry, office = trip.round.entry, self._office
        if (content := await self.content(trip.round)) is None:
            return None, put_off(trip, "content-unreadable")
        if not await self._mark(trip.round, office.hostname, trip.recipients):
            return None, put_off(trip, "not-noted")
        parcel = Parcel(entry.queue_id, msgspec.structs.replace(entry.envelope, content=content))
        emit = office.scope_of(entry)
        handover = await hand_out(parcel, trip.recipients, self.directory, office.mailboxes, emit)
        trip.round.onward += handover.onward
        return None, handover.outcomes

    async def _deliver_there(self, trip: Trip, kept: Kept) -> Carried:
        entry, office = trip.round.entry, self._office
        if (content := await self.content(trip.round)) is None:
            return None, put_off(trip, "content-unreadable")
        trip.round.emit(AttemptStarted(entry.queue_id, entry.attempts, trip.domain))
        self._deliveries += 1
        job = Job(
            domain=trip.domain,
            envelope=msgspec.structs.replace(entry.envelope, recipients=trip.recipients, content=content),
            options=_options_for(entry.envelope, office.options),
            routing=office.routing,
            before_content=partial(self._mark, trip.round),
            kept=kept,
        )
        scope = office.scope.within(f"deliver/{self._deliveries}", hop=entry.hop)
        delivery = await deliver(job, office.net_at(entry.hop), scope)
        return was_served(delivery), delivery.outcomes

    async def _mark(self, one: Round, host: str, recipients: Sequence[Mailbox]) -> bool:
        """From here until the outcome is written, a crash leaves it open whether they have the message."""
        return await self._store.apply((Update(one.note_delivering(host, recipients)),)) is None


def _options_for(envelope: Envelope, options: SessionOptions) -> SessionOptions:
    """RFC 8689 4.2.1: what demands TLS all the way leaves over a certificate that holds, or not at all."""
    return msgspec.structs.replace(options, tls="verify") if "REQUIRETLS" in envelope.mail_parameters else options
