"""What `smtplab serve` was asked for, as values; nothing is opened here."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from smtplab.mta.inbox.ageing import Keep
from smtplab.mta.queue.schedule import Schedule
from smtplab.net.ports import Endpoint
from smtplab.smtp.server import LineEndings

Protocol = Literal["smtp", "submission", "smtps", "lmtp", "pop3", "http"]


class Place(msgspec.Struct, frozen=True):
    """Where to listen."""

    protocol: Protocol
    host: str
    port: int
    """0 for whatever is free."""


class ServeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What `smtplab serve` was asked for."""

    home: Path
    places: tuple[Place, ...] = (Place("smtp", "127.0.0.1", 2525),)
    hostname: str | None = None
    language: str = "en"
    """In which its notices to senders begin."""
    domains: tuple[str, ...] = ()
    """None: everybody's mail is local."""
    users: tuple[tuple[str, str], ...] = ()
    size_octets_max: int = 10_485_760
    discard: bool = False
    relay_to: tuple[str, int] | None = None
    deliver: bool = False
    schedule: Schedule = Schedule()
    """Of the queue, where there is a way out."""
    trust: tuple[str, ...] = ()
    certificates: tuple[tuple[str, str | None], ...] = ()
    """The files of each and of its key; the first serves where a client asks for no name that another one has."""
    proxy_protocol: bool = False
    """Each connection begins with a proxy's header, from loopback and `trust` alone."""
    client_ca: str | None = None
    """Clients are asked for a certificate of this authority."""
    maildir: str | None = None
    webhook: str | None = None
    """A URL that is told of each message."""
    line_endings: LineEndings = "strict"
    behaviour: str | None = None
    """A file's name."""
    keep: Keep = Keep()
    """Of messages and sessions; everything unless told otherwise."""
    log: str | None = None
    """A file's name."""
    log_octets_max: int = 10_485_760
    """After which a new one is begun."""
    dns: Endpoint | None = None
    port: int = 25
    resolve: tuple[tuple[str, str], ...] = ()

    @property
    def relays(self) -> bool:
        """Is there a way out for other domains' mail?"""
        return self.relay_to is not None or self.deliver


def shown(place: Place) -> str:
    """`127.0.0.1:2525`, `[::1]:2525`."""
    return f"[{place.host}]:{place.port}" if ":" in place.host else f"{place.host}:{place.port}"
