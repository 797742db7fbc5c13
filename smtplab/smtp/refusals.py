"""What a server answers to a command that is out of order, unreadable or too much: the replies that the RFCs name."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from smtplab.smtp.legality import keyword_for
from smtplab.smtp.states import HELLO_VERBS, KNOWN_VERBS, STATES, Dialect, State, announced_by, is_hello, is_legal
from smtplab.wire.address import Mailbox
from smtplab.wire.command import (
    Auth,
    Command,
    Mail,
    Parameters,
    Rcpt,
    Unknown,
)
from smtplab.wire.command_line import Parsed
from smtplab.wire.extension import Extensions
from smtplab.wire.flaw import Flaw
from smtplab.wire.parameter import GOOD_VALUES, OF_RCPT
from smtplab.wire.reply import Reply, make_reply

HTTP_VERBS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PRI"})
"""A browser that was made to send mail: nothing of what follows may be taken for SMTP, so the session ends."""

_NOT_IMPLEMENTED = frozenset({"TURN", "SEND", "SOML", "SAML", "ETRN"})
"""Known to RFC 821 or to relatives of ours, but not done here: 502, not 500 (RFC 5321 4.2.4)."""

_LINE_FLAWS = {"bare-lf": "Bare LF", "bare-cr": "Bare CR", "nul": "NUL"}


class Standing(msgspec.Struct, gc=False):
    """What a server goes by, beside its state, when it judges a command; the server keeps it up to date."""

    dialect: Dialect
    offered: Extensions
    message_octets_max: int
    recipients_max: int
    secure: bool = False
    authenticated: bool = False
    recipients: int = 0
    sender_refused: bool = False
    """The last MAIL was, though it came in order."""
    mail_parameters: Parameters = {}


def is_limited(standing: Standing) -> bool:
    """May something of the transaction speak against a command that is in order and has no parameters? What, tells
    `refusal_of`."""
    return standing.recipients >= standing.recipients_max or _is_binary(standing)


def refusal_of(parsed: Parsed, state: State, standing: Standing) -> Reply | None:
    """The first reason to refuse; None where the command stands. Order first, then words, then amounts."""
    command = parsed.command
    verb = command.verb
    if state == "refused" and verb != "QUIT":
        return _out_of_order("Service refused, only QUIT is left")  # RFC 5321 3.1
    if type(command) is Unknown:
        return _refuse_unreadable(command, parsed.flaws, standing)
    if parsed.flaws:
        refused = _REFUSED_NAMES if verb in HELLO_VERBS else _REFUSED_FLAWS
        if any(flaw.rule in refused for flaw in parsed.flaws):
            return _bad_arguments(verb)
    return _refuse_order(verb, state, standing) or _refuse_content(verb, command, standing)


def broken_rule(command: Command, refusal: Reply, standing: Standing) -> str | None:
    """The rule that a refused command broke; one that could not be read has flaws that say why. DATA without a
    recipient breaks none, and RCPT and DATA behind a MAIL that was refused don't: a client that pipelines can't know
    (RFC 2920 3.1)."""
    if isinstance(command, Unknown) or (standing.sender_refused and command.verb in _PIPELINED_BEHIND_MAIL):
        return None
    if refusal.code == 500 and command.verb in HELLO_VERBS:
        return "wrong-hello"
    return _RULE_OF_REFUSAL.get(refusal.code or 0)


_PIPELINED_BEHIND_MAIL = frozenset({"RCPT", "DATA"})

_RULE_OF_REFUSAL = {
    502: "command-not-announced",
    503: "out-of-order",
    504: "mechanism-not-announced",
    552: "larger-than-announced",
    553: "smtputf8-needed",
    555: "parameter-not-announced",
}


def refuse_line_ends(flaws: tuple[Flaw, ...]) -> Reply | None:
    """A strict server takes no content in which CR or LF stands alone: no two hosts agree on what it means."""
    for flaw in flaws:
        if flaw.rule in _LINE_FLAWS:
            return make_reply(554, f"{_LINE_FLAWS[flaw.rule]} in the message", enhanced="5.6.0")
    return None


def too_large() -> Reply:
    return make_reply(552, "Message is larger than we take", enhanced="5.3.4")


def _refuse_unreadable(command: Unknown, flaws: tuple[Flaw, ...], standing: Standing) -> Reply:
    verb = command.verb
    if any(flaw.rule == "line-too-long" for flaw in flaws):
        return make_reply(500, "Line too long", enhanced="5.5.2")
    if verb in HTTP_VERBS:
        return make_reply(421, "This is SMTP, not HTTP", enhanced="4.7.0")
    for flaw in flaws:
        if flaw.rule in _LINE_FLAWS:
            return make_reply(500, f"{_LINE_FLAWS[flaw.rule]} in a command", enhanced="5.5.2")  # RFC 5321 2.3.8
    if verb in ("MAIL", "RCPT") and not command.line.isascii():
        return _needs_smtputf8()
    if verb in _NOT_IMPLEMENTED - standing.offered.offered.keys():
        return make_reply(502, "Command not implemented", enhanced="5.5.1")
    if verb in _VERBS or verb in standing.offered:
        return _bad_arguments(verb)
    if verb in _OTHERS:
        return make_reply(502, "Not offered here", enhanced="5.5.1")
    return make_reply(500, "Command not recognized", enhanced="5.5.2")


def _bad_arguments(verb: str) -> Reply:
    return make_reply(501, "Syntax error in arguments", enhanced=_SYNTAX_CODES.get(verb, "5.5.4"))


_OTHERS = frozenset({"XCLIENT", "XFORWARD"})
_VERBS = KNOWN_VERBS - {"ETRN"}

_SYNTAX_CODES = {"MAIL": "5.1.7", "RCPT": "5.1.3"}
"""RFC 3463 3.2: bad sender's and bad destination mailbox address syntax."""

_REFUSED_FLAWS = frozenset(
    {"unexpected-argument", "duplicate-parameter", "no-angle-brackets", "no-space-before-parameter"}
)
"""Commands that could be read all the same, but whose writer may mean something else; stray spaces are let pass."""

_REFUSED_NAMES = frozenset(
    {
        "address-control",
        "address-space",
        "domain-character",
        "domain-dot-first",
        "domain-dots-together",
        "domain-label-too-long",
        "domain-too-long",
        "domain-u-label",
        "literal-form",
        "literal-ipv4",
        "literal-ipv6",
        "literal-open",
        "utf8-without-smtputf8",
    }
)
"""In the name after EHLO, which stands in our trace line (RFC 5321 4.4): what is neither a name nor a literal. Let pass
is what many hosts call themselves: an underscore, a last dot, an IPv6 address without its tag."""


def _refuse_order(verb: str, state: State, standing: Standing) -> Reply | None:
    if verb in HELLO_VERBS and not _takes_hello(verb, standing.dialect):
        return make_reply(500, "Not spoken here", enhanced="5.5.1")  # RFC 2033 4.1
    if verb == "STARTTLS" and standing.secure:
        return _out_of_order("TLS is active already")
    if verb == "AUTH" and standing.authenticated:
        return _out_of_order("Already authenticated")  # RFC 4954 4
    if state == "greeted" and not is_legal("greeted", verb):
        return _out_of_order("Say hello first")  # Before EHLO nobody can know what is offered.
    keyword = announced_by(verb)
    if keyword is not None and keyword not in standing.offered:
        return make_reply(502, "Not offered here", enhanced="5.5.1")
    if verb == "DATA" and state == "mail":
        # RFC 5321 3.3 leaves the choice, RFC 2033 4.2 does not.
        return make_reply(503 if standing.dialect == "lmtp" else 554, "No valid recipients", enhanced="5.5.1")
    if not is_legal(state, verb) or (verb in _OTHERS and state not in ("greeted", "ready")):
        return _out_of_order(_WHY_OUT_OF_ORDER.get(state, "Bad sequence of commands"))
    return None


IN_ORDER: Mapping[str, frozenset[State]] = {
    verb: frozenset(state for state in STATES if is_legal(state, verb) and (state, verb) != ("mail", "DATA"))
    for verb in ("MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT")
}
"""What nearly every command is: known to every server, and said in a state that has it."""

_WHY_OUT_OF_ORDER: dict[State, str] = {
    "ready": "No transaction, MAIL first",
    "mail": "A transaction is open",
    "rcpt": "A transaction is open",
    "chunking": "A message in chunks has begun",
}


def _takes_hello(verb: str, dialect: Dialect) -> bool:
    return is_hello(verb, "esmtp" if dialect == "smtp" else dialect)


def _refuse_content(verb: str, command: Command, standing: Standing) -> Reply | None:
    # By the verb first: isinstance of a struct that it isn't costs more than the rest, and this runs for every command.
    if verb == "MAIL" and isinstance(command, Mail):
        return _refuse_mail(command, standing)
    if verb == "RCPT" and isinstance(command, Rcpt):
        return _refuse_rcpt(command, standing)
    if verb == "DATA" and _is_binary(standing):
        return _out_of_order("BINARYMIME needs BDAT")  # RFC 3030 3
    if isinstance(command, Auth) and command.mechanism.upper() not in standing.offered.auth_mechanisms:
        return make_reply(504, "Mechanism not offered", enhanced="5.5.4")  # RFC 4954 4
    return None


def _is_binary(standing: Standing) -> bool:
    return (standing.mail_parameters.get("BODY") or "").upper() == "BINARYMIME"


def _refuse_mail(mail: Mail, standing: Standing) -> Reply | None:
    parameters = mail.parameters
    if parameters:
        for name, value in parameters.items():
            refusal = _misplaced("MAIL", name) or _refuse_parameter(name, value, standing)
            if refusal is not None:
                return refusal
    path = mail.reverse_path
    if path is not None and not _is_ascii(path) and "SMTPUTF8" not in parameters:
        return _needs_smtputf8()
    return None


def _refuse_rcpt(rcpt: Rcpt, standing: Standing) -> Reply | None:
    for name, value in rcpt.parameters.items():
        if (refusal := _misplaced("RCPT", name) or _refuse_parameter(name, value, standing)) is not None:
            return refusal
    path = rcpt.forward_path
    if not _is_ascii(path) and "SMTPUTF8" not in standing.mail_parameters:
        return _needs_smtputf8()
    if standing.recipients >= standing.recipients_max:
        return make_reply(452, "Too many recipients", enhanced="4.5.3")  # RFC 5321 4.5.3.1.10
    return None


def _refuse_parameter(name: str, value: str | None, standing: Standing) -> Reply | None:
    """What the extensions say of their parameters' values: RFC 1870 5, RFC 6152 2, RFC 6531 3.4, RFC 3461 4.3."""
    is_good = GOOD_VALUES.get(name)
    # Most keywords, PIPELINING among them, bring no parameter of their name.
    if is_good is None or keyword_for(name, value) not in standing.offered:
        return make_reply(555, f"Parameter {name} not offered", enhanced="5.5.4")  # RFC 5321 4.1.1.11
    if not is_good(value):
        return make_reply(501, f"Bad value for {name}", enhanced="5.5.4")
    if name == "SIZE" and int(value or 0) > standing.message_octets_max:
        return too_large()
    return None


def _misplaced(verb: str, name: str) -> Reply | None:
    """Each parameter belongs to one of the two commands."""
    if (name in OF_RCPT) == (verb == "RCPT") or name not in GOOD_VALUES:
        return None
    return make_reply(555, f"Parameter {name} does not belong to {verb}", enhanced="5.5.4")


def _is_ascii(path: Mailbox) -> bool:
    return path.local.isascii() and path.domain.isascii()


def _needs_smtputf8() -> Reply:
    return make_reply(553, "Address needs SMTPUTF8", enhanced="5.6.7")  # RFC 6531 3.5


def _out_of_order(text: str) -> Reply:
    return make_reply(503, text, enhanced="5.5.1")
