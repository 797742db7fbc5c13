"""Faults as data: what goes wrong, where, at which stage, when and how often; nothing goes wrong in this module.

`where` is a host's name in a world; for a middle box it is a link's name, and a link can fall silent too. A behaviour
file is of one server and leaves it out. Of the faults that fit one moment every delay acts, and of the others the first
in the file.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from smtplab.mta.behaviour.parts import Part, Seconds

Stage = Literal[
    "dns", "connect", "greeting", "ehlo", "tls", "auth", "mail", "rcpt", "data", "content", "quit", "other", "any"
]  # fmt: skip
"""`content` is the reply to the final dot. A fault there acts before the message is taken, and one at `rcpt` before the
recipient is, so that nothing is doubled; only a delay beyond the client's patience does that (RFC 1047).
`tls` is STARTTLS, `dns` a resolver's answers, `other` every command without a stage of its own (RSET, NOOP, VRFY …),
and `any` each of the client's commands and the content."""

STAGES_OF_COMMANDS: tuple[Stage, ...] = (
    "ehlo", "tls", "auth", "mail", "rcpt", "data", "content", "quit", "other",
)  # fmt: skip
"""Those that `any` stands for."""
STAGES_OF_REPLIES: frozenset[Stage] = frozenset({"greeting", "any", *STAGES_OF_COMMANDS})
Code = Annotated[int, Meta(ge=200, le=599)]
Pattern = Annotated[str, Meta(max_length=320)]
"""`*` stands for any characters, `?` for one, in any case; 320 octets are a local part, an @ and a domain."""
Keyword = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*\Z", max_length=64)]
"""ehlo-keyword (RFC 5321 4.1.1.1)."""
KeywordLine = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][!-~ ]*\Z", max_length=500)]
"""ehlo-line, which has parameters behind its keyword; a reply's line has 512 octets (RFC 5321 4.5.3.1.5)."""
Per = Literal["server", "client", "session", "sender", "recipient", "triplet"]


class When(Part, frozen=True):
    """On which occasions; all that is said must hold."""

    after: Annotated[int, Meta(ge=0)] = 0
    """So many occasions pass unharmed first."""
    from_s: Seconds = 0.0
    """Since the world's start, or since the behaviour file was read."""
    until_s: Seconds | None = None
    client: Annotated[str, Meta(max_length=49)] = ""
    """Only for this client: an address or a network, `10.0.0.0/8`."""
    helo: Pattern = ""
    """Only for clients that call themselves so."""
    sender: Pattern = ""
    """Only for this reverse-path; `<>` is the null one."""
    recipient: Pattern = ""
    """At `rcpt` only for this recipient, later only where such a one was taken."""
    user: Pattern = ""
    """Only for those who have authenticated by this name; `*` for whoever has."""
    authenticated: bool | None = None
    tls: bool | None = None
    name: Pattern = ""
    """Only for this name; at `dns`."""
    chance: Annotated[float, Meta(ge=0, le=1)] = 1.0
    """Of acting, drawn from the seed."""
    per: Per = "server"
    """For whom `after`, `count` and the messages are counted: everybody together, or each of these by itself. A
    `triplet` is a client's network, a sender and a recipient."""


class _Fault(Part, frozen=True, kw_only=True, tag_field="what"):
    where: str = ""
    when: When = When()
    count: Annotated[int, Meta(ge=1)] | None = None
    """How often it acts; as often as it fits where nothing is said."""


class Allow(_Fault, frozen=True, tag="allow"):
    """Nothing happens, and no fault behind it acts: the ordinary rules hold."""

    stage: Stage


class Refuse(_Fault, frozen=True, tag="refuse"):
    """At `connect` nobody listens, at `dns` the rcode is REFUSED, elsewhere a 5xx."""

    stage: Stage


class Reset(_Fault, frozen=True, tag="reset"):
    """The connection is reset."""

    stage: Stage


class Drop(_Fault, frozen=True, tag="drop"):
    """The connection is closed without an answer."""

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
    """This reply in place of the right one; with a `count`, a 4xx so many times and then the truth. One that welcomes,
    2xx or 3xx, takes the place of none that refuses: no fault opens a relay or lets anybody in."""

    stage: Stage
    code: Code
    text: Annotated[str, Meta(max_length=4000)] = "Something is wrong here"
    """Each line of it is one of the reply's."""
    enhanced: Annotated[str, Meta(pattern=r"^([245]\.\d{1,3}\.\d{1,3})?\Z")] = ""


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


class Handshake(_Fault, frozen=True, tag="handshake"):
    """TLS is promised and never comes about."""

    how: Literal["garbage", "silence", "reset"] = "garbage"


class Announce(_Fault, frozen=True, tag="announce"):
    """An answer to EHLO that does not say what is so."""

    add: tuple[KeywordLine, ...] = ()
    """Announced, though it is not there."""
    hide: tuple[Keyword, ...] = ()
    """There, though it is not announced."""
    dishonour: tuple[Keyword, ...] = ()
    """Announced, and then refused: its command with 502, its parameters with 555."""


class SizeLie(_Fault, frozen=True, tag="size-lie"):
    """SIZE promises more, or less, than is taken."""

    announced: Annotated[int, Meta(ge=0)]
    real: Annotated[int, Meta(ge=0)] | None = None
    """Content of more octets is refused with 552; nothing said: the server's own limit."""


class BareDot(_Fault, frozen=True, tag="bare-dot"):
    """A server that takes LF dot CR LF for the end of the content: what SMTP smuggling needs."""


class StripStarttls(_Fault, frozen=True, tag="strip-starttls"):
    """A middle box on a link overwrites the keyword in every answer to EHLO."""


class DnsChange(_Fault, frozen=True, tag="dns-change"):
    """From its moment on the zone `where` holds other records."""

    text: str
    """The whole new master file."""


ReplyFault = Allow | Refuse | Reset | Drop | Silence | Delay | Drip | Garble | WrongReply | BrokenReply
"""Those that name their stage."""

ServerFault = ReplyFault | Shutdown | DiskFull | Certificate | Handshake | Announce | SizeLie | BareDot
"""Those of one server by itself, with no network around it."""

Fault = ServerFault | ServerFailure | StripStarttls | DnsChange


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
        case Certificate() | Handshake():
            return "tls"
        case BareDot():
            return "data"
        case StripStarttls() | Announce() | SizeLie():
            return "ehlo"
        case DnsChange():
            return None
        case _:
            return fault.stage
