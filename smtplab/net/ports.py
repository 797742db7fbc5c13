"""What the engine asks of the world: a dialer, a listener, a resolver, a clock and chance, given to it as arguments."""

from __future__ import annotations

import random
import ssl
from collections.abc import Awaitable, Callable, Generator
from typing import Literal, Protocol, final

import msgspec

from smtplab.events import CertificateSeen
from smtplab.journal import Emit


class Endpoint(msgspec.Struct, frozen=True):
    address: str
    port: int


# Final, so that it can be told by its class: of anything else, isinstance takes eight times as long.
@final
class Lost(msgspec.Struct, frozen=True):
    """A connection, or the try to make one, came to an end that nobody asked for."""

    reason: str
    """One of the reasons of `events.ConnectFailed` or `events.Disconnected`."""
    detail: str = ""
    """The system's own words, for the log."""


# TLS


class TlsFacts(msgspec.Struct, frozen=True):
    """What a finished handshake showed."""

    version: str
    cipher: str
    chain: tuple[CertificateSeen, ...] = ()
    """The peer's certificate first; empty where it presented none."""
    verified_by: str | None = None
    problem: str = ""
    server_name: str = ""
    """The name that the client asked for (SNI)."""
    end_point: bytes = b""
    """The hash of the server's certificate, to which an exchange inside can be bound (RFC 5929 4.1)."""
    client_names: tuple[str, ...] = ()
    """Whom the client's certificate names, at a server that asked for one."""


class TlsTrouble(msgspec.Struct, frozen=True):
    reason: str
    """`no-common-version`, `not-tls`, `handshake-failed`, `timed-out`, `closed`, ..."""
    detail: str = ""


class Trust(Protocol):
    """Judges a chain as presented, DER forms with the server's own first, after the handshake and at our own clock."""

    def judge(self, chain_der: tuple[bytes, ...], server_name: str) -> tuple[str | None, str]:
        """`("pkix", "")` or `(None, problem)`."""
        ...


class ClientTls(msgspec.Struct, frozen=True):
    """What a client brings to a handshake; the handshake itself verifies nothing, `trust` judges the chain after it."""

    server_name: str
    trust: Trust
    context: ssl.SSLContext | None = None
    """None for the default one."""


class ServerTls(msgspec.Struct, frozen=True):
    context: ssl.SSLContext


# Streams: the client's end is pulled, the server's end is pushed


class _Written:
    def __await__(self) -> Generator[None, None, None]:
        yield from ()


WRITTEN: Awaitable[None] = _Written()
"""What nobody need wait for, nor bound in time: it is done, as nearly every `Stream.write` is."""


class Stream(Protocol):
    """A client's connection. The bytes are always the plain ones, also inside TLS."""

    local: Endpoint
    peer: Endpoint

    async def read(self) -> bytes | Lost:
        """What has come, at most 64 KiB; `b""` at the peer's end of stream."""
        ...

    def write(self, data: bytes) -> Awaitable[Lost | None]:
        """Returns once the transport can take more: `WRITTEN` where it can already."""
        ...

    async def start_tls(self, tls: ClientTls) -> TlsFacts | TlsTrouble: ...

    async def close(self) -> None:
        """Never raises, never hangs; closing twice is nothing."""
        ...


class Dialer(Protocol):
    async def dial(self, address: str, port: int, *, source: str | None = None) -> Stream | Lost:
        """Connect. The caller bounds the time (`asyncio.timeout`) and starts TLS, implicit TLS too."""
        ...


UNSENT_OCTETS_MAX = 65536
"""What may wait to leave before its writer is asked to stop, as in asyncio; TCP itself holds about as much."""


class Wire(Protocol):
    """A server's end of a connection."""

    local: Endpoint
    peer: Endpoint

    @property
    def full(self) -> bool:
        """More than `UNSENT_OCTETS_MAX` was written and has not left: write no more until `Handler.drained`."""
        ...

    def write(self, data: bytes) -> None: ...

    def start_tls(self, tls: ServerTls) -> None:
        """What was written before leaves in clear; `Handler.secured` tells the end of the handshake."""
        ...

    def unread(self, data: bytes) -> None:
        """Of what was received, the end that belongs to whoever reads from now on: it comes again."""
        ...

    def close(self) -> None:
        """What was written still leaves."""
        ...

    def abort(self) -> None:
        """A reset; nothing more leaves."""
        ...

    def pause(self) -> None:
        """Stop reading from the peer, so that it waits."""
        ...

    def resume(self) -> None: ...

    @property
    def unsent_octets(self) -> int:
        """What was written and has not left, for back-pressure."""
        ...


class Handler(Protocol):
    """Who answers at a server's end; called from the event loop, must not block."""

    def connected(self, wire: Wire) -> None: ...

    def received(self, data: bytes) -> None:
        """Plain bytes, never empty."""
        ...

    def secured(self, outcome: TlsFacts | TlsTrouble) -> None: ...

    def drained(self) -> None:
        """The wire that was full is not any more."""
        ...

    def ended(self, lost: Lost | None) -> None:
        """Once, after which nothing more is called. None for the peer's orderly end, or ours.

        After the peer's orderly end the wire still takes what is owed to the peer: close it when nothing is.
        """
        ...


class Listening(Protocol):
    endpoint: Endpoint

    async def close(self) -> None: ...


class Listener(Protocol):
    async def listen(
        self, address: str, port: int, make_handler: Callable[[], Handler], *, tls: ServerTls | None = None
    ) -> Listening:
        """Raises OSError where the address can't be bound: that is the operator's to mend, no fact of a session."""
        ...


# DNS

AnswerKind = Literal["found", "nxdomain", "nodata", "servfail", "timed-out", "unreachable", "malformed", "cname-loop"]


class Answer(msgspec.Struct, frozen=True):
    """One question's end. NXDOMAIN, no data, SERVFAIL and time-out are four answers, never one (RFC 2308)."""

    kind: AnswerKind
    name: str
    """As asked, lower case, without the final dot."""
    rrtype: str
    records: tuple[str, ...] = ()
    """Data in presentation form, as dnspython writes it: `10 mx1.hust.example.`."""
    canonical: str = ""
    """The name that holds the records after CNAMEs; equal to `name` where there were none."""
    aliases: tuple[str, ...] = ()
    """The CNAME targets in the order followed."""
    ttl_s: int | None = None
    authentic: bool = False

    @property
    def final(self) -> bool:
        """The name's owner has spoken: found, nxdomain or nodata. All else is temporary."""
        return self.kind in ("found", "nxdomain", "nodata")


class Resolver(Protocol):
    async def resolve(self, name: str, rrtype: str, emit: Emit) -> Answer:
        """Never raises for what a server says; bounded in time, tries and CNAMEs by itself."""
        ...


# Time and chance


class Clock(Protocol):
    """Seconds. Waiting is asyncio's, whose loop runs on the same clock."""

    def now(self) -> float:
        """Since the epoch, UTC."""
        ...

    def monotonic(self) -> float: ...


Chance = Callable[[str], random.Random]
"""`chance("mx-order")`: a generator for one purpose, drawn from the seed, the node and the purpose in a simulation."""


class Net(msgspec.Struct, frozen=True):
    """The world as the engine is given it: the only door in."""

    dialer: Dialer
    resolver: Resolver
    clock: Clock
    chance: Chance
    listener: Listener | None = None
