"""The closed vocabulary of facts: everything that can happen on a message's way, as values in the past tense.

An event holds no clock, id, socket or exception; the journal stamps it. Keys and their order are those of the
capture format, so that encoding an event is encoding the struct. A field with a default is left out where it says
nothing; every other field is always present.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

Side = Literal["us", "them"]
"""Whose doing a fact was, seen from the node that records it."""

Ender = Literal["us", "them", "network"]
Mode = Literal["live", "sim"]
Result = Literal["delivered", "accepted", "deferred", "bounced", "refused", "unreachable", "stopped"]
RouteSource = Literal["mx", "implicit-mx", "null-mx", "literal", "pinned", "relay"]
Transfer = Literal["DATA", "BDAT"]


def _tag(class_name: str) -> str:
    """`DnsAnswered` is `dns_answered` in a capture."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", class_name).lower()


class _Event(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag_field="event", tag=_tag):
    pass


class _Value(msgspec.Struct, frozen=True, gc=False):
    pass


class HostFound(_Value, frozen=True):
    """One host of a route, in the order in which it will be tried."""

    host: str
    preference: int | None
    """The MX preference, smaller first; None where the host did not come from an MX record."""
    addresses: tuple[str, ...]


class CertificateSeen(_Value, frozen=True):
    """A certificate as the server presented it (RFC 5280)."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    """The dNSName and iPAddress entries of subjectAltName."""
    not_after: str
    """ISO 8601 with Z."""
    sha256: str
    """Fingerprint of the DER form, lower-case hex."""


# The journey


class JourneyStarted(_Event, frozen=True):
    recipient: str
    sender: str
    mode: Mode
    world: str | None
    seed: int | None


class JourneyEnded(_Event, frozen=True):
    result: Result
    code: int | None
    enhanced: str | None
    detail: str


# DNS and the route


class DnsQueried(_Event, frozen=True):
    name: str
    rrtype: str
    server: str


class DnsAnswered(_Event, frozen=True):
    """A server answered, with records or without: NXDOMAIN, SERVFAIL and an empty NOERROR are answers too."""

    name: str
    rrtype: str
    server: str
    rcode: str
    records: tuple[str, ...]
    """Record data in presentation form, CNAMEs on the way as `CNAME target`."""
    ttl: int | None
    """Seconds; None where nothing can be cached."""
    authentic: bool
    """The AD bit of the answer."""
    ms: float
    cached: bool = False


class DnsFailed(_Event, frozen=True):
    """No usable answer came."""

    name: str
    rrtype: str
    server: str
    reason: str
    """`timed-out`, `unreachable`, `refused`, `malformed`, `cname-loop`, `no-server`."""


class RouteFound(_Event, frozen=True):
    domain: str
    source: RouteSource
    hosts: tuple[HostFound, ...]


class HostSkipped(_Event, frozen=True):
    host: str
    reason: str
    """`no-address`, `is-address-literal`, `we-are-this-mx`, `lower-preference-than-us`, `nxdomain`, `servfail`,
    `dns-timed-out`, `family`, `already-tried`."""


class PolicyFound(_Event, frozen=True):
    kind: Literal["mta-sts", "dane"]
    policy: str


# The connection


class ConnectStarted(_Event, frozen=True):
    host: str
    address: str
    port: int


class Connected(_Event, frozen=True):
    host: str
    address: str
    port: int
    ms: float


class ConnectFailed(_Event, frozen=True):
    host: str
    address: str
    port: int
    ms: float
    reason: str
    """`refused`, `timed-out`, `unreachable`, `reset`, `not-permitted`, `source-unavailable`, `failed`."""


class Disconnected(_Event, frozen=True):
    by: Ender
    clean: bool
    """True where the dialogue had been closed by QUIT and 221 (or 421) before."""
    reason: str = ""
    """`timed-out`, `reset`, `reply-too-long`, ..., empty for an ordinary end."""


# The dialogue. `verb` on a reply names the command that it answers: empty for the greeting, `.` for the end of the
# content, `*` for a reply that answers nothing (a 421 may come at any time, RFC 5321 3.8).


class CommandSent(_Event, frozen=True):
    verb: str
    line: str
    raw: bytes | None = None
    decoded: str = ""
    """What a line of an AUTH exchange says, secrets masked."""


class CommandReceived(_Event, frozen=True):
    verb: str
    line: str
    raw: bytes | None = None
    decoded: str = ""
    """What a line of an AUTH exchange says, secrets masked."""


class ReplyReceived(_Event, frozen=True):
    code: int | None
    enhanced: str | None
    lines: tuple[str, ...]
    ms: float
    verb: str = ""
    raw: bytes | None = None
    decoded: str = ""
    """What a challenge of AUTH says, secrets masked."""


class ReplySent(_Event, frozen=True):
    code: int | None
    enhanced: str | None
    lines: tuple[str, ...]
    ms: float
    """How long the answer was waited for: 0 where it was known at once."""
    verb: str = ""
    raw: bytes | None = None
    decoded: str = ""
    """What a challenge of AUTH says, secrets masked."""


class ExtensionsLearned(_Event, frozen=True):
    extensions: tuple[str, ...]
    """As announced: a keyword and its parameters, `SIZE 10485760`."""


class StateChanged(_Event, frozen=True):
    old: str
    new: str


class RuleBroken(_Event, frozen=True):
    rule: str
    """A stable id such as `bare-lf` or `plaintext-after-starttls`; its text stands in the catalogues."""
    by: Side
    detail: str
    rfc: str
    """`RFC 5321 2.3.8`; empty where no document forbids it."""


class TlsStarted(_Event, frozen=True):
    server_name: str


class TlsEstablished(_Event, frozen=True):
    version: str
    cipher: str
    certificate: CertificateSeen | None
    verified_by: str | None
    """`pkix` where chain, names and dates hold; None where the certificate was not or could not be verified."""
    problem: str = ""
    """Why it is not verified: `expired`, `not-yet-valid`, `name-mismatch`, `self-signed`, `unknown-issuer`,
    `bad-chain`."""
    chain: tuple[CertificateSeen, ...] = ()
    """What was presented above the server's own certificate."""


class TlsFailed(_Event, frozen=True):
    reason: str


class Authenticated(_Event, frozen=True):
    mechanism: str
    user: str


class MessageSent(_Event, frozen=True):
    octets: int
    """As counted by SIZE: before dot-stuffing, without the final dot (RFC 1870 3)."""
    transfer: Transfer


class MessageReceived(_Event, frozen=True):
    octets: int
    transfer: Transfer


class BytesSent(_Event, frozen=True):
    data: bytes


class BytesReceived(_Event, frozen=True):
    data: bytes


# The queue and the mailbox


class Queued(_Event, frozen=True):
    queue_id: str


class AttemptStarted(_Event, frozen=True):
    queue_id: str
    number: int
    host: str


class Delivered(_Event, frozen=True):
    """Final delivery into a mailbox. A hop that handed the message on is a `Dequeued` whose reason is `relayed`."""

    queue_id: str
    recipient: str
    mailbox: str
    header: tuple[str, ...] = ()
    """Its fields as they lie there, LF where one is folded; only from a store that tells what it keeps."""
    body: tuple[str, ...] = ()
    """Its first lines, from such a store."""


class Deferred(_Event, frozen=True):
    queue_id: str
    recipient: str
    next_attempt: str
    """ISO 8601 with Z."""
    reason: str


class Bounced(_Event, frozen=True):
    queue_id: str
    recipient: str
    status: str
    """Enhanced status code, `5.1.1`."""
    diagnostic: str


class BounceSent(_Event, frozen=True):
    queue_id: str
    recipient: str


class Dequeued(_Event, frozen=True):
    queue_id: str
    reason: str
    """`delivered`, `relayed`, `bounced`, `removed`."""


class MailCollected(_Event, frozen=True):
    protocol: Literal["pop3"]
    mailbox: str
    octets: int


# What a person, a check or a fault did


class GateHeld(_Event, frozen=True):
    line: str


class GateReleased(_Event, frozen=True):
    line: str
    by: Literal["sent", "edited", "replaced", "skipped"]


class Judged(_Event, frozen=True):
    check: str
    verdict: str
    detail: str


class FaultInjected(_Event, frozen=True):
    fault: str
    where: str


Event = (
    JourneyStarted
    | JourneyEnded
    | DnsQueried
    | DnsAnswered
    | DnsFailed
    | RouteFound
    | HostSkipped
    | PolicyFound
    | ConnectStarted
    | Connected
    | ConnectFailed
    | Disconnected
    | CommandSent
    | CommandReceived
    | ReplyReceived
    | ReplySent
    | ExtensionsLearned
    | StateChanged
    | RuleBroken
    | TlsStarted
    | TlsEstablished
    | TlsFailed
    | Authenticated
    | MessageSent
    | MessageReceived
    | BytesSent
    | BytesReceived
    | Queued
    | AttemptStarted
    | Delivered
    | Deferred
    | Bounced
    | BounceSent
    | Dequeued
    | MailCollected
    | GateHeld
    | GateReleased
    | Judged
    | FaultInjected
)
