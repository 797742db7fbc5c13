"""One session with one address, from the connection to QUIT, and what it brought for each recipient."""

from __future__ import annotations

import msgspec

from smtplab.events import Judged
from smtplab.journal import Emit
from smtplab.mta.envelope import Envelope
from smtplab.mta.kept import Kept
from smtplab.mta.limits import transact_within
from smtplab.mta.opening import open_session
from smtplab.mta.options import SessionOptions
from smtplab.mta.outcome import RecipientOutcome, Setback, Shortfall, failed, stopped
from smtplab.mta.session import Place, Session, hang_up
from smtplab.mta.talk import Gate
from smtplab.mta.transaction import BeforeContent
from smtplab.net.ports import Lost, Net, TlsTrouble
from smtplab.wire.address import Mailbox
from smtplab.wire.reply import Reply


class Attempt(msgspec.Struct, frozen=True):
    place: Place
    setback: Setback | None
    """Why the session could not go on; None where it went as far as was asked."""
    outcomes: tuple[RecipientOutcome, ...]
    """One per recipient of the envelope, in its order."""


class Errand(msgspec.Struct, frozen=True):
    """What a session is for."""

    envelope: Envelope
    options: SessionOptions
    before_content: BeforeContent | None = None
    kept: Kept | None = None
    """Whoever has one may find a session open, and leave one open."""


async def attempt(place: Place, errand: Errand, net: Net, emit: Emit, gate: Gate | None = None) -> Attempt:
    """Never raises for what the peer does. Where TLS is only welcome and its handshake fails, a second session is tried
    in clear, as Postfix does with `may`: a message in clear is what it would have been without the offer."""
    result = await _session(place, errand, net, emit, gate)
    cause = None if result.setback is None else result.setback.cause
    if type(cause) is TlsTrouble and errand.options.tls == "may" and not errand.options.tls_strict:
        emit(Judged("tls", "in-clear-instead", cause.reason))
        options = msgspec.structs.replace(errand.options, tls="none")
        return await _session(place, msgspec.structs.replace(errand, options=options), net, emit, gate)
    return result


async def _session(place: Place, errand: Errand, net: Net, emit: Emit, gate: Gate | None) -> Attempt:
    first, kept = None, errand.kept
    if kept is not None and kept.open and (session := await kept.take(place, errand.options, emit)) is not None:
        first = await _use(session, errand)
    if first is None or _gone_meanwhile(first.setback):
        first = await _use(Session(place, errand.options, net, emit, gate), errand)
    if len(first.outcomes) == len(errand.envelope.recipients):
        return first
    return await _with_the_rest(first, errand, net, emit, gate)


async def _with_the_rest(first: Attempt, errand: Errand, net: Net, emit: Emit, gate: Gate | None) -> Attempt:
    """A server may take but so many transactions in a session (RFC 9422): further recipients get further sessions."""
    people, outcomes, setback = errand.envelope.recipients, first.outcomes, first.setback
    while len(outcomes) < len(people):
        envelope = msgspec.structs.replace(errand.envelope, recipients=people[len(outcomes) :])
        session = Session(first.place, errand.options, net, emit, gate)
        more = await _use(session, msgspec.structs.replace(errand, envelope=envelope, kept=None))
        outcomes, setback = outcomes + more.outcomes, more.setback
    return Attempt(first.place, setback, outcomes)


async def _use(session: Session, errand: Errand) -> Attempt:
    """Opens it where it is not open, and ends it where nobody keeps it. Fewer outcomes than recipients: the session
    may hold no more."""
    people, place, kept = errand.envelope.recipients, session.place, False
    try:
        setback = None if session.connected else await open_session(session)
        if setback is not None:
            outcomes = tuple(failed(who, setback, place.host) for who in people)
        else:
            outcomes = ()
            if not session.ended:
                setback, outcomes = await transact_within(session, errand.envelope, errand.before_content)
            outcomes += _stopped(session, people[len(outcomes) :])
        if setback is not None and type(setback.cause) is Shortfall:
            session.say("ended", setback.cause.words)
        kept = errand.kept is not None and setback is None and errand.kept.keep(session)
        if not kept:
            await hang_up(session)
    finally:
        # Also where a person cancels the walk: no socket stays open.
        if not kept:
            await session.close()
    return Attempt(place, setback, outcomes)


def _stopped(session: Session, people: tuple[Mailbox, ...]) -> tuple[RecipientOutcome, ...]:
    """For those who were not come to, where the session ended as asked."""
    if session.finished is None:
        return ()
    stage, reply = session.finished
    return tuple(stopped(who, stage, reply, session.place.host) for who in people)


def _gone_meanwhile(setback: Setback | None) -> bool:
    """A server may end a session between two messages, by closing or with a 421: that says nothing of this message."""
    if setback is None or setback.stage != "envelope":
        return False
    return isinstance(setback.cause, Lost) or (isinstance(setback.cause, Reply) and setback.cause.code == 421)
