"""Faults as data: what goes wrong, where, at which stage, when and how often; nothing goes wrong in this module.

`where` is a host's name; for a middle box it is a link's name, and a link can fall silent too. Of the faults that fit
one moment every delay acts, and of the others the first in the file.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from smtplab.mta.behaviour.parts import Address, Part, Seconds

Stage = Literal[
    "dns", "connect", "greeting", "ehlo", "tls", "auth", "mail", "rcpt", "data", "content", "quit"
]  # fmt: skip
"""`content` is the reply to the final dot. A fault there acts before the message is taken, and one at `rcpt` before the
recipient is, so that nothing is doubled; only a delay beyond the client's patience does that (RFC 1047).
`tls` is STARTTLS, `dns` a resolver's answers."""

STAGES_OF_REPLIES: frozenset[Stage] = frozenset(
    {"greeting", "ehlo", "tls", "auth", "mail", "rcpt", "data", "content", "quit"}
)
Code = Annotated[int, Meta(ge=200, le=599)]


class When(Part, frozen=True):
    """On which occasions; all that is said must hold."""

    after: Annotated[int, Meta(ge=0)] = 0
    """So many occasions pass unharmed first."""
    from_s: Seconds = 0.0
    """Since the world's start."""
    until_s: Seconds | None = None
    client: Address = ""
    """Only for this client."""
    recipient: str = ""
    """Only for this recipient; at `rcpt`."""
    name: str = ""
    """Only for this name; at `dns`."""


class _Fault(Part, frozen=True, kw_only=True, tag_field="what"):
    where: str
    when: When = When()
    count: Annotated[int, Meta(ge=1)] | None = None
    """How often it acts; as often as it fits where nothing is said."""


class Refuse(_Fault, frozen=True, tag="refuse"):
    """At `connect` nobody listens, at `dns` the rcode is REFUSED, elsewhere a 5xx."""

    stage: Stage


class Reset(_Fault, frozen=True, tag="reset"):
    """The connection is reset."""

    stage: Stage


class Silence(_Fault, frozen=True, tag="silence"):
    """No answer, until the other side's time-out."""

    stage: Stage


class Delay(_Fault, frozen=True, tag="delay"):
    stage: Stage
    seconds: Seconds


class Drip(_Fault, frozen=True, tag="drip"):
    """The reply comes octet by octet."""

    stage: Stage
    every_s: Seconds = 1.0


class Garble(_Fault, frozen=True, tag="garble"):
    """Line noise: some octets of the reply arrive changed."""

    stage: Stage


class WrongReply(_Fault, frozen=True, tag="reply"):
    """This reply in place of the right one; with a `count`, a 4xx so many times and then the truth."""

    stage: Stage
    code: Code
    text: str = "Something is wrong here"
    enhanced: str = ""


class BrokenReply(_Fault, frozen=True, tag="broken-reply"):
    """A multi-line reply that RFC 5321 4.2.1 does not know."""

    stage: Stage
    how: Literal["codes-differ", "unfinished", "no-code", "bare-lf"] = "codes-differ"


class ServerFailure(_Fault, frozen=True, tag="servfail"):
    """A resolver that cannot find out: SERVFAIL, as for a zone whose servers are lame."""


class Shutdown(_Fault, frozen=True, tag="shutdown"):
    """421 to every MAIL after so many messages, and the end of the session (RFC 5321 3.8)."""

    messages: Annotated[int, Meta(ge=0)]


class DiskFull(_Fault, frozen=True, tag="disk-full"):
    """452 4.3.1 to MAIL."""


class Certificate(_Fault, frozen=True, tag="certificate"):
    """Another certificate than the right one."""

    how: Literal["expired", "wrong-name", "self-signed"]


class BareDot(_Fault, frozen=True, tag="bare-dot"):
    """A server that takes LF dot CR LF for the end of the content: what SMTP smuggling needs."""


class StripStarttls(_Fault, frozen=True, tag="strip-starttls"):
    """A middle box on a link overwrites the keyword in every answer to EHLO."""


class DnsChange(_Fault, frozen=True, tag="dns-change"):
    """From its moment on the zone `where` holds other records."""

    text: str
    """The whole new master file."""


ReplyFault = Refuse | Reset | Silence | Delay | Drip | Garble | WrongReply | BrokenReply
"""Those that name their stage."""

Fault = ReplyFault | ServerFailure | Shutdown | DiskFull | Certificate | BareDot | StripStarttls | DnsChange


def name_of(fault: Fault) -> str:
    """As it stands under `what` and in `FaultInjected.fault`."""
    return str(type(fault).__struct_config__.tag)


def stage_of(fault: Fault) -> Stage | None:
    """Where it acts; None for a change of DNS data, which happens by itself."""
    match fault:
        case ServerFailure():
            return "dns"
        case Shutdown() | DiskFull():
            return "mail"
        case Certificate():
            return "tls"
        case BareDot():
            return "data"
        case StripStarttls():
            return "ehlo"
        case DnsChange():
            return None
        case _:
            return fault.stage
