"""A simulated world as data: its hosts, zones, users, links and journeys; nothing is read or run here."""

from __future__ import annotations

import datetime as dt
import functools
from typing import Annotated, Literal

from msgspec import Meta

from smtplab.mta.behaviour.faults import Fault, KeywordLine
from smtplab.mta.behaviour.manner import Manner
from smtplab.mta.behaviour.policy import Greylisting, RateLimit
from smtplab.sim.expect import Expectation
from smtplab.sim.parts import (
    Address,
    Domain,
    MailAddress,
    Milliseconds,
    Name,
    OneLine,
    Part,
    Pause,
    Probability,
    Seconds,
)
from smtplab.smtp.client import Dialect
from smtplab.smtp.requests import LineEndings

Role = Literal[
    "user-agent", "webmail", "submission", "relay", "smarthost", "mx", "backup-mx", "resolver", "dnsbl"
]  # fmt: skip
"""A `webmail` is a user agent that stands at the provider, a `smarthost` a relay for other people's servers, and a
`dnsbl` the home of a blocklist, whose zone the resolvers hold as every other."""

AGENTS = frozenset({"user-agent", "webmail"})
RELAYS = frozenset({"relay", "smarthost", "mx", "backup-mx"})
State = Literal["active", "full", "suspended"]
CATCH_ALL = "*@"
"""How the alias of a whole domain begins."""


class Texts(Part, frozen=True):
    """One text for people in both languages."""

    en: str
    vi: str


class Software(Part, frozen=True):
    """How a server presents itself and where it draws its limits; what is left out is the manner's own."""

    manner: Manner = "plain"
    """Whose codes, order of checks and pauses it has."""
    banner: OneLine | None = None
    """The greeting's text after 220; `{host}` stands for the host's name."""
    extensions: tuple[KeywordLine, ...] | None = None
    """Keywords announced, in this order. AUTH is announced where users submit, and only inside TLS (RFC 4954 4)."""
    dialect: Dialect = "esmtp"
    """`smtp` knows no EHLO (RFC 821)."""
    size_octets_max: Annotated[int, Meta(gt=0)] | None = None
    recipients_max: Annotated[int, Meta(gt=0)] | None = None
    hops_max: Annotated[int, Meta(gt=0)] | None = None
    """Received lines that make a loop (RFC 5321 6.3 wants at least 100; many draw the line earlier)."""
    line_endings: LineEndings = "strict"
    reply_ms: Milliseconds | None = None
    """How long it thinks before each reply."""


class Host(Part, frozen=True):
    name: Name
    roles: Annotated[tuple[Role, ...], Meta(min_length=1)]
    site: str
    addresses: Annotated[tuple[Address, ...], Meta(min_length=1)]
    resolver: Address = ""
    """Whom it asks for names; needed where it sends mail."""
    domains: tuple[Domain, ...] = ()
    """An `mx` puts their mail into mailboxes, a `backup-mx` keeps it for a better one."""
    submits_to: Name = ""
    """A user agent's submission server, or the relay that takes its mail unasked."""
    relays_to: Name = ""
    """Where a server hands all foreign mail, in place of the recipient's MX."""
    accepts_from: tuple[Name, ...] = ()
    """A `relay` takes foreign mail from these hosts and from nobody else."""
    open_relay: bool = False
    """It takes mail from everybody to everybody."""
    software: Software = Software()
    tls: Literal["none", "may", "require", "verify"] = "may"
    """What it demands when it sends."""
    dialect: Dialect = "esmtp"
    """What it speaks when it sends."""
    offers_tls: bool = True
    greylisting: Greylisting | None = None
    rate_limit: RateLimit | None = None
    blocklists: tuple[Name, ...] = ()
    """The zones of the DNSBLs that it asks about its clients (RFC 5782)."""
    retry_s: Annotated[tuple[Pause, ...], Meta(min_length=1)] = (300.0, 600.0, 1200.0, 2400.0, 4000.0)
    """The pauses between attempts; the last is repeated."""
    lifetime_s: Seconds = 432_000.0
    """RFC 5321 4.5.4.1: four to five days, then the message is returned."""
    warning_s: Seconds | None = 14_400.0
    """After so long the sender is told once that the message is late."""
    tells_mail: bool = False
    """Its `delivered` records hold the message too: the header's fields and the first lines of the body."""


class User(Part, frozen=True):
    address: MailAddress
    name: str
    password: str = ""
    """Empty where the user has no account: can neither submit nor, with a program of others, collect mail."""
    agent: Name = ""
    """The host of the program with which the user writes; empty where the user only receives."""
    state: State = "active"


class Alias(Part, frozen=True):
    """An address that stands for others (RFC 5321 3.9.1): the return path stays the sender's."""

    address: MailAddress
    """`*@hust.example` is the catch-all of its domain: it stands for one other, and gets what is for nobody."""
    to: Annotated[tuple[MailAddress, ...], Meta(min_length=1)]
    """Here or elsewhere."""


class MailList(Part, frozen=True):
    """An address whose mail goes to many (RFC 5321 3.9.2), each copy with a return path of its own (VERP)."""

    address: MailAddress
    members: Annotated[tuple[MailAddress, ...], Meta(min_length=1)]
    owner: MailAddress
    """Gets the bounces."""


class Zone(Part, frozen=True):
    origin: Annotated[str, Meta(pattern=r"^(\.|[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?)\Z", max_length=253)]
    """The root's `.` holds what no other zone does: without it a name outside every zone is a SERVFAIL."""
    text: str
    """A master file (RFC 1035 5), read with this origin."""


class Letter(Part, frozen=True):
    """What a user writes where the person at the keyboard wrote nothing."""

    subject: OneLine
    body: str


class Site(Part, frozen=True):
    """A local network."""

    name: str
    latency_ms: Milliseconds = 0.3
    """One way, between two hosts of the site."""


class Link(Part, frozen=True):
    """A line between two sites; a packet takes the quickest way over such lines."""

    sites: tuple[str, str]
    latency_ms: Milliseconds
    name: str = ""
    """By which a fault calls it."""
    bits_per_s: Annotated[float, Meta(gt=0)] | None = None
    """None where nobody will ever wait for it."""
    loss: Probability = 0.0
    """Of packets. A lost one is sent again, so loss shows as delay; at 1 the line is silent."""


class Trip(Part, frozen=True):
    """A message of the world's own: `sim run` sends all of them."""

    sender: str
    """The reverse-path; empty for the null one."""
    recipients: Annotated[tuple[MailAddress, ...], Meta(min_length=1)]
    at_s: Seconds = 0.0
    """Since the world's start."""
    agent: Name = ""
    """Whose program sends; the sender's own where nothing is said."""
    source_route: tuple[Name, ...] = ()
    """Written before each recipient: `<@middle.example:smith@south.example>` (RFC 821 3.6)."""
    size_octets: Annotated[int, Meta(gt=0, le=50_000_000)] | None = None
    """The letter is filled up with lines to this size."""
    text: str = ""
    """The whole message in place of the letter, LF for CR LF; `\\n` written out stands for a bare LF."""


class World(Part, frozen=True, dict=True):
    """Everything that a run starts from. Lists bear the plural of what they hold."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]*\Z", max_length=64)]
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
    aliases: tuple[Alias, ...] = ()
    lists: tuple[MailList, ...] = ()
    links: tuple[Link, ...] = ()
    faults: tuple[Fault, ...] = ()
    journeys: tuple[Trip, ...] = ()
    expectations: tuple[Expectation, ...] = ()

    def host(self, name: str) -> Host:
        """Raises KeyError: a checked world names only hosts that it has."""
        return self._host_of_name[name]

    def people(self, domain: str) -> tuple[User, ...]:
        """The users of a domain."""
        return tuple(self._users_of_domain.get(domain.lower(), ()))

    def writer(self, address: str) -> User | None:
        """The user of that address who has a program to write with."""
        people = self.people(address.rpartition("@")[2])
        return next((user for user in people if user.agent and user.address == address), None)

    # Large worlds ask for each of their hosts and users, many times.

    @functools.cached_property
    def _host_of_name(self) -> dict[str, Host]:
        return {host.name: host for host in self.hosts}

    @functools.cached_property
    def _users_of_domain(self) -> dict[str, list[User]]:
        found: dict[str, list[User]] = {}
        for user in self.users:
            found.setdefault(user.address.rpartition("@")[2].lower(), []).append(user)
        return found


class Travellers(Part, frozen=True):
    """Who sends a trip's message."""

    agent: Host
    user: User | None
    """None for a stranger, who has no account anywhere."""


def travellers(world: World, trip: Trip) -> Travellers:
    """Raises KeyError where the trip names no program and its sender has none; a checked world has no such trip."""
    user = world.writer(trip.sender)
    name = trip.agent or (user.agent if user else "")
    return Travellers(world.host(name), user)
