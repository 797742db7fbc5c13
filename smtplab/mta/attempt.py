"""One session with one address, from the connection to QUIT, and what it brought for each recipient."""

from __future__ import annotations

import msgspec

from smtplab.events import Judged
from smtplab.journal import Emit
from smtplab.mta.envelope import Envelope
from smtplab.mta.options import SessionOptions
from smtplab.mta.outcome import RecipientOutcome, Setback, failed, stopped
from smtplab.mta.session import Place, Session, hang_up, open_session
from smtplab.mta.talk import Gate
from smtplab.mta.transaction import BeforeContent, transact
from smtplab.net.ports import Net, TlsTrouble


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


async def attempt(place: Place, errand: Errand, net: Net, emit: Emit, gate: Gate | None = None) -> Attempt:
    """Never raises for what the peer does. Where TLS is only welcome and its handshake fails, a second session is tried
    in clear, as Postfix does with `may`: a message in clear is what it would have been without the offer."""
    result = await _session(place, errand, net, emit, gate)
    setback = result.setback
    if errand.options.tls == "may" and setback is not None and isinstance(setback.cause, TlsTrouble):
        emit(Judged("tls", "in-clear-instead", setback.cause.reason))
        options = msgspec.structs.replace(errand.options, tls="none")
        return await _session(place, msgspec.structs.replace(errand, options=options), net, emit, gate)
    return result


async def _session(place: Place, errand: Errand, net: Net, emit: Emit, gate: Gate | None) -> Attempt:
    envelope, options = errand.envelope, errand.options
    session = Session(place, options, net, emit, gate)
    try:
        setback = await open_session(session)
        if setback is not None:
            outcomes = tuple(failed(who, setback, place.host) for who in envelope.recipients)
        elif session.finished is not None:
            stage, reply = session.finished
            outcomes = tuple(stopped(who, stage, reply, place.host) for who in envelope.recipients)
        else:
            setback, outcomes = await transact(session, envelope, errand.before_content)
        await hang_up(session)
    finally:
        # Also where a person cancels the walk: no socket stays open.
        await session.close()
    return Attempt(place, setback, outcomes)
