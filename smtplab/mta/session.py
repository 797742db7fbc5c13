"""The way to a session in which mail can be sent: connect, greeting, EHLO, TLS and AUTH, each a small function."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal

import msgspec

from smtplab.events import Authenticated, Connected, ConnectFailed, ConnectStarted, Judged
from smtplab.journal import Emit, Stage
from smtplab.mta.options import Credentials, QuitAfter, SessionOptions
from smtplab.mta.outcome import Setback, Shortfall
from smtplab.mta.patience import Patience
from smtplab.mta.talk import Gate, Outcome, Skipped, Talk
from smtplab.mta.xclient import missing
from smtplab.net.ports import ClientTls, Lost, Net, TlsTrouble
from smtplab.smtp.client import Client
from smtplab.wire.command import Auth, Ehlo, Helo, Lhlo, Quit, Rset, StartTls, Unknown
from smtplab.wire.reply import Reply

if TYPE_CHECKING:
    from smtplab.smtp.sasl import ClientMechanism

CHALLENGES_MAX = 10
"""The longest exchange that we speak, SCRAM's, has three: more is a server that never comes to an end."""


class Place(msgspec.Struct, frozen=True):
    """Whom to call."""

    host: str
    address: str
    port: int


class NoTrust:
    """Stands in where nobody can judge certificates: none holds."""

    def judge(self, chain_der: tuple[bytes, ...], server_name: str) -> tuple[str | None, str]:
        del chain_der, server_name
        return None, "unknown-issuer"


class Session:
    """What the steps of one session share."""

    def __init__(self, place: Place, options: SessionOptions, net: Net, emit: Emit, gate: Gate | None) -> None:
        self.place = place
        self.options = options
        self.net = net
        self.emit = emit
        self.gate = gate
        self.finished: tuple[Stage, Reply | None] | None = None
        """Where it ended as asked, and what was said last."""
        self.transactions = 0
        """Begun so far."""
        self._talk: Talk | None = None

    @property
    def talk(self) -> Talk:
        """Once connected."""
        assert self._talk is not None
        return self._talk

    @property
    def connected(self) -> bool:
        return self._talk is not None

    @property
    def ended(self) -> bool:
        """As far as we were asked to go."""
        return self.finished is not None

    def begin(self, talk: Talk) -> None:
        self._talk = talk

    def tell_to(self, emit: Emit) -> None:
        """Another delivery has it now: there its facts belong."""
        self.emit = emit
        if self._talk is not None:
            self._talk.tell_to(emit)

    def stop_at(self, stage: QuitAfter, told: Stage, reply: Outcome | None = None) -> bool:
        """Is this as far as we were asked to go?"""
        if self.options.quit_after is None or not self.options.ends_at(stage):
            return False
        self.finished = (told, reply if isinstance(reply, Reply) else None)
        return True

    def say(self, verdict: Literal["ended", "goes-on"], reason: str) -> None:
        """Why it ends before it has done its work, or what it does without."""
        if self.options.says_what_lacks:
            self.emit(Judged("session", verdict, reason))

    def without(self, stage: Stage, shortfall: Shortfall, *, needed: bool) -> Setback | None:
        """The server lacks what was asked for: that ends it, or is said."""
        if needed:
            return Setback(stage, shortfall)
        self.say("goes-on", shortfall.words)
        return None

    async def close(self) -> None:
        talk, self._talk = self._talk, None
        if talk is not None:
            await talk.close()


async def open_session(session: Session) -> Setback | None:
    """Everything before MAIL. None where the session stands, or has `finished` as asked."""
    setback = await connect(session)
    if setback is None and not session.stop_at("connect", "connect"):
        setback = await _greeting(session)
        if setback is None and session.finished is None:
            setback = await _introduce(session)
    return setback


async def hang_up(session: Session) -> None:
    """RSET where a transaction is open, QUIT, unless the dialogue is over already."""
    if not session.connected or session.talk.over or session.talk.client.state in ("data", "auth", "tls", "connected"):
        return
    if session.options.drop and (session.ended or session.options.quit_after == "data"):
        return
    if session.options.reset and session.talk.client.state in ("mail", "rcpt", "chunking"):
        await session.talk.ask(Rset())
    await session.talk.ask(Quit())


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
    if isinstance(stream, Lost):
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
        setback = await _authenticate(session, session.options.credentials)
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


async def log_in(session: Session, credentials: Credentials) -> Setback | None:
    """AUTH by hand: the mechanism that a person names, whatever was announced."""
    found = _next_mechanism(session, credentials, [])
    if found is None:
        return Setback("auth", Shortfall("auth-mechanism-not-offered", credentials.mechanism or ""))
    return await _try(session, *found, credentials.user)


async def _authenticate(session: Session, credentials: Credentials) -> Setback | None:
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


def refused(stage: Stage, outcome: Outcome) -> Setback | None:
    """None for a 2xx, and for what a person skipped: the dialogue goes on as if it had succeeded."""
    match outcome:
        case Reply() if outcome.severity == 2:
            return None
        case Skipped():
            return None
        case Reply() | Lost():
            return Setback(stage, outcome)


def _nonce(session: Session) -> str:
    return f"{session.net.chance('sasl-nonce').getrandbits(144):036x}"


def _unbase64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
