"""A command's line, read: the one place where it becomes a value, with what is wrong with how it was written."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable

import msgspec

from smtplab.wire.address import parse_domain
from smtplab.wire.command import (
    Auth,
    Bdat,
    Command,
    Data,
    Ehlo,
    Etrn,
    Expn,
    Helo,
    Help,
    Lhlo,
    Mail,
    Noop,
    Quit,
    Rcpt,
    Rset,
    StartTls,
    Unknown,
    Vrfy,
    XClient,
    XForward,
)
from smtplab.wire.envelope import Reading, Unreadable, match_envelope, parse_forward_path, parse_reverse_path
from smtplab.wire.flaw import Flaw, shorten
from smtplab.wire.xclient import XCLIENT_NAMES, XFORWARD_NAMES, Attributes, parse_attributes


class Parsed(msgspec.Struct, frozen=True, gc=False):
    """A command and what is wrong with the way it was written."""

    command: Command
    flaws: tuple[Flaw, ...] = ()


_VERB = re.compile(r"([^ \t]+)([ \t]*)(.*?)([ \t]*)", re.DOTALL)
_CHUNK = re.compile(r"([0-9]{1,19})(?: +((?i:LAST)))?")  # RFC 3030 2; 19 digits hold any 63-bit count
_MECHANISM = re.compile(r"[A-Za-z0-9\-_]{1,20}")  # sasl-mech, RFC 4422 3.1; capitals, taken in any case
_FORBIDDEN = re.compile(rb"[\r\n\0]")
_FORBIDDEN_RULE = {b"\r": "bare-cr", b"\n": "bare-lf", b"\0": "nul"}


def parse_command(line: bytes, *, smtputf8: bool = False) -> Parsed:
    """Read one line, its CR LF already off. Never raises: what can't be read is `Unknown` with its flaws.

    A command that is not `Unknown` was read, whatever its flaws. `smtputf8` allows addresses outside ASCII; MAIL
    allows them for itself by its parameter of that name (RFC 6531 3.4).
    """
    common = match_envelope(line)
    if common:
        verb, mailbox, parameters, flaws = common
        return Parsed(Mail(mailbox, parameters) if verb == "MAIL" else Rcpt(mailbox, parameters), flaws)
    return _ALONE.get(line) or _parse_slowly(line, smtputf8=smtputf8)


_ALONE = {b"DATA": Parsed(Data()), b"RSET": Parsed(Rset()), b"QUIT": Parsed(Quit()), b"STARTTLS": Parsed(StartTls())}
"""Without arguments and flaws, one value does for all."""


def _parse_slowly(line: bytes, *, smtputf8: bool) -> Parsed:
    if forbidden := _FORBIDDEN.search(line):
        return Parsed(Unknown(line), (Flaw(_FORBIDDEN_RULE[forbidden[0]], "", "RFC 5321 2.3.8"),))
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        return Parsed(Unknown(line), (Flaw("not-utf8", f"0x{line[error.start]:02X}", "RFC 6531 3.1"),))
    found = _VERB.fullmatch(text)
    if not found:
        rule = "leading-space" if text else "empty-command"
        return Parsed(Unknown(line), (Flaw(rule, "", "RFC 5321 4.1.1"),))
    verb, space, argument, trailing = found.groups()
    reading = Reading(argument, smtputf8=smtputf8)
    parse = _PARSERS.get(verb.upper())
    if parse is None:
        return Parsed(Unknown(line), (Flaw("unknown-verb", shorten(verb), "RFC 5321 4.2.4"),))
    if argument and space != " ":
        reading.note("extra-space", verb, "RFC 5321 4.1.1")
    if trailing or (space and not argument):
        reading.note("trailing-space", verb, "RFC 5321 4.1.1")
    try:
        command = parse(reading)
    except Unreadable as unreadable:
        return Parsed(Unknown(line), (*reading.flaws, unreadable.flaw))
    return Parsed(command, tuple(reading.flaws))


def _needed(reading: Reading, rfc: str) -> str:
    if not reading.argument:
        raise Unreadable("missing-argument", "", rfc)
    return reading.argument


def _text(reading: Reading) -> str:
    if not (reading.argument.isascii() or reading.smtputf8):
        reading.note("utf8-without-smtputf8", reading.argument, "RFC 6531 3.1")
    return reading.argument


def _alone(reading: Reading, rfc: str) -> None:
    if reading.argument:
        reading.note("unexpected-argument", reading.argument, rfc)


def _parse_greeting(reading: Reading) -> str:
    """RFC 5321 4.1.4 wants no client turned away for its name, so a bad one is noted and kept."""
    name = _needed(reading, "RFC 5321 4.1.1.1")
    domain = parse_domain(name, smtputf8=reading.smtputf8)
    if isinstance(domain, Flaw):
        reading.flaws.append(domain)
    return name


def _parse_helo(reading: Reading) -> Command:
    return Helo(_parse_greeting(reading))


def _parse_ehlo(reading: Reading) -> Command:
    return Ehlo(_parse_greeting(reading))


def _parse_lhlo(reading: Reading) -> Command:
    return Lhlo(_parse_greeting(reading))


def _parse_mail(reading: Reading) -> Command:
    return Mail(*parse_reverse_path(reading))


def _parse_rcpt(reading: Reading) -> Command:
    return Rcpt(*parse_forward_path(reading))


def _parse_data(reading: Reading) -> Command:
    _alone(reading, "RFC 5321 4.1.1.4")
    return Data()


def _parse_bdat(reading: Reading) -> Command:
    chunk = _CHUNK.fullmatch(_needed(reading, "RFC 3030 2"))
    if not chunk:
        raise Unreadable("bad-chunk-size", reading.argument, "RFC 3030 2")
    return Bdat(int(chunk[1]), chunk[2] is not None)


def _parse_rset(reading: Reading) -> Command:
    _alone(reading, "RFC 5321 4.1.1.5")
    return Rset()


def _parse_quit(reading: Reading) -> Command:
    _alone(reading, "RFC 5321 4.1.1.10")
    return Quit()


def _parse_starttls(reading: Reading) -> Command:
    _alone(reading, "RFC 3207 4")
    return StartTls()


def _parse_auth(reading: Reading) -> Command:
    """RFC 4954 4. No detail here: an argument may hold a password."""
    mechanism, *initial = _needed(reading, "RFC 4954 4").split(" ")
    if not _MECHANISM.fullmatch(mechanism):
        raise Unreadable("bad-mechanism", "", "RFC 4954 4")
    if len(initial) > 1:
        raise Unreadable("unexpected-argument", "", "RFC 4954 4")
    return Auth(mechanism.upper(), _parse_initial(initial[0]) if initial else None)


def _parse_initial(written: str) -> bytes:
    if written == "=":
        return b""
    try:
        return base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unreadable("bad-base64", "", "RFC 4954 4") from error


def _parse_noop(reading: Reading) -> Command:
    return Noop(_text(reading))


def _parse_help(reading: Reading) -> Command:
    return Help(_text(reading))


def _parse_vrfy(reading: Reading) -> Command:
    _needed(reading, "RFC 5321 4.1.1.6")
    return Vrfy(_text(reading))


def _parse_expn(reading: Reading) -> Command:
    _needed(reading, "RFC 5321 4.1.1.7")
    return Expn(_text(reading))


def _parse_etrn(reading: Reading) -> Command:
    return Etrn(_needed(reading, "RFC 1985 5"))


def _parse_xclient(reading: Reading) -> Command:
    return XClient(_attributes(reading, XCLIENT_NAMES))


def _parse_xforward(reading: Reading) -> Command:
    return XForward(_attributes(reading, XFORWARD_NAMES))


def _attributes(reading: Reading, names: tuple[str, ...]) -> Attributes:
    found = parse_attributes(_needed(reading, "XCLIENT_README"), names)
    if found is None:
        raise Unreadable("bad-attribute", reading.argument, "XCLIENT_README")
    return found


_PARSERS: dict[str, Callable[[Reading], Command]] = {
    "HELO": _parse_helo,
    "EHLO": _parse_ehlo,
    "LHLO": _parse_lhlo,
    "MAIL": _parse_mail,
    "RCPT": _parse_rcpt,
    "DATA": _parse_data,
    "BDAT": _parse_bdat,
    "RSET": _parse_rset,
    "NOOP": _parse_noop,
    "QUIT": _parse_quit,
    "VRFY": _parse_vrfy,
    "EXPN": _parse_expn,
    "HELP": _parse_help,
    "STARTTLS": _parse_starttls,
    "AUTH": _parse_auth,
    "ETRN": _parse_etrn,
    "XCLIENT": _parse_xclient,
    "XFORWARD": _parse_xforward,
}
