"""What our server answers: its name, its extensions, whom it knows and for whom it relays; decided without a socket."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Awaitable, Callable, Container
from typing import Literal

import msgspec

from smtplab.mta.accounts import NOBODY, Keeper
from smtplab.net.ports import ServerTls, TlsFacts
from smtplab.smtp.client import Dialect
from smtplab.smtp.server import Limits, LineEndings
from smtplab.wire.address import Mailbox
from smtplab.wire.command import (
    Bdat,
    Command,
    Data,
    Ehlo,
    Helo,
    Help,
    Lhlo,
    Mail,
    Noop,
    Quit,
    Rcpt,
    Rset,
    StartTls,
    Vrfy,
)
from smtplab.wire.reply import Reply, make_reply


class Caller(msgspec.Struct):
    """What a server knows of its client so far."""

    address: str
    helo: str = ""
    extended: bool = False
    """It said EHLO or LHLO."""
    user: str = ""
    secure: bool = False
    tls: str = ""
    """`TLSv1.3 TLS_AES_256_GCM_SHA384`."""
    tls_facts: TlsFacts | None = None


Word = Reply | Literal["drop", "close"]
"""`drop` resets the connection without an answer, `close` ends it in an orderly way, without one too."""

Hook = Callable[[Command, Caller], Word | Awaitable[Word | None] | None]
"""Answers a command in the server's stead; None lets the ordinary rules answer."""


GreetHook = Callable[[Caller], Word | Awaitable[Word | None] | None]
"""As `Hook`, for the greeting, which no command asks for."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    hostname: str
    banner: str = "{host} ESMTP"
    """The greeting's text; `{host}` stands for the host's name (RFC 5321 4.2 wants it first)."""
    dialect: Dialect = "esmtp"
    extensions: tuple[str, ...] = (
        "PIPELINING",
        "SIZE",
        "8BITMIME",
        "SMTPUTF8",
        "ENHANCEDSTATUSCODES",
        "CHUNKING",
        "DSN",
        "STARTTLS",
        "AUTH",
    )
    """Keywords in the order announced. SIZE gets its limit; STARTTLS and AUTH appear only where they can work."""
    tls: ServerTls | None = None
    """None: no STARTTLS."""
    implicit_tls: bool = False
    """The listener does TLS from the first byte (RFC 8314 3.3): the greeting waits for the handshake."""
    accounts: Keeper = NOBODY
    mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN", "CRAM-MD5")
    """In the order announced; each appears only where it can work."""
    asks_certificates: bool = False
    """Clients are asked for a certificate, and one that holds says who they are (EXTERNAL, RFC 4422 A)."""
    clear_auth: bool = False
    """Offer AUTH outside TLS too (RFC 4954 4 forbids plain passwords there)."""
    submission: bool = False
    """Nothing without authentication (RFC 6409 4.3)."""
    local_domains: frozenset[str] | None = None
    """Whose mail ends here, in lower case; None: everybody's, and nothing is relayed."""
    local_users: Container[str] | None = None
    """Mailbox addresses that exist, asked for in lower case; None: any local part."""
    relay_domains: frozenset[str] = frozenset()
    """Taken from anybody and handed on: a backup MX."""
    trusted: tuple[str, ...] = ()
    """Networks (`10.0.0.0/8`, an address) whose clients may relay."""
    limits: Limits = Limits()
    line_endings: LineEndings = "strict"
    command_timeout_s: float = 300.0
    """RFC 5321 4.5.3.2.7: a server waits at least five minutes for the next command."""
    message_timeout_s: float = 3600.0
    """For a whole message, however steadily it drips: 10 MB over a line of 25 kbit/s."""
    header_octets_max: int = 1_048_576
    """No honest header comes near; Postfix keeps a tenth of that of each field."""
    reply_delay_s: float = 0.0
    """How long it thinks before each reply."""
    errors_max: int = 20
    """Refused commands in a session before it is ended with 421, as Postfix does against guessing."""
    received_max: int = 100
    """Received lines that make a loop (RFC 5321 6.3 wants at least 100)."""
    hooks: dict[str, Hook] = {}
    """By verb, for commands that are in order."""
    greet: GreetHook | None = None
    dishonoured: Callable[[], frozenset[str]] | None = None
    """Keywords that are announced to this client and refused all the same."""


def greeting(rules: Rules) -> Reply:
    """The first reply."""
    return make_reply(220, rules.banner.replace("{host}", rules.hostname))


def offered(rules: Rules, caller: Caller) -> tuple[str, ...]:
    """The keywords as announced to this client now."""
    lines = []
    for keyword in rules.extensions:
        match keyword:
            case "SIZE":
                lines.append(f"SIZE {rules.limits.message_octets}")
            case "STARTTLS" if rules.tls is None or caller.secure:
                pass
            case "AUTH":
                if mechanisms := offered_mechanisms(rules, caller.tls_facts):
                    lines.append(" ".join(("AUTH", *mechanisms)))
            case _:
                lines.append(keyword)
    return tuple(lines)


def offered_mechanisms(rules: Rules, tls: TlsFacts | None) -> tuple[str, ...]:
    """Those of AUTH that can work for this client now."""
    if tls is None and not rules.clear_auth:
        return ()
    return tuple(name for name in rules.mechanisms if _can_work(name, rules, tls))


def _can_work(mechanism: str, rules: Rules, tls: TlsFacts | None) -> bool:
    match mechanism:
        case "EXTERNAL":
            return rules.asks_certificates and tls is not None and bool(tls.client_names)
        case "CRAM-MD5":
            return rules.accounts.readable
        case "XOAUTH2" | "OAUTHBEARER":
            return rules.accounts.tokens
        case _ if mechanism.endswith("-PLUS"):
            return rules.accounts.any and tls is not None and tls.end_point != b""
        case _:
            return rules.accounts.any


def honoured(rules: Rules, caller: Caller, announced: tuple[str, ...]) -> tuple[str, ...]:
    """Of what an answer to EHLO announced, whatever made it, that which is there."""
    there = {line.partition(" ")[0].upper() for line in offered(rules, caller)}
    if rules.dishonoured is not None:
        there -= rules.dishonoured()
    return tuple(line for line in announced if line.partition(" ")[0].upper() in there)


def answer(rules: Rules, caller: Caller, command: Command) -> Reply:
    """The reply to a command that is in order; AUTH is answered elsewhere."""
    match command:
        case Mail():
            return _answer_mail(rules, caller)
        case Rcpt():
            return _answer_rcpt(rules, caller, command.forward_path)
        case Data():
            return make_reply(354, "End the message with a dot on a line of its own")
        case Ehlo() | Lhlo():
            return make_reply(250, f"{rules.hostname} Hello [{caller.address}]", *offered(rules, caller))
        case Helo():
            return make_reply(250, f"{rules.hostname} Hello [{caller.address}]")
        case Bdat():
            return make_reply(250, f"{command.size} octets received", enhanced="2.0.0")
        case StartTls():
            return make_reply(220, "Ready to start TLS", enhanced="2.0.0")
        case _:
            return _answer_rest(command)


def _answer_rest(command: Command) -> Reply:
    match command:
        case Rset() | Noop():
            return make_reply(250, "OK", enhanced="2.0.0")
        case Quit():
            return make_reply(221, "Bye", enhanced="2.0.0")
        case Vrfy():
            # RFC 5321 7.3: an honest "can't tell" gives address collectors nothing.
            return make_reply(252, "Cannot verify, but will take a message", enhanced="2.5.2")
        case Help():
            return make_reply(214, "See RFC 5321", enhanced="2.0.0")
        case _:
            return make_reply(502, "Command not implemented", enhanced="5.5.1")


def _answer_mail(rules: Rules, caller: Caller) -> Reply:
    if rules.submission and not caller.user:
        return make_reply(530, "Authentication required", enhanced="5.7.0")  # RFC 4954 6
    return make_reply(250, "Sender OK", enhanced="2.1.0")


def _answer_rcpt(rules: Rules, caller: Caller, recipient: Mailbox) -> Reply:
    welcome = make_reply(250, "Recipient OK", enhanced="2.1.5")
    domain = recipient.domain.lower()
    if rules.local_domains is None or not domain:
        return welcome
    if domain in rules.local_domains:
        return welcome if is_local_user(rules, recipient) else make_reply(550, "No such user here", enhanced="5.1.1")
    if domain in rules.relay_domains or may_relay(rules, caller):
        return welcome
    return make_reply(550, "Relaying denied", enhanced="5.7.1")


def is_local_user(rules: Rules, recipient: Mailbox) -> bool:
    """Postmaster exists everywhere (RFC 5321 4.5.1)."""
    if rules.local_users is None or recipient.local.lower() == "postmaster":
        return True
    return str(recipient).lower() in rules.local_users


def may_relay(rules: Rules, caller: Caller) -> bool:
    """Authenticated clients and those of trusted networks; nobody else, ever."""
    if caller.user:
        return True
    try:
        address = ipaddress.ip_address(caller.address)
    except ValueError:
        return False
    return any(address in _network(network) for network in rules.trusted)


# Asked at every RCPT, of the same few.
@functools.lru_cache(maxsize=1024)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text, strict=False)
