"""The way to a session in which mail can be sent: connect, greeting, EHLO, TLS and AUTH, each a small function."""

from __future__ import annotations

import base64
import binascii
import ipaddress

import msgspec

from smtplab.events import Authenticated, Connected, ConnectFailed, ConnectStarted
from smtplab.journal import Emit, Stage
from smtplab.mta.options import Credentials, QuitAfter, SessionOptions
from smtplab.mta.outcome import Setback, Shortfall
from smtplab.mta.patience import Patience
from smtplab.mta.talk import Gate, Outcome, Skipped, Talk
from smtplab.net.ports import ClientTls, Lost, Net, TlsTrouble
from smtplab.smtp.client import Client
from smtplab.smtp.sasl import ClientMechanism, SaslTrouble, choose, start_client
from smtplab.wire.command import Auth, Ehlo, Helo, Lhlo, Quit, Rset, StartTls
from smtplab.wire.reply import Reply

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
        self._talk: Talk | None = None

    @property
    def talk(self) -> Talk:
        """Once connected."""
        assert self._talk is not None
        return self._talk

    @property
    def connected(self) -> bool:
        return self._talk is not None

    def begin(self, talk: Talk) -> None:
        self._talk = talk

    def stop_at(self, stage: QuitAfter, told: Stage, reply: Outcome | None = None) -> bool:
        """Is this as far as we were asked to go?"""
        if not self.options.ends_at(stage):
            return False
        self.finished = (told, reply if isinstance(reply, Reply) else None)
        return True

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
    if session.options.drop and session.finished is not None:
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
    return None


async def _greeting(session: Session) -> Setback | None:
    if session.options.tls == "implicit" and (setback := await handshake(session)):
        return setback
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
    if session.options.tls in ("may", "require", "verify"):
        setback = await _start_tls(session)
        if setback is not None:
            return setback
    if session.stop_at("tls", "tls"):
        return None
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
        return None if welcome_only else Setback("tls", Shortfall("starttls-not-offered"))
    answer = await talk.ask(StartTls())
    if isinstance(answer, Skipped):
        return None
    if not (isinstance(answer, Reply) and answer.code == 220):
        if welcome_only and isinstance(answer, Reply) and not talk.over:
            return None
        return refused("tls", answer) or Setback("tls", TlsTrouble("not-tls"))
    setback = await handshake(session)
    if setback is not None:
        return setback
    # RFC 3207 4.2: what was announced in clear is forgotten; ask again.
    return refused("ehlo", await _hello(session))


async def handshake(session: Session) -> Setback | None:
    """TLS, now."""
    options, host = session.options, session.place.host
    name = "" if _is_address(host) else host
    facts = await session.talk.start_tls(ClientTls(name or host, options.trust or NoTrust()))
    if isinstance(facts, TlsTrouble):
        return Setback("tls", facts)
    if options.tls == "verify" and facts.verified_by is None:
        return Setback("tls", Shortfall("tls-not-verified", facts.problem))
    return None


async def _authenticate(session: Session, credentials: Credentials) -> Setback | None:
    talk = session.talk
    announced = talk.client.extensions.auth_mechanisms
    if not announced:
        return Setback("auth", Shortfall("auth-not-offered"))
    binding = talk.binding
    name = credentials.mechanism or choose(announced, talk.client.secure, binding=binding is not None)
    mechanism = _mechanism(session, credentials, name or "", announced)
    if name is None or mechanism is None:
        return Setback("auth", Shortfall("auth-mechanism-not-offered", " ".join(announced)))
    answer = await talk.ask(Auth(mechanism.name, mechanism.initial))
    if isinstance(answer, Skipped):
        return None
    return await _exchange(session, mechanism, answer, credentials.user)


def _mechanism(
    session: Session, credentials: Credentials, name: str, announced: tuple[str, ...]
) -> ClientMechanism | None:
    return start_client(
        name,
        credentials.user,
        credentials.password,
        lambda: _nonce(session),
        binding=session.talk.binding,
        announced=announced,
    )


async def _exchange(session: Session, mechanism: ClientMechanism, answer: Outcome, user: str) -> Setback | None:
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


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
