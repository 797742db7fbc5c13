"""What a client's own command or content breaks, judged by what the server announced: facts, no refusals."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from smtplab.smtp.rules import RFC_OF_RULE
from smtplab.smtp.states import HELLO_VERBS, Dialect, State, announced_by, is_hello, is_legal
from smtplab.wire.command import Auth, Command, Mail, Parameters, Rcpt
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
        # By the verb first: to ask a struct for a class that it isn't takes longer than all the rest.
        verb = command.verb
        if verb == "MAIL" and isinstance(command, Mail):
            self.transactions += 1
            self.mail = command
            self.recipients = 0
            self.recipient_domains.clear()
        elif verb == "RCPT" and isinstance(command, Rcpt):
            self.recipients += 1
            self.recipient_domains.add(command.forward_path.domain.lower())


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


# Of the few things that are said in every session.
@functools.lru_cache(maxsize=1024)
def is_plainly_legal(state: State, row: str, verb: str, dialect: Dialect) -> bool:
    """Nothing of its own is wrong with sending this verb in this state, whatever the server announced."""
    right_hello = verb not in HELLO_VERBS or is_hello(verb, dialect)
    return state != "closed" and is_legal(state, row) and right_hello and announced_by(verb) is None


def keyword_for(parameter: str, value: str | None) -> str:
    """The keyword that announces a parameter of MAIL or RCPT."""
    if parameter == "BODY" and value is not None and value.upper() == "BINARYMIME":
        return "BINARYMIME"
    return _KEYWORD_OF_PARAMETER.get(parameter, parameter)


def flaws_of_command(command: Command, extensions: Extensions, progress: Progress) -> Sequence[Flaw]:
    """Call after `progress.note(command)`."""
    # By the verb first, as above.
    verb = command.verb
    if verb == "MAIL" and isinstance(command, Mail):
        return _flaws_of_mail(command, extensions, progress)
    if verb == "RCPT" and isinstance(command, Rcpt):
        if not command.parameters and command.forward_path.is_ascii and "LIMITS" not in extensions.offered:
            return ()
        return _flaws_of_rcpt(command, extensions, progress)
    if verb == "DATA" and (_mail_parameters(progress).get("BODY") or "").upper() == "BINARYMIME":
        return (_flaw("binary-needs-bdat", "DATA"),)
    if verb == "AUTH" and isinstance(command, Auth) and "AUTH" in extensions:
        mechanism = command.mechanism
        if mechanism.upper() not in extensions.auth_mechanisms:
            return (_flaw("mechanism-not-announced", mechanism),)
    return ()


def _flaws_of_mail(mail: Mail, extensions: Extensions, progress: Progress) -> list[Flaw]:
    path, parameters = mail.reverse_path, mail.parameters
    flaws = _unannounced(parameters, extensions) if parameters else []
    if "SIZE" in parameters:
        flaws += _too_large(parameters, extensions)
    if path is not None and not path.is_ascii and "SMTPUTF8" not in parameters:
        flaws.append(_flaw("smtputf8-needed", str(path)))
    if limits := extensions.limits:
        flaws += _over_limit("MAILMAX", "over-mailmax", progress.transactions, limits)
    return flaws


def _flaws_of_rcpt(rcpt: Rcpt, extensions: Extensions, progress: Progress) -> list[Flaw]:
    path = rcpt.forward_path
    flaws = _unannounced(rcpt.parameters, extensions) if rcpt.parameters else []
    if not path.is_ascii and "SMTPUTF8" not in _mail_parameters(progress):
        flaws.append(_flaw("smtputf8-needed", str(path)))
    if limits := extensions.limits:
        flaws += _over_limit("RCPTMAX", "over-rcptmax", progress.recipients, limits)
        flaws += _over_limit("RCPTDOMAINMAX", "over-rcptdomainmax", len(progress.recipient_domains), limits)
    return flaws


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


def _unannounced(parameters: Parameters, extensions: Extensions) -> list[Flaw]:
    return [
        _flaw("parameter-not-announced", parameter)
        for parameter, value in parameters.items()
        if keyword_for(parameter, value) not in extensions
    ]


def _too_large(parameters: Parameters, extensions: Extensions) -> Iterator[Flaw]:
    size, announced = parameters.get("SIZE") or "", extensions.size_octets_max
    if announced is not None and size.isdecimal() and int(size[:20]) > announced:
        yield _flaw("larger-than-announced", f"{size} > {announced}")


def _over_limit(name: str, rule: str, count: int, limits: Mapping[str, int]) -> Iterator[Flaw]:
    limit = limits.get(name)
    if limit is not None and count > limit:
        yield _flaw(rule, f"{count} > {limit}")


def _mail_parameters(progress: Progress) -> Parameters:
    return progress.mail.parameters if progress.mail is not None else {}


def _flaw(rule: str, detail: str) -> Flaw:
    return Flaw(rule, detail, RFC_OF_RULE[rule])
