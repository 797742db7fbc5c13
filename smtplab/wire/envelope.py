"""The arguments of MAIL and RCPT: a path and its ESMTP parameters (RFC 5321 4.1.1.2, 4.1.1.3), not yet commands."""

from __future__ import annotations

import re
from typing import Literal

from smtplab.wire.address import (
    DOMAIN,
    DOMAIN_OCTETS_MAX,
    DOT_STRING,
    LOCAL_PART_OCTETS_MAX,
    PATH_OCTETS_MAX,
    Mailbox,
    parse_mailbox,
    parse_path,
)
from smtplab.wire.flaw import Flaw, shorten

Parameters = dict[str, str | None]
"""ESMTP parameters of MAIL and RCPT: the keyword in capitals, its value as on the wire, None where it has none."""

# mail = "MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF                          ; RFC 5321 4.1.1.2
# rcpt = "RCPT TO:" Forward-path [SP Rcpt-parameters] CRLF                            ; RFC 5321 4.1.1.3
# esmtp-param   = esmtp-keyword ["=" esmtp-value]                                     ; RFC 5321 4.1.2
# esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")
# esmtp-value   = 1*(%d33-60 / %d62-126)
# esmtp-value  =/ UTF8-non-ascii                                                      ; RFC 6531 3.3
_KEYWORD = r"[A-Za-z0-9][A-Za-z0-9\-]*"
_PARAMETER = re.compile(rf"({_KEYWORD})(?:=([^\x00- =\x7f]+))?")
_COMMON = re.compile(
    rf"(?:(?i:(MAIL) FROM|RCPT TO)):<({DOT_STRING})@({DOMAIN})>((?: {_KEYWORD}(?:=[!-<>-~]+)?)*)".encode()
)
"""What nearly every line of an envelope looks like; whatever it does not match is read the long way."""

_PATH = re.compile(r'<(?:[^<>"]|"(?:[^"\\]|\\.)*")*>')


class Unreadable(Exception):  # noqa: N818 - it ends the reading of one line and never leaves `wire`
    def __init__(self, rule: str, detail: str, rfc: str) -> None:
        super().__init__(rule)
        self.flaw = Flaw(rule, shorten(detail), rfc)


class Reading:
    """One line on the way to a command: its argument, and the flaws found so far."""

    __slots__ = ("argument", "flaws", "smtputf8")

    def __init__(self, argument: str, *, smtputf8: bool) -> None:
        self.argument = argument
        self.smtputf8 = smtputf8
        self.flaws: list[Flaw] = []

    def note(self, rule: str, detail: str, rfc: str) -> None:
        self.flaws.append(Flaw(rule, shorten(detail), rfc))


def match_envelope(line: bytes) -> tuple[Literal["MAIL", "RCPT"], Mailbox, Parameters, tuple[Flaw, ...]] | None:
    """The short way for a whole well-formed line; None where the long way has to be taken."""
    common = _COMMON.fullmatch(line)
    if common is None:
        return None
    mail, local, domain, written = common.groups()
    if (
        len(local) > LOCAL_PART_OCTETS_MAX
        or len(domain) > DOMAIN_OCTETS_MAX
        or len(local) + len(domain) + len("<@>") > PATH_OCTETS_MAX
    ):
        return None
    mailbox = Mailbox(local.decode("ascii"), domain.decode("ascii"))
    parameters: Parameters = {}
    flaws: list[Flaw] = []
    for word in written.decode("ascii").split(" ")[1:] if written else ():
        keyword, equals, value = word.partition("=")
        _add_parameter(parameters, keyword.upper(), value if equals else None, flaws)
    return "MAIL" if mail else "RCPT", mailbox, parameters, tuple(flaws)


def parse_reverse_path(reading: Reading) -> tuple[Mailbox | None, Parameters]:
    path, parameters = _parse_argument(reading, "FROM:", "RFC 5321 4.1.1.2")
    utf8 = reading.smtputf8 or "SMTPUTF8" in parameters  # RFC 6531 3.4: MAIL says so for itself
    return _parse_path(reading, path, utf8=utf8, null=True), parameters


def parse_forward_path(reading: Reading) -> tuple[Mailbox, Parameters]:
    path, parameters = _parse_argument(reading, "TO:", "RFC 5321 4.1.1.3")
    mailbox = _parse_path(reading, path, utf8=reading.smtputf8, null=False)
    if mailbox is None:
        raise Unreadable("null-path", "", "RFC 5321 4.1.1.3")
    return mailbox, parameters


def format_parameters(parameters: Parameters) -> str:
    """Each with a space before it."""
    if not parameters:
        return ""
    return "".join(f" {keyword}" if value is None else f" {keyword}={value}" for keyword, value in parameters.items())


def _parse_argument(reading: Reading, keyword: str, rfc: str) -> tuple[str, Parameters]:
    """The path as written, and the parameters."""
    written = reading.argument
    if not written:
        raise Unreadable("missing-argument", "", rfc)
    if written[: len(keyword)].upper() != keyword:
        raise Unreadable(f"no-{keyword[:-1].lower()}", written, rfc)
    written = written[len(keyword) :]
    if written.startswith((" ", "\t")):
        # RFC 5321 3.3 has no space here, although many clients send one.
        reading.note("space-after-colon", written, "RFC 5321 3.3")
        written = written.lstrip(" \t")
    path = _PATH.match(written)
    end = path.end() if path else len(written.split(" ", 1)[0])
    if not end:
        raise Unreadable("missing-argument", "", rfc)
    rest = written[end:]
    if rest and not rest.startswith(" "):
        reading.note("no-space-before-parameter", rest, rfc)
    return written[:end], _parse_parameters(reading, rest)


def _parse_path(reading: Reading, path: str, *, utf8: bool, null: bool) -> Mailbox | None:
    if path.startswith("<"):
        mailbox = parse_path(path, smtputf8=utf8, null=null, postmaster=not null)
    else:
        reading.note("no-angle-brackets", path, "RFC 5321 4.1.2")
        mailbox = parse_mailbox(path, smtputf8=utf8)
    if isinstance(mailbox, Flaw):
        raise Unreadable(mailbox.rule, mailbox.detail, mailbox.rfc)
    return mailbox


def _parse_parameters(reading: Reading, written: str) -> Parameters:
    words = written.removeprefix(" ").split(" ") if written else []
    if "" in words:
        reading.note("extra-space", written, "RFC 5321 4.1.1")
    parameters: Parameters = {}
    for word in filter(None, words):
        parameter = _PARAMETER.fullmatch(word)
        if not parameter:
            raise Unreadable("bad-parameter", word, "RFC 5321 4.1.2")
        _add_parameter(parameters, parameter[1].upper(), parameter[2], reading.flaws)
    return parameters


def _add_parameter(parameters: Parameters, keyword: str, value: str | None, flaws: list[Flaw]) -> None:
    """The first of two counts."""
    if keyword in parameters:
        flaws.append(Flaw("duplicate-parameter", shorten(keyword), "RFC 5321 4.1.1.11"))
    else:
        parameters[keyword] = value
