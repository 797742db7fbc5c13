"""What a client's own command or content breaks, judged by what the server announced: facts, no refusals."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from smtplab.smtp.rules import RFC_OF_RULE
from smtplab.smtp.states import HELLO_VERBS, Dialect, State, announced_by, is_hello, is_legal
from smtplab.wire.command import Auth, Command, Data, Mail, Parameters, Rcpt
from smtplab.wire.extension import Extensions
from smtplab.wire.flaw import Flaw
from smtplab.wire.framing import bare_line_ends

_KEYWORD_OF_PARAMETER = {
    "BODY": "8BITMIME",  # RFC 6152 2
    "RET": "DSN",  # RFC 3461 4
    "ENVID": "DSN",
    "NOTIFY": "DSN",
    "ORCPT": "DSN",
    "HOLDFOR": "FUTURERELEASE",  # RFC 4865 4
    "HOLDUNTIL": "FUTURERELEASE",
    "BY": "DELIVERBY",  # RFC 2852 3
}
"""Where a parameter isn't called as the keyword that announces it."""

LAST_OF_GROUP = frozenset({"EHLO", "HELO", "LHLO", "DATA", "VRFY", "EXPN", "QUIT", "NOOP", "STARTTLS", "AUTH", "ETRN"})
"""Commands whose answer a client must await (RFC 2920 3.1, RFC 3207 4, RFC 4954 4)."""


class Progress(msgspec.Struct):
    """What a client has asked of this server so far."""

    transactions: int = 0
    mail: Mail | None = None
    """Of the transaction that was opened last."""
    recipients: int = 0
    recipient_domains: set[str] = msgspec.field(default_factory=set)

    def note(self, command: Command) -> None:
        match command:
            case Mail():
                self.transactions += 1
                self.mail = command
                self.recipients = 0
                self.recipient_domains.clear()
            case Rcpt(forward_path=path):
                self.recipients += 1
                self.recipient_domains.add(path.domain.lower())
            case _:
                pass


class Standing(msgspec.Struct, frozen=True):
    """What the next command of a client is judged by."""

    state: State
    """Where it will stand if all that is pending succeeds."""
    extensions: Extensions
    dialect: Dialect = "esmtp"
    awaited: str | None = None
    """The verb sent last, where its answer has not come; None while nothing is pending, or nothing but a greeting."""
    chunk_unfinished: bool = False
    progress: Progress = msgspec.field(default_factory=Progress)


def flaws_of_order(verb: str, row: str, standing: Standing) -> Iterator[Flaw]:
    """What is wrong with sending this verb now; its row is that in the table of states."""
    if standing.state == "closed":
        yield _flaw("after-closing", verb)
    elif not is_legal(standing.state, row):
        yield _flaw("out-of-order", f"{verb} in {standing.state}")
    elif verb in HELLO_VERBS and not is_hello(verb, standing.dialect):
        yield _flaw("wrong-hello", verb)
    keyword = announced_by(verb)
    if keyword is not None and keyword not in standing.extensions:
        yield _flaw("command-not-announced", verb)
    if standing.chunk_unfinished:
        yield _flaw("chunk-unfinished", verb)
    if standing.awaited is not None:
        if standing.awaited in LAST_OF_GROUP:
            yield _flaw("pipelined-after-last", f"{verb} after {standing.awaited}")
        if "PIPELINING" not in standing.extensions:
            yield _flaw("pipelining-not-announced", verb)


def keyword_for(parameter: str, value: str | None) -> str:
    """The keyword that announces a parameter of MAIL or RCPT."""
    if parameter == "BODY" and value is not None and value.upper() == "BINARYMIME":
        return "BINARYMIME"
    return _KEYWORD_OF_PARAMETER.get(parameter, parameter)


def flaws_of_command(command: Command, extensions: Extensions, progress: Progress) -> Iterator[Flaw]:
    """Call after `progress.note(command)`."""
    match command:
        case Mail(reverse_path=path, parameters=parameters):
            yield from _unannounced(parameters, extensions)
            yield from _too_large(parameters, extensions)
            if path is not None and not str(path).isascii() and "SMTPUTF8" not in parameters:
                yield _flaw("smtputf8-needed", str(path))
            yield from _over_limit("MAILMAX", "over-mailmax", progress.transactions, extensions)
        case Rcpt(forward_path=path, parameters=parameters):
            yield from _unannounced(parameters, extensions)
            if not str(path).isascii() and "SMTPUTF8" not in _mail_parameters(progress):
                yield _flaw("smtputf8-needed", str(path))
            yield from _over_limit("RCPTMAX", "over-rcptmax", progress.recipients, extensions)
            domains = len(progress.recipient_domains)
            yield from _over_limit("RCPTDOMAINMAX", "over-rcptdomainmax", domains, extensions)
        case Data():
            if (_mail_parameters(progress).get("BODY") or "").upper() == "BINARYMIME":
                yield _flaw("binary-needs-bdat", "DATA")
        case Auth(mechanism=mechanism):
            if "AUTH" in extensions and mechanism.upper() not in extensions.auth_mechanisms:
                yield _flaw("mechanism-not-announced", mechanism)
        case _:
            pass


def flaws_of_content(content: bytes, octets: int, extensions: Extensions, progress: Progress) -> Iterator[Flaw]:
    """`octets` is how large the message is by now: the content itself, or all its chunks so far."""
    parameters = _mail_parameters(progress)
    body = (parameters.get("BODY") or "7BIT").upper()
    if body == "7BIT" and not content.isascii():
        yield _flaw("8bit-without-8bitmime", "")
    if body != "BINARYMIME":
        bare_cr, bare_lf = bare_line_ends(content)
        if bare_cr:
            yield Flaw("bare-cr", f"{bare_cr} in the content", "RFC 5321 2.3.8")
        if bare_lf:
            yield Flaw("bare-lf", f"{bare_lf} in the content", "RFC 5321 2.3.8")
    declared = parameters.get("SIZE") or ""
    if declared.isdecimal() and octets > int(declared[:20]):
        yield _flaw("larger-than-declared", f"{octets} > {declared}")
    announced = extensions.size_octets_max
    if announced is not None and octets > announced:
        yield _flaw("larger-than-announced", f"{octets} > {announced}")


def _unannounced(parameters: Parameters, extensions: Extensions) -> Iterator[Flaw]:
    for parameter, value in parameters.items():
        if keyword_for(parameter, value) not in extensions:
            yield _flaw("parameter-not-announced", parameter)


def _too_large(parameters: Parameters, extensions: Extensions) -> Iterator[Flaw]:
    size, announced = parameters.get("SIZE") or "", extensions.size_octets_max
    if announced is not None and size.isdecimal() and int(size[:20]) > announced:
        yield _flaw("larger-than-announced", f"{size} > {announced}")


def _over_limit(name: str, rule: str, count: int, extensions: Extensions) -> Iterator[Flaw]:
    limit = extensions.limits.get(name)
    if limit is not None and count > limit:
        yield _flaw(rule, f"{count} > {limit}")


def _mail_parameters(progress: Progress) -> Parameters:
    return progress.mail.parameters if progress.mail is not None else {}


def _flaw(rule: str, detail: str) -> Flaw:
    return Flaw(rule, detail, RFC_OF_RULE[rule])
