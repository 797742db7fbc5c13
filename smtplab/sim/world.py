"""A simulated world as data: its hosts, zones, users and links; nothing is read or run here."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Role = Literal["user-agent", "submission", "relay", "mx", "backup-mx", "resolver"]
State = Literal["active", "full", "suspended"]

Name = Annotated[str, Meta(pattern=r"^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$", max_length=253)]
"""A host's or domain's name as RFC 1035 bounds it, lower case, without the final dot."""
Address = Annotated[str, Meta(max_length=45)]
Seconds = Annotated[float, Meta(ge=0)]
Milliseconds = Annotated[float, Meta(ge=0, le=60_000)]
"""A minute each way is more than any network takes: RFC 5321's time-outs are minutes."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


class Texts(_Part, frozen=True):
    """One text for people in both languages."""

    en: str
    vi: str


class Software(_Part, frozen=True):
    """How a server presents itself and where it draws its limits."""

    banner: str = "{host} ESMTP"
    """The greeting's text after 220; `{host}` stands for the host's name."""
    extensions: tuple[str, ...] = ("PIPELINING", "SIZE", "8BITMIME", "ENHANCEDSTATUSCODES", "STARTTLS")
    """Keywords announced, in this order. AUTH is announced where users submit, and only inside TLS (RFC 4954 4)."""
    size_octets_max: Annotated[int, Meta(gt=0)] = 10_485_760
    recipients_max: Annotated[int, Meta(gt=0)] = 1000
    reply_ms: Milliseconds = 1.0
    """How long it thinks before each reply."""


class Host(_Part, frozen=True):
    name: Name
    roles: Annotated[tuple[Role, ...], Meta(min_length=1)]
    site: str
    addresses: Annotated[tuple[Address, ...], Meta(min_length=1)]
    resolver: Address = ""
    """Whom it asks for names; needed where it sends mail."""
    domains: tuple[Name, ...] = ()
    """An `mx` puts their mail into mailboxes, a `backup-mx` keeps it for a better one."""
    submits_to: Name = ""
    """A `user-agent`'s submission server."""
    relays_to: Name = ""
    """Where a server hands all foreign mail, in place of the recipient's MX."""
    accepts_from: tuple[Name, ...] = ()
    """A `relay` takes foreign mail from these hosts and from nobody else."""
    software: Software = Software()
    retry_s: Annotated[tuple[Seconds, ...], Meta(min_length=1)] = (300.0, 600.0, 1200.0, 2400.0, 4000.0)
    """The pauses between attempts; the last is repeated."""
    lifetime_s: Seconds = 432_000.0
    """RFC 5321 4.5.4.1: four to five days, then the message is returned."""


class User(_Part, frozen=True):
    address: Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]
    name: str
    password: str = ""
    """Empty where the user cannot submit."""
    agent: Name = ""
    """The host of the program with which the user writes; empty where the user only receives."""
    state: State = "active"


class Zone(_Part, frozen=True):
    origin: Annotated[str, Meta(pattern=r"^(\.|[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?)$", max_length=253)]
    """The root's `.` holds what no other zone does: without it a name outside every zone is a SERVFAIL."""
    text: str
    """A master file (RFC 1035 5), read with this origin."""


class Letter(_Part, frozen=True):
    """What a user writes where the person at the keyboard wrote nothing."""

    subject: str
    body: str


class Site(_Part, frozen=True):
    """A local network."""

    name: str
    latency_ms: Milliseconds = 0.3
    """One way, between two hosts of the site."""


class Link(_Part, frozen=True):
    """A line between two sites; a packet takes the quickest way over such lines."""

    sites: tuple[str, str]
    latency_ms: Milliseconds


class World(_Part, frozen=True):
    """Everything that a run starts from. Lists bear the plural of what they hold."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=64)]
    title: Texts
    teaches: Texts
    letter: Letter
    start: dt.datetime
    """The clock's first moment; a date with its offset."""
    seed: int
    sites: tuple[Site, ...]
    hosts: tuple[Host, ...]
    zones: tuple[Zone, ...]
    users: tuple[User, ...]
    links: tuple[Link, ...] = ()

    def host(self, name: str) -> Host:
        """Raises KeyError: a checked world names only hosts that it has."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise KeyError(name)
