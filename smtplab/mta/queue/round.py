"""One attempt to deliver a message at all its next hops: who goes where, and what the outcomes mean for the entry."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from smtplab.journal import Emit
from smtplab.mta.bounce import Fate, success_of
from smtplab.mta.deliver import Delivery, domains_of
from smtplab.mta.envelope import Envelope
from smtplab.mta.options import Routing
from smtplab.mta.outcome import Judgement, RecipientOutcome, reach_of, words_of
from smtplab.mta.queue.schedule import Schedule
from smtplab.mta.store.port import Delivering, Entry
from smtplab.wire.address import Mailbox

RECIPIENTS_MAX = 100
"""In one transaction: RFC 5321 4.5.3.1.8 has every server take as many."""

HERE = ""
"""The destination of local mail."""


class Trip(msgspec.Struct, frozen=True):
    """Recipients of one message that go the same way together."""

    round: Round
    domain: str
    recipients: tuple[Mailbox, ...]


class Round:
    """What has come of the attempt so far."""

    def __init__(self, entry: Entry, content: bytes | None, emit: Emit) -> None:
        self.entry = msgspec.structs.replace(entry, attempts=entry.attempts + 1, state="active")
        """As it stands in the store, or will with the next change."""
        self.content = content
        """None: it is to be read from the store."""
        self.emit = emit
        """Where the queue's own facts about it are told."""
        self.pending = 0
        """Trips that have not ended."""
        self.onward: list[Envelope] = []
        """What local delivery sends on, to be stored together with the end of the trip that made it."""
        self._outcomes: list[RecipientOutcome] = []
        self._noted = 0
        """Of those, how many stand in the entry, as far as they are good."""

    def next_hops(self, routing: Routing, local_domains: frozenset[str]) -> list[tuple[str, Trip]]:
        """A destination and who goes there; one transaction's worth each."""
        grouped: dict[tuple[str, str], list[Mailbox]] = {}
        for domain, people in domains_of(self.entry.envelope.recipients).items():
            if domain in local_domains or not domain:
                way = (HERE, domain)
            elif routing.server:
                # All foreign mail goes there, so its recipients go together.
                way = (routing.server, routing.server)
            else:
                way = (domain, domain)
            grouped.setdefault(way, []).extend(people)
        trips = [
            (destination, Trip(self, domain, tuple(people[start : start + RECIPIENTS_MAX])))
            for (destination, domain), people in grouped.items()
            for start in range(0, len(people), RECIPIENTS_MAX)
        ]
        self.pending = len(trips)
        return trips

    def note_delivering(self, host: str, recipients: Sequence[Mailbox]) -> Entry:
        """The entry with a mark for the content that is about to leave."""
        people = tuple(str(who) for who in recipients)
        others = self.entry.delivering
        if others:
            # One mark for each recipient: a host tried after another takes its place.
            others = tuple(mark for mark in others if not set(mark.recipients) & set(people))
        self.entry = msgspec.structs.replace(self.entry, delivering=(*others, Delivering(host, people)))
        return self.entry

    def note(self, outcomes: Sequence[RecipientOutcome]) -> Entry:
        """A trip has ended. The entry without those who have the message now, of whom it says what their sender wants
        to hear, and without the trip's marks; after the last one `end` says what remains."""
        self.pending -= 1
        self._outcomes += outcomes
        entry = self.entry
        if not self.pending:
            if not entry.relayed and any(map(_relayed, outcomes)):
                self.entry = msgspec.structs.replace(entry, relayed=True)
            return self.entry
        successes = (*entry.successes, *self._news())
        served = {outcome.recipient for outcome in outcomes if outcome.judgement.good}
        asked = {str(outcome.recipient) for outcome in outcomes}
        left = tuple(who for who in entry.envelope.recipients if who not in served)
        self.entry = msgspec.structs.replace(
            entry,
            envelope=msgspec.structs.replace(entry.envelope, recipients=left) if served else entry.envelope,
            relayed=entry.relayed or any(map(_relayed, outcomes)),
            successes=successes,
            delivering=tuple(mark for mark in entry.delivering if not asked & set(mark.recipients)),
        )
        return self.entry

    def end(self, schedule: Schedule, now: float) -> Ending:
        """Every trip has ended: who is tried again, and who is given up."""
        entry = self.entry
        if not entry.envelope.asked and all(outcome.judgement.good for outcome in self._outcomes):
            # As nearly always: everybody has it, and nobody wants to hear of that.
            envelope = msgspec.structs.replace(entry.envelope, recipients=())
            return Ending(msgspec.structs.replace(entry, envelope=envelope), (), (), (), False, now)
        next_attempt_at = now + schedule.pause_s(entry.attempts)
        expires = next_attempt_at > entry.arrived_at + schedule.lifetime_s
        left, failures, delays = [], [], []
        for outcome in self._outcomes:
            who, judgement = outcome.recipient, outcome.judgement
            if judgement.good:
                continue
            said = diagnostic(judgement)
            if judgement.retriable and not expires:
                left.append(who)
                delays.append(Fate(who, judgement.status, said, judgement.host))
            else:
                # RFC 3463 3.5: X.4.7, delivery time expired.
                status = "4.4.7" if judgement.retriable else judgement.status
                failures.append(Fate(who, status, said, judgement.host))
        warn = bool(left) and not entry.warned and _late(entry, schedule, now)
        successes = (*entry.successes, *self._news())
        envelope = msgspec.structs.replace(entry.envelope, recipients=tuple(left))
        entry = msgspec.structs.replace(
            entry,
            envelope=envelope,
            state="deferred",
            next_attempt_at=next_attempt_at,
            reason=delays[-1].diagnostic if delays else "",
            bounced=entry.bounced or bool(failures),
            warned=entry.warned or warn,
            successes=(),
            delivering=(),
        )
        return Ending(entry, successes, tuple(delays), tuple(failures), warn, now)

    def _news(self) -> list[Fate]:
        """Of the successes since it was asked last, those of which their sender wants to hear."""
        new, self._noted = self._outcomes[self._noted :], len(self._outcomes)
        return [fate for outcome in new if (fate := success_of(outcome, self.entry.envelope)) is not None]


class Ending(msgspec.Struct, frozen=True):
    """What a round comes to."""

    entry: Entry
    """With those who are tried again, if any; deferred."""
    successes: tuple[Fate, ...]
    """Those of which the sender asked to hear."""
    delays: tuple[Fate, ...]
    failures: tuple[Fate, ...]
    warn: bool
    """The sender is to be told of the delays now."""
    now: float
    """When it ended; seconds since the epoch."""


def put_off(trip: Trip, reason: str, detail: str = "") -> tuple[RecipientOutcome, ...]:
    """Nothing was tried; the queue's own trouble."""
    judgement = Judgement("deferred", "queue", reason=reason, detail=detail)
    return tuple(RecipientOutcome(who, judgement) for who in trip.recipients)


def was_served(delivery: Delivery) -> bool | None:
    """Did the destination do its work, whatever it said of the message? None where it was not asked."""
    if delivery.no_route is not None:
        return False if delivery.judgement.retriable else None
    if not delivery.attempts:
        return None
    return any(one.setback is None or reach_of(one.setback) != "host" for one in delivery.attempts)


def diagnostic(judgement: Judgement) -> str:
    """The reply as the server gave it, or the id of what happened."""
    if judgement.code is not None and judgement.reason == "reply":
        return f"{judgement.code} {judgement.detail}"
    return words_of(judgement)


def _relayed(outcome: RecipientOutcome) -> bool:
    return outcome.judgement.result == "accepted"


def _late(entry: Entry, schedule: Schedule, now: float) -> bool:
    return schedule.warning_s is not None and now - entry.arrived_at >= schedule.warning_s
