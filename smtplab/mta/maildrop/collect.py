"""The reader's client: connects to a POP3 server, logs in, takes the messages that are new, and takes its leave."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Literal

import msgspec

from smtplab.events import Authenticated, Connected, ConnectFailed, ConnectStarted, MailCollected
from smtplab.journal import Emit, Scope
from smtplab.mta.maildrop.talk import CollectTalk
from smtplab.mta.options import TlsPolicy
from smtplab.mta.session import NoTrust, Place
from smtplab.mta.timeouts import DEFAULT, Timeouts
from smtplab.net.ports import ClientTls, Lost, Net, Stream, TlsTrouble, Trust
from smtplab.pop3.apop import apop_digest
from smtplab.pop3.capability import Capabilities
from smtplab.pop3.client import MESSAGE_OCTETS_MAX, Client
from smtplab.pop3.command import (
    LINE_OCTETS_MAX,
    Apop,
    Auth,
    Capa,
    Dele,
    List,
    Pass,
    Quit,
    Retr,
    Stat,
    Stls,
    Uidl,
    User,
    format_command,
)
from smtplab.pop3.response import Response
from smtplab.pop3.rules import broken
from smtplab.smtp.sasl import PlainClient, Secret

OCTETS_MAX = 256 * 1024 * 1024
"""Of all messages together, for they are held in memory; what is more waits for the next time."""

MESSAGES_MAX = 10_000
"""A round trip each: more than anybody waits for. The rest waits for the next time."""

LoginWay = Literal["APOP", "PLAIN", "USER"]
Step = Literal["connect", "greeting", "tls", "login", "listing", "retrieving", "quit"]


class CollectOptions(msgspec.Struct, frozen=True, kw_only=True):
    user: str
    password: Secret
    tls: TlsPolicy = "may"
    trust: Trust | None = None
    """None: no certificate can be verified, so `verify` never succeeds."""
    way: LoginWay | None = None
    """None for the best that the server offers."""
    clear_login: bool = False
    """Tell the password outside TLS too."""
    keep: bool = False
    """Leave the messages where they are."""
    known: frozenset[str] = frozenset()
    """Unique-ids of messages that were collected before and kept."""
    message_octets_max: int = MESSAGE_OCTETS_MAX
    """Longer messages stay where they are."""
    source: str | None = None
    """The local address to connect from."""
    timeouts: Timeouts = DEFAULT


class CollectShortfall(msgspec.Struct, frozen=True):
    """The server lacks what we demand, so we did not go on."""

    reason: Literal["starttls-not-offered", "tls-not-verified", "login-not-offered", "login-needs-tls"]
    detail: str = ""


class CollectSetback(msgspec.Struct, frozen=True):
    """A step that did not succeed, and what was said or happened."""

    step: Step
    cause: Response | Lost | TlsTrouble | CollectShortfall


class Collected(msgspec.Struct, frozen=True):
    uid: str
    """Empty where the server knows no UIDL."""
    content: bytes


class Collection(msgspec.Struct, frozen=True):
    """What a session brought. After a setback the messages are here all the same, and may come again."""

    messages: tuple[Collected, ...] = ()
    removed: bool = False
    """The server has said that it removed them; RFC 1939 6 has it remove nothing before QUIT."""
    left: int = 0
    """Messages that are not known and stay: too long, refused, or too many for once."""
    setback: CollectSetback | None = None


async def collect(place: Place, options: CollectOptions, net: Net, scope: Scope) -> Collection:
    """Never raises for what the peer does. All facts stand in the stage `collect`."""
    emit = scope.all_in("collect")
    stream = await _connect(place, options, net, emit)
    if isinstance(stream, Lost):
        return Collection(setback=CollectSetback("connect", stream))
    client = Client(
        message_octets_max=options.message_octets_max,
        emit=emit,
        monotonic=net.clock.monotonic,
    )
    talk = CollectTalk(stream, client, options.timeouts, emit)
    try:
        return await _Reader(place, options, talk, emit).run()
    finally:
        # Also where a person cancels: no socket stays open.
        await talk.close()


async def _connect(place: Place, options: CollectOptions, net: Net, emit: Emit) -> Stream | Lost:
    host, address, port = place.host, place.address, place.port
    emit(ConnectStarted(host, address, port))
    started = net.clock.monotonic()
    try:
        async with asyncio.timeout(options.timeouts.connect_s):
            stream = await net.dialer.dial(address, port, source=options.source)
    except TimeoutError:
        stream = Lost("timed-out")
    ms = round((net.clock.monotonic() - started) * 1000, 3)
    if isinstance(stream, Lost):
        emit(ConnectFailed(host, address, port, ms, stream.reason))
    else:
        emit(Connected(host, address, port, ms))
    return stream


class _Reader:
    """One session: its steps in the order in which they are taken."""

    def __init__(self, place: Place, options: CollectOptions, talk: CollectTalk, emit: Emit) -> None:
        self._place = place
        self._options = options
        self._talk = talk
        self._emit = emit
        self._messages: list[Collected] = []
        self._octets = 0
        self._left = 0

    async def run(self) -> Collection:
        setback = None
        for step in (self._greet, self._secure, self._log_in, self._retrieve):
            setback = await step()
            if setback is not None:
                break
        removed = False
        if not self._talk.over:
            bye = await self._talk.ask(Quit())
            marked = bool(self._messages) and not self._options.keep
            removed = marked and isinstance(bye, Response) and bye.ok
            setback = setback or _refused("quit", bye)
        return Collection(tuple(self._messages), removed, self._left, setback)

    # Before the maildrop

    async def _greet(self) -> CollectSetback | None:
        if self._options.tls == "implicit" and (setback := await self._handshake()):
            return setback
        return _refused("greeting", await self._talk.greeting())

    async def _secure(self) -> CollectSetback | None:
        """CAPA, and STLS as the policy has it."""
        if isinstance(lost := await self._talk.ask(Capa()), Lost):
            return CollectSetback("greeting", lost)
        if self._options.tls in ("none", "implicit"):
            return None
        offered = self._talk.client.capabilities
        if offered is None or "STLS" not in offered:
            welcome_only = self._options.tls == "may"
            return None if welcome_only else CollectSetback("tls", CollectShortfall("starttls-not-offered"))
        answer = await self._talk.ask(Stls())
        if self._options.tls == "may" and isinstance(answer, Response) and not answer.ok:
            return None
        setback = _refused("tls", answer) or await self._handshake()
        if setback is not None:
            return setback
        # RFC 2595 4: what was announced in clear is forgotten; ask again.
        again = await self._talk.ask(Capa())
        return CollectSetback("tls", again) if isinstance(again, Lost) else None

    async def _handshake(self) -> CollectSetback | None:
        host = self._place.host
        facts = await self._talk.start_tls(ClientTls(host, self._options.trust or NoTrust()))
        if isinstance(facts, TlsTrouble):
            return CollectSetback("tls", facts)
        if self._options.tls == "verify" and facts.verified_by is None:
            return CollectSetback("tls", CollectShortfall("tls-not-verified", facts.problem))
        return None

    async def _log_in(self) -> CollectSetback | None:
        way = self._choose_way()
        if isinstance(way, CollectShortfall):
            return CollectSetback("login", way)
        user, password = self._options.user, self._options.password
        match way:
            case "APOP":
                digest = apop_digest(self._talk.client.timestamp, password.reveal())
                answer = await self._talk.ask(Apop(user, digest))
            case "PLAIN":
                answer = await self._plain(PlainClient(user, password).initial)
            case "USER":
                answer = await self._talk.ask(User(user))
                if isinstance(answer, Response) and answer.ok:
                    answer = await self._talk.ask(Pass(password.reveal()))
        setback = _refused("login", answer)
        if setback is None:
            self._emit(Authenticated(way, user))
        return setback

    def _choose_way(self) -> LoginWay | CollectShortfall:
        """Outside TLS nothing that tells the password, unless it may be told."""
        client, wanted = self._talk.client, self._options.way
        may_tell = client.secure or self._options.clear_login
        ways = list(_telling(client.capabilities)) if may_tell else []
        if client.timestamp:
            # MD5 is better than a password in clear, and no better than TLS.
            ways.insert(len(ways) if client.secure else 0, "APOP")
        if wanted is not None:
            ways = [way for way in ways if way == wanted]
        if ways:
            return ways[0]
        return CollectShortfall(
            "login-not-offered" if may_tell or wanted == "APOP" else "login-needs-tls", wanted or ""
        )

    async def _plain(self, message: bytes) -> Response | Lost:
        command = Auth("PLAIN", message)
        if len(format_command(command)) > LINE_OCTETS_MAX - 2:
            command = Auth("PLAIN")  # RFC 5034 4: then the response waits for the challenge.
        answer = await self._talk.ask(command)
        if isinstance(answer, Response) and answer.status == "+":
            answer = await self._talk.respond(message)
        return answer

    # In the maildrop

    async def _retrieve(self) -> CollectSetback | None:
        stat = await self._talk.ask(Stat())
        setback = _refused("listing", stat)
        if setback is not None or (isinstance(stat, Response) and stat.text.split(" ")[0] == "0"):
            return setback
        sizes = await self._talk.ask(List())
        if (setback := _refused("listing", sizes)) is not None:
            return setback
        ids = await self._talk.ask(Uidl())
        if isinstance(ids, Lost):
            return CollectSetback("listing", ids)
        uids = dict(self._read_listing(ids)) if ids.ok else {}
        for number, octets in dict(self._read_listing(sizes)).items():
            uid = uids.get(number, "")
            if uid and uid in self._options.known:
                continue
            if self._is_too_much(octets):
                self._left += 1
            elif (setback := await self._take(number, uid)) is not None:
                return setback
        return None

    async def _take(self, number: int, uid: str) -> CollectSetback | None:
        answer = await self._talk.ask(Retr(number))
        if isinstance(answer, Lost):
            return CollectSetback("retrieving", answer)
        if answer.content is None:
            self._left += 1
            return None
        self._messages.append(Collected(uid, answer.content))
        self._octets += len(answer.content)
        self._emit(MailCollected("pop3", self._options.user, len(answer.content)))
        if self._options.keep:
            return None
        return _refused("retrieving", await self._talk.ask(Dele(number)))

    def _is_too_much(self, octets: str) -> bool:
        size = int(octets) if _SIZE.fullmatch(octets) else 0
        full = len(self._messages) >= MESSAGES_MAX or self._octets + size > OCTETS_MAX
        return full or size > self._options.message_octets_max

    def _read_listing(self, response: Response | Lost) -> Iterator[tuple[int, str]]:
        """Number and what belongs to it; a line that can't be read is told and left out."""
        for line in response.listing if isinstance(response, Response) else ():
            found = _LISTED.match(line)
            if found:
                yield int(found[1]), found[2]
            else:
                self._emit(broken("bad-listing", "them", line[:40]))


# scan listing and unique-id listing: number SP size, number SP unique-id   ; RFC 1939 5 and 7
_LISTED = re.compile(r"([1-9][0-9]{0,9}) +([!-~]+)")
_SIZE = re.compile(r"[0-9]{1,19}")


def _telling(offered: Capabilities | None) -> Iterator[LoginWay]:
    """The ways that tell the password."""
    if offered is not None and "PLAIN" in offered.mechanisms:
        yield "PLAIN"
    # RFC 2449 6.2; a server without CAPA is one of before it, and they all had USER.
    if offered is None or "USER" in offered:
        yield "USER"


def _refused(step: Step, answer: Response | Lost) -> CollectSetback | None:
    """None for `+OK`."""
    return None if isinstance(answer, Response) and answer.ok else CollectSetback(step, answer)
