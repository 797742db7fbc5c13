"""The way to a session in which mail can be sent: connect, greeting, EHLO, TLS and AUTH, each a small function."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from smtplab.events import Connected, ConnectFailed, ConnectStarted
from smtplab.mta.authentication import authenticate
from smtplab.mta.options import SessionOptions
from smtplab.mta.outcome import Setback, Shortfall
from smtplab.mta.patience import Patience
from smtplab.mta.session import NoTrust, Session, refused
from smtplab.mta.talk import Outcome, Skipped, Talk
from smtplab.mta.xclient import missing
from smtplab.net.ports import ClientTls, Lost, TlsTrouble
from smtplab.smtp.client import Client
from smtplab.wire.command import Ehlo, Helo, Lhlo, StartTls, Unknown
from smtplab.wire.reply import Reply


async def open_session(session: Session) -> Setback | None:
    """Everything before MAIL. None where the session stands, or has `finished` as asked."""
    setback = await connect(session)
    if setback is None and not session.stop_at("connect", "connect"):
        setback = await _greeting(session)
        if setback is None and session.finished is None:
            setback = await _introduce(session)
    return setback


async def connect(session: Session) -> Setback | None:
    """The connection alone; the greeting has not been heard."""
    place, clock = session.place, session.net.clock
    host, address, port = place.host, place.address, place.port
    session.emit(ConnectStarted(host, address, port))
    started = clock.monotonic()
    patience = Patience()
    try:
        with patience.within(session.options.timeouts.connect_s):
            stream = await session.net.dialer.dial(address, port, source=session.options.source)
    except TimeoutError:
        stream = Lost("timed-out")
    ms = round((clock.monotonic() - started) * 1000, 3)
    if type(stream) is Lost:
        patience.end()
        session.emit(ConnectFailed(host, address, port, ms, stream.reason))
        return Setback("connect", stream)
    session.emit(Connected(host, address, port, ms))
    client = Client(
        dialect=session.options.dialect,
        emit=None if session.options.untold else session.emit,
        monotonic=clock.monotonic,
        show_secrets=session.options.show_secrets,
    )
    session.begin(Talk(stream, client, session.options.timeouts, session.emit, session.gate, patience))
    if session.options.preface and (lost := await session.talk.preface(session.options.preface)):
        return Setback("connect", lost)
    return None


async def _greeting(session: Session) -> Setback | None:
    if session.options.tls == "implicit":
        if setback := await handshake(session):
            return setback
        if session.options.quit_after == "handshake":
            session.stop_at("handshake", "tls")
            return None
    greeting = await session.talk.greeting()
    setback = refused("greeting", greeting)
    if setback is None:
        session.stop_at("greeting", "greeting", greeting)
    return setback


async def _introduce(session: Session) -> Setback | None:
    """EHLO, TLS and AUTH."""
    hello = await _hello(session)
    setback = refused("ehlo", hello)
    if setback is not None or session.stop_at("ehlo", "ehlo", hello):
        return setback
    for step in _steps_after_hello(session.options):
        setback = await step(session)
        if setback is not None or session.ended:
            return setback
    return None


def _steps_after_hello(options: SessionOptions) -> list[Callable[[Session], Awaitable[Setback | None]]]:
    """Those that are wanted, or at which it may be to end."""
    ends = options.quit_after is not None
    steps = (
        (_speak_for_early, options.xclient is not None),
        (_secure, options.tls in _STARTTLS_POLICIES or ends),
        (_speak_for_late, options.xclient is not None or ends),
        (_log_in, options.credentials is not None or ends),
    )
    return [step for step, wanted in steps if wanted]


_STARTTLS_POLICIES = ("may", "require", "verify")


async def _secure(session: Session) -> Setback | None:
    setback = await _start_tls(session) if session.options.tls in _STARTTLS_POLICIES else None
    if setback is None and not session.ended:
        session.stop_at("tls", "tls")
    return setback


async def _speak_for_early(session: Session) -> Setback | None:
    xclient = session.options.xclient
    return await _speak_for(session) if xclient is not None and xclient.before_tls else None


async def _speak_for_late(session: Session) -> Setback | None:
    xclient = session.options.xclient
    setback = await _speak_for(session) if xclient is not None and not xclient.before_tls else None
    if setback is None and not session.ended:
        session.stop_at("xclient-ehlo", "ehlo")
    return setback


async def _log_in(session: Session) -> Setback | None:
    if session.options.credentials is not None:
        setback = await authenticate(session, session.options.credentials)
        if setback is not None:
            return setback
    session.stop_at("auth", "auth")
    return None


async def _hello(session: Session) -> Outcome:
    """EHLO; HELO where it is not understood (RFC 5321 3.2)."""
    options = session.options
    if options.dialect == "lmtp":
        return await session.talk.ask(Lhlo(options.helo))
    if options.dialect == "smtp":
        return await session.talk.ask(Helo(options.helo))
    answer = await session.talk.ask(Ehlo(options.helo))
    if isinstance(answer, Reply) and answer.severity == 5 and not session.talk.over:
        return await session.talk.ask(Helo(options.helo))
    return answer


async def _start_tls(session: Session) -> Setback | None:
    talk, welcome_only = session.talk, session.options.tls == "may"
    if "STARTTLS" not in talk.client.extensions:
        if welcome_only and session.options.tls_asked:
            session.say("goes-on", "starttls-not-offered")
        return None if welcome_only else Setback("tls", Shortfall("starttls-not-offered"))
    answer = await talk.ask(StartTls())
    if isinstance(answer, Skipped):
        return None
    if not (isinstance(answer, Reply) and answer.code == 220):
        if welcome_only and not session.options.tls_strict and isinstance(answer, Reply) and not talk.over:
            return None
        return refused("tls", answer) or Setback("tls", TlsTrouble("not-tls"))
    setback = await handshake(session)
    if setback is not None or session.stop_at("handshake", "tls"):
        return setback
    # RFC 3207 4.2: what was announced in clear is forgotten; ask again.
    return refused("ehlo", await _hello(session))


async def handshake(session: Session) -> Setback | None:
    """TLS, now."""
    options, place = session.options, session.place
    host = place.host if place.port else ""  # What is no host has no name that a certificate could bear.
    template = options.client_tls
    name, context = (template.server_name or host, template.context) if template is not None else (host, None)
    facts = await session.talk.start_tls(ClientTls(name, options.trust or NoTrust(), context))
    if isinstance(facts, TlsTrouble):
        return Setback("tls", facts)
    if (options.tls == "verify" or options.tls_must_hold) and facts.verified_by is None:
        return Setback("tls", Shortfall("tls-not-verified", facts.problem))
    return None


async def _speak_for(session: Session) -> Setback | None:
    """XCLIENT. A server that takes it greets anew, and is told EHLO anew; it may offer other things now."""
    talk, wanted = session.talk, session.options.xclient
    assert wanted is not None
    if "XCLIENT" not in talk.client.extensions:
        return session.without("ehlo", Shortfall("xclient-not-offered"), needed=wanted.needed == "always")
    absent = missing(wanted, talk.client.extensions.offered["XCLIENT"])
    if absent:
        shortfall = Shortfall("xclient-not-offered", " ".join(absent))
        return session.without("ehlo", shortfall, needed=wanted.needed == "always")
    answer: Outcome = Skipped()
    for argument in wanted.arguments:
        answer = await talk.ask(Unknown(f"XCLIENT {argument}".encode()))
        if refused("ehlo", answer):
            goes_on = wanted.needed == "never" and not talk.over
            if isinstance(answer, Reply):
                session.say("goes-on" if goes_on else "ended", "xclient-refused")
            return None if goes_on else refused("ehlo", answer)
    if session.stop_at("xclient", "ehlo", answer):
        return None
    return refused("ehlo", await _hello(session))
