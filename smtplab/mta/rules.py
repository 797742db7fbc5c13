"""What our server answers: its name, its extensions, whom it knows and for whom it relays; decided without a socket."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Awaitable, Callable, Container, Iterable
from typing import Literal

import msgspec

from smtplab.message.header import HEADER_OCTETS_MAX
from smtplab.mta.accounts import NOBODY, Keeper
from smtplab.mta.envelope import hold_until
from smtplab.net.ports import ServerTls, TlsFacts
from smtplab.smtp.client import Dialect
from smtplab.smtp.server import Limits, LineEndings
from smtplab.wire.address import Mailbox
from smtplab.wire.command import (
    Bdat,
    Command,
    Data,
    Ehlo,
    Etrn,
    Helo,
    Help,
    Lhlo,
    Mail,
    Noop,
    Parameters,
    Quit,
    Rcpt,
    Rset,
    StartTls,
    Vrfy,
    XClient,
    XForward,
)
from smtplab.wire.reply import Reply, make_reply
from smtplab.wire.xclient import XCLIENT_NAMES, XFORWARD_NAMES


class Caller(msgspec.Struct, frozen=True):
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
    claimed: bool = False
    """Its address was told by XCLIENT; the one that it really has is another."""
    name: str = ""
    """As XCLIENT told it."""


Word = Reply | Literal["drop", "close"]
"""`drop` resets the connection without an answer, `close` ends it in an orderly way, without one too."""

HOLD_S_MAX = 2_592_000
"""A month, as most that offer FUTURERELEASE have it: a message that waits is one that may be lost."""
HOLD_LATEST = "2099-12-31T23:59:59Z"
"""Never the tighter bound, but RFC 4865 3 wants both announced."""

Hook = Callable[[Command, Caller], Word | Awaitable[Word | None] | None]
"""Answers a command in the server's stead; None lets the ordinary rules answer."""


GreetHook = Callable[[Caller], Word | Awaitable[Word | None] | None]
"""As `Hook`, for the greeting, which no command asks for."""


BASIC_EXTENSIONS = (
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


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    hostname: str
    banner: str = "{host} ESMTP"
    """The greeting's text; `{host}` stands for the host's name (RFC 5321 4.2 wants it first)."""
    dialect: Dialect = "esmtp"
    extensions: tuple[str, ...] = BASIC_EXTENSIONS
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
    speaks_for_others: bool = False
    """This client may say of whom it speaks: XCLIENT and XFORWARD."""
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
    header_octets_max: int = HEADER_OCTETS_MAX
    reply_delay_s: float = 0.0
    """How long it thinks before each reply."""
    notices_early_talkers: bool = False
    """The greeting waits a moment, so that a client that did not wait for it is seen (RFC 5321 4.3.1)."""
    errors_max: int = 20
    """Refused commands in a session before it is ended with 421, as Postfix does against guessing."""
    idle_commands_max: int = 100
    """NOOP, RSET and their like since the last message: what comes beyond counts as an error. As Postfix's
    smtpd_junk_command_limit has it."""
    received_max: int = 100
    """Received lines that make a loop (RFC 5321 6.3 wants at least 100)."""
    hooks: dict[str, Hook] = {}
    """By verb, for commands that are in order."""
    greet: GreetHook | None = None
    phrase: Callable[[str, Reply], Reply] | None = None
    """How this server says, to a verb (`.`: the content), what is refused before any hook is asked."""
    dishonoured: Callable[[], frozenset[str]] | None = None
    """Keywords that are announced to this client and refused all the same."""


def greeting(rules: Rules) -> Reply:
    """The first reply."""
    return make_reply(220, rules.banner.replace("{host}", rules.hostname))


def offered(rules: Rules, caller: Caller) -> tuple[str, ...]:
    """The keywords as announced to this client now."""
    return tuple(
        [
            word if word in _AS_THEY_ARE else _announced(word, rules, caller)
            for word in rules.extensions
            if word in _AS_THEY_ARE or _is_there(word, rules, caller)
        ]
    )


_AS_THEY_ARE = frozenset({"PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "SMTPUTF8", "DSN", "CHUNKING", "HELP"})
"""Offered to everybody in the same words."""


def _is_there(keyword: str, rules: Rules, caller: Caller) -> bool:
    match keyword:
        case "STARTTLS":
            return rules.tls is not None and not caller.secure
        case "REQUIRETLS":
            return caller.secure  # RFC 8689 2
        case "AUTH":
            return bool(offered_mechanisms(rules, caller))
        case "XCLIENT" | "XFORWARD":
            return rules.speaks_for_others
        case _:
            return True


def _announced(keyword: str, rules: Rules, caller: Caller) -> str:
    """With its parameters."""
    match keyword:
        case "SIZE":
            return f"SIZE {rules.limits.message_octets}"
        case "AUTH":
            return " ".join(("AUTH", *offered_mechanisms(rules, caller)))
        case "LIMITS":
            return f"LIMITS RCPTMAX={rules.limits.recipients}"
        case "FUTURERELEASE":
            return f"FUTURERELEASE {HOLD_S_MAX} {HOLD_LATEST}"
        case "XCLIENT":
            return " ".join(("XCLIENT", *XCLIENT_NAMES))
        case "XFORWARD":
            return " ".join(("XFORWARD", *XFORWARD_NAMES))
        case _:
            return keyword


def offered_mechanisms(rules: Rules, caller: Caller) -> tuple[str, ...]:
    """Those of AUTH that can work for this client now."""
    tls = caller.tls_facts
    # Whoever stands behind another host speaks over more than that host's loopback.
    if tls is None and (not rules.clear_auth or caller.claimed):
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
    there = offered(rules, caller)
    if announced == there and rules.dishonoured is None:
        return announced
    keywords = {line.partition(" ")[0].upper() for line in there}
    if rules.dishonoured is not None:
        keywords -= rules.dishonoured()
    return tuple(line for line in announced if line.partition(" ")[0].upper() in keywords)


_SENDER_OK = make_reply(250, "Sender OK", enhanced="2.1.0")
_RECIPIENT_OK = make_reply(250, "Recipient OK", enhanced="2.1.5")
_NO_SUCH_USER = make_reply(550, "No such user here", enhanced="5.1.1")
_GO_ON = make_reply(354, "End the message with a dot on a line of its own")
_OK = make_reply(250, "OK", enhanced="2.0.0")
_BYE = make_reply(221, "Bye", enhanced="2.0.0")


def answer(rules: Rules, caller: Caller, command: Command, now: Callable[[], float]) -> Reply:
    """The reply to a command that is in order; AUTH is answered elsewhere. `now` is asked where the time matters."""
    # By exact type: isinstance of a struct that it isn't takes longer than all the rest.
    if type(command) is Rcpt:
        return _answer_rcpt(rules, caller, command.forward_path)
    if type(command) is Mail:
        return _answer_mail(rules, caller, command, now)
    return _GO_ON if type(command) is Data else _answer_rest(rules, caller, command)


def _answer_rest(rules: Rules, caller: Caller, command: Command) -> Reply:
    match command:
        case Ehlo() | Lhlo():
            return make_reply(250, f"{rules.hostname} Hello [{caller.address}]", *offered(rules, caller))
        case Helo():
            return make_reply(250, f"{rules.hostname} Hello [{caller.address}]")
        case Bdat():
            return make_reply(250, f"{command.size} octets received", enhanced="2.0.0")
        case StartTls():
            return make_reply(220, "Ready to start TLS", enhanced="2.0.0")
        case _:
            return _answer_at_any_time(command)


def _answer_at_any_time(command: Command) -> Reply:
    match command:
        case Rset() | Noop():
            return _OK
        case Quit():
            return _BYE
        case Vrfy():
            # RFC 5321 7.3: an honest "can't tell" gives address collectors nothing.
            return make_reply(252, "Cannot verify, but will take a message", enhanced="2.5.2")
        case Help():
            return make_reply(214, *_HELP, enhanced="2.0.0")
        case XClient():
            return make_reply(220, "Begin again", enhanced="2.0.0")
        case XForward():
            return make_reply(250, "Noted", enhanced="2.0.0")
        case Etrn():
            return make_reply(459, "Nothing waits here for anybody", enhanced="4.7.0")
        case _:
            return make_reply(502, "Command not implemented", enhanced="5.5.1")


_HELP = (
    "EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT STARTTLS AUTH",
    "What is offered here, EHLO tells; how it is said, RFC 5321 does",
)


def _answer_mail(rules: Rules, caller: Caller, mail: Mail, now: Callable[[], float]) -> Reply:
    if rules.submission and not caller.user:
        return make_reply(530, "Authentication required", enhanced="5.7.0")  # RFC 4954 6
    if rules.submission and mail.reverse_path is not None and not _is_qualified(mail.reverse_path):
        return make_reply(554, "The sender's domain is not fully qualified", enhanced="5.1.8")  # RFC 6409 4.2
    if mail.parameters and ("HOLDFOR" in mail.parameters or "HOLDUNTIL" in mail.parameters):
        return _answer_hold(mail.parameters, now())
    return _SENDER_OK


def _answer_hold(parameters: Parameters, now: float) -> Reply:
    """RFC 4865 4: one of the two, within what was announced."""
    if "HOLDFOR" in parameters and "HOLDUNTIL" in parameters:
        return make_reply(501, "HOLDFOR and HOLDUNTIL exclude each other", enhanced="5.5.4")
    until = hold_until(parameters, now)
    if until > now + HOLD_S_MAX:
        return make_reply(501, "Not held so long", enhanced="5.5.4")
    return make_reply(250, "Sender OK, to be released later", enhanced="2.1.0")


def _is_qualified(mailbox: Mailbox) -> bool:
    return "." in mailbox.domain or mailbox.is_literal or not mailbox.domain


def _answer_rcpt(rules: Rules, caller: Caller, recipient: Mailbox) -> Reply:
    if rules.submission and not _is_qualified(recipient):
        return make_reply(554, "The recipient's domain is not fully qualified", enhanced="5.1.2")  # RFC 6409 4.2
    if rules.local_domains is None or not recipient.domain:
        return _RECIPIENT_OK
    domain = recipient.domain.lower()
    if domain in rules.local_domains:
        return _RECIPIENT_OK if is_local_user(rules, recipient) else _NO_SUCH_USER
    if domain in rules.relay_domains or may_relay(rules, caller):
        return _RECIPIENT_OK
    return make_reply(550, "Relaying denied", enhanced="5.7.1")


def is_local_user(rules: Rules, recipient: Mailbox) -> bool:
    """Postmaster exists everywhere (RFC 5321 4.5.1)."""
    if rules.local_users is None or recipient.local.lower() == "postmaster":
        return True
    return str(recipient).lower() in rules.local_users


def may_relay(rules: Rules, caller: Caller) -> bool:
    """Authenticated clients and those of trusted networks; nobody else, ever."""
    return bool(caller.user) or is_within(caller.address, rules.trusted)


def is_within(address: str, networks: Iterable[str]) -> bool:
    """Is it of one of them? False for what is no address."""
    return _is_within(address, tuple(networks))


# Asked at every RCPT, of the same few.
@functools.lru_cache(maxsize=1024)
def _is_within(address: str, networks: tuple[str, ...]) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in _network(network) for network in networks)


@functools.lru_cache(maxsize=1024)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text, strict=False)
