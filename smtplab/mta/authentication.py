"""AUTH from the client's side: which mechanism, its exchange with the server, and what its refusal means."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from smtplab.events import Authenticated
from smtplab.mta.options import Credentials
from smtplab.mta.outcome import Setback, Shortfall
from smtplab.mta.session import Session, refused
from smtplab.mta.talk import Outcome, Skipped
from smtplab.wire.command import Auth
from smtplab.wire.reply import Reply

if TYPE_CHECKING:
    from smtplab.smtp.sasl import ClientMechanism

CHALLENGES_MAX = 10
"""The longest exchange that we speak, SCRAM's, has three: more is a server that never comes to an end."""


async def log_in(session: Session, credentials: Credentials) -> Setback | None:
    """AUTH by hand: the mechanism that a person names, whatever was announced."""
    found = _next_mechanism(session, credentials, [])
    if found is None:
        return Setback("auth", Shortfall("auth-mechanism-not-offered", credentials.mechanism or ""))
    return await _try(session, *found, credentials.user)


async def authenticate(session: Session, credentials: Credentials) -> Setback | None:
    """AUTH with one mechanism after the other of those that the server announced."""
    announced = session.talk.client.extensions.auth_mechanisms
    if not announced:
        return session.without("auth", Shortfall("auth-not-offered"), needed=credentials.needed == "always")
    tried: list[str] = []
    setback: Setback | None = None
    while not session.talk.over and (found := _next_mechanism(session, credentials, tried)) is not None:
        setback = await _try(session, *found, credentials.user)
        if setback is None:
            return None
    if setback is not None:
        goes_on = credentials.needed == "never" and not session.talk.over
        if isinstance(setback.cause, Reply):
            session.say("goes-on" if goes_on else "ended", "auth-failed")
        return None if goes_on else setback
    shortfall = Shortfall("auth-mechanism-not-offered", " ".join(announced))
    return session.without("auth", shortfall, needed=credentials.needed == "always")


async def _try(session: Session, name: str, mechanism: ClientMechanism, user: str) -> Setback | None:
    answer = await session.talk.ask(Auth(name, mechanism.initial))
    if isinstance(answer, Skipped):
        return None
    return await _exchange(session, mechanism, answer, user)


def _next_mechanism(session: Session, credentials: Credentials, tried: list[str]) -> tuple[str, ClientMechanism] | None:
    """The name to say and the mechanism behind it, of those not yet `tried`, to which it is added."""
    # What a mechanism is made of is read where somebody logs in.
    from smtplab.smtp.sasl import start_client  # noqa: PLC0415

    while (name := _next_name(session, credentials, tried)) is not None:
        tried.append(name)
        mechanism = start_client(
            credentials.aliases.get(name, name),
            credentials.user,
            credentials.password,
            lambda: _nonce(session),
            binding=session.talk.binding,
            announced=session.talk.client.extensions.auth_mechanisms,
        )
        if mechanism is not None:
            return name, mechanism
    return None


def _next_name(session: Session, credentials: Credentials, tried: list[str]) -> str | None:
    talk = session.talk
    left = [name for name in talk.client.extensions.auth_mechanisms if name not in tried]
    if credentials.mechanisms:
        return next((name for name in credentials.mechanisms if name in left), None)
    if credentials.mechanism is not None:
        return None if tried else credentials.mechanism.upper()
    if tried and not credentials.tries_all:
        return None
    from smtplab.smtp.sasl import choose  # noqa: PLC0415 (as above)

    known = {credentials.aliases.get(name, name): name for name in left}
    best = choose(tuple(known), talk.client.secure, binding=talk.binding is not None)
    return None if best is None else known[best]


async def _exchange(session: Session, mechanism: ClientMechanism, answer: Outcome, user: str) -> Setback | None:
    from smtplab.smtp.sasl_steps import SaslTrouble  # noqa: PLC0415 (as above)

    for _ in range(CHALLENGES_MAX):
        if not isinstance(answer, Reply) or answer.code != 334:
            break
        challenge = _unbase64(answer.lines[0]) if answer.lines else b""
        response = SaslTrouble("bad-challenge") if challenge is None else mechanism.respond(challenge)
        if isinstance(response, SaslTrouble):
            await session.talk.respond(None)
            return Setback("auth", Shortfall("auth-broken", response.reason))
        answer = await session.talk.respond(response)
    setback = refused("auth", answer)
    if setback is None:
        if not getattr(mechanism, "server_proven", True):
            return Setback("auth", Shortfall("auth-broken", "server-not-proven"))
        session.emit(Authenticated(mechanism.name, user))
    return setback


def _nonce(session: Session) -> str:
    return f"{session.net.chance('sasl-nonce').getrandbits(144):036x}"


def _unbase64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
