"""Every command of POP3 as a value, and the one place where lines become such values and back."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any, get_args

import msgspec

from smtplab.wire.flaw import Flaw, shorten

LINE_OCTETS_MAX = 255
"""RFC 2449 4, with CR LF; the lines of an AUTH exchange are not bound by it."""


class _Command(msgspec.Struct, frozen=True):
    @property
    def verb(self) -> str:
        return type(self).__name__.upper()


class _Confidential(_Command, frozen=True):
    """A command that prints without what it carries."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("secret", "***")]


class User(_Command, frozen=True):
    name: str


class Pass(_Confidential, frozen=True):
    password: str


class Apop(_Confidential, frozen=True):
    """RFC 1939 7: the password never travels, only its digest with the greeting's timestamp."""

    name: str
    digest: str


class Auth(_Confidential, frozen=True):
    mechanism: str
    initial: bytes | None = None
    """The initial response, decoded; None where there is none (`b""` is written `=`)."""


class Stls(_Command, frozen=True):
    pass


class Capa(_Command, frozen=True):
    pass


class Stat(_Command, frozen=True):
    pass


class List(_Command, frozen=True):
    number: int | None = None
    """None for all messages."""


class Uidl(_Command, frozen=True):
    number: int | None = None
    """None for all messages."""


class Retr(_Command, frozen=True):
    number: int


class Top(_Command, frozen=True):
    number: int
    lines: int
    """Of the body; the header always comes whole."""


class Dele(_Command, frozen=True):
    number: int


class Noop(_Command, frozen=True):
    pass


class Rset(_Command, frozen=True):
    pass


class Quit(_Command, frozen=True):
    pass


class Unknown(_Confidential, frozen=True):
    """A verb that is none of ours, or one whose arguments can't be read: kept as it came."""

    line: bytes
    """Without its line end."""

    @property
    def verb(self) -> str:
        # Only what looks like a keyword: what stands behind a tab or a colon may be a password.
        found = _VERB.match(self.line)
        return found[0].decode("ascii").upper() if found else "?"


Command = (
    User | Pass | Apop | Auth | Stls | Capa | Stat | List | Uidl | Retr | Top | Dele | Noop | Rset | Quit | Unknown
)

VERBS = MappingProxyType({kind.__name__.upper(): kind for kind in get_args(Command) if kind is not Unknown})
"""Every verb that is read here, and its type."""


class Parsed(msgspec.Struct, frozen=True):
    """A command and what is wrong with the way it was written."""

    command: Command
    flaws: tuple[Flaw, ...] = ()


# command   = keyword *(SP param)                                      ; RFC 2449 3
# keyword   = 3*4VCHAR
# param     = 1*VCHAR                  ; RFC 1939 3 has up to 40
_VERB = re.compile(rb"[A-Za-z0-9_.-]{1,40}")
_NUMBER = re.compile(r"[0-9]{1,10}")  # more than any maildrop has messages, or any message lines
_MECHANISM = re.compile(r"[A-Za-z0-9\-_]{1,20}")  # sasl-mech, RFC 4422 3.1; capitals, taken in any case
_FORBIDDEN = re.compile(rb"[\r\n\0]")
_FORBIDDEN_RULE = {b"\r": "bare-cr", b"\n": "bare-lf", b"\0": "nul"}


def parse_command(line: bytes) -> Parsed:
    """Read one line, its line end already off. Never raises: what can't be read is `Unknown` with its flaws."""
    if forbidden := _FORBIDDEN.search(line):
        return _unknown(line, Flaw(_FORBIDDEN_RULE[forbidden[0]], "", "RFC 1939 3"))
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        return _unknown(line, Flaw("not-utf8", f"0x{line[error.start]:02X}", "RFC 6856 2"))
    verb, space, argument = text.partition(" ")
    if not verb:
        return _unknown(line, Flaw("leading-space" if text else "empty-command", "", "RFC 1939 3"))
    if verb.upper() not in VERBS:
        return _unknown(line, Flaw("unknown-verb", shorten(Unknown(line).verb), "RFC 1939 3"))
    try:
        command, flaws = _read(verb.upper(), argument)
    except _Unreadable as unreadable:
        return _unknown(line, unreadable.flaw)
    if space and not argument:
        flaws = (*flaws, Flaw("trailing-space", command.verb, "RFC 1939 3"))
    return Parsed(command, flaws)


def format_command(command: Command) -> bytes:
    """The line without CR LF. Raises ValueError where a field holds CR or LF: our own values must not split a line."""
    line = command.line if isinstance(command, Unknown) else _format(command).encode("utf-8")
    if b"\r" in line or b"\n" in line:
        raise ValueError(f"CR or LF inside a {command.verb} command")
    return line


def _format(command: Command) -> str:
    match command:
        case User(argument) | Pass(argument):
            return f"{command.verb} {argument}"
        case Apop(name, digest):
            return f"APOP {name} {digest}"
        case Auth(mechanism, initial):
            return f"AUTH {mechanism}{_format_initial(initial)}"
        case List(number) | Uidl(number):
            return command.verb if number is None else f"{command.verb} {number}"
        case Retr(number) | Dele(number):
            return f"{command.verb} {number}"
        case Top(number, lines):
            return f"TOP {number} {lines}"
        case _:
            return command.verb


def _format_initial(initial: bytes | None) -> str:
    """RFC 5034 4: an empty initial response is `=`, for an empty text would be none at all."""
    if initial is None:
        return ""
    return " " + (base64.b64encode(initial).decode("ascii") or "=")


class _Unreadable(Exception):  # noqa: N818 - a way out of the parsers below, caught in this file
    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw)
        self.flaw = flaw


_Parser = Callable[[Sequence[str]], Command]


def _unknown(line: bytes, flaw: Flaw) -> Parsed:
    return Parsed(Unknown(line), (flaw,))


def _read(verb: str, argument: str) -> tuple[Command, tuple[Flaw, ...]]:
    if verb == "PASS":
        # RFC 1939 7: it has exactly one argument, so spaces may be part of it.
        if not argument:
            raise _Unreadable(Flaw("missing-argument", "", "RFC 1939 7"))
        return Pass(argument), _not_ascii(argument)
    words = [word for word in argument.split(" ") if word]
    command = _PARSERS[verb](words)
    extra = (Flaw("extra-space", verb, "RFC 1939 3"),) if argument and argument != " ".join(words) else ()
    return command, (*extra, *_not_ascii(argument))


def _not_ascii(argument: str) -> tuple[Flaw, ...]:
    """No detail: it may be a password."""
    return () if argument.isascii() else (Flaw("command-not-ascii", "", "RFC 1939 3"),)


def _words(words: Sequence[str], least: int, most: int, rfc: str) -> None:
    if len(words) < least:
        raise _Unreadable(Flaw("missing-argument", "", rfc))
    if len(words) > most:
        raise _Unreadable(Flaw("unexpected-argument", "", rfc))


def _number(word: str, rfc: str) -> int:
    if not _NUMBER.fullmatch(word):
        raise _Unreadable(Flaw("bad-message-number", shorten(word), rfc))
    return int(word)


def _parse_user(words: Sequence[str]) -> Command:
    _words(words, 1, 1, "RFC 1939 7")
    return User(words[0])


def _parse_apop(words: Sequence[str]) -> Command:
    _words(words, 2, 2, "RFC 1939 7")
    return Apop(words[0], words[1])


def _parse_auth(words: Sequence[str]) -> Command:
    """No detail here: an argument may hold a password."""
    _words(words, 1, 2, "RFC 5034 4")
    if not _MECHANISM.fullmatch(words[0]):
        raise _Unreadable(Flaw("bad-mechanism", "", "RFC 5034 4"))
    return Auth(words[0].upper(), _parse_initial(words[1]) if len(words) > 1 else None)


def _parse_initial(written: str) -> bytes:
    if written == "=":
        return b""
    try:
        return base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _Unreadable(Flaw("bad-base64", "", "RFC 5034 4")) from error


def _parse_top(words: Sequence[str]) -> Command:
    _words(words, 2, 2, "RFC 1939 7")
    return Top(_number(words[0], "RFC 1939 7"), _number(words[1], "RFC 1939 7"))


def _alone(kind: Callable[[], Command], rfc: str) -> _Parser:
    def parse(words: Sequence[str]) -> Command:
        _words(words, 0, 0, rfc)
        return kind()

    return parse


def _one_number(kind: Callable[[int], Command], rfc: str) -> _Parser:
    def parse(words: Sequence[str]) -> Command:
        _words(words, 1, 1, rfc)
        return kind(_number(words[0], rfc))

    return parse


def _maybe_number(kind: Callable[[int | None], Command], rfc: str) -> _Parser:
    def parse(words: Sequence[str]) -> Command:
        _words(words, 0, 1, rfc)
        return kind(_number(words[0], rfc) if words else None)

    return parse


_PARSERS: dict[str, _Parser] = {
    "USER": _parse_user,
    "APOP": _parse_apop,
    "AUTH": _parse_auth,
    "STLS": _alone(Stls, "RFC 2595 4"),
    "CAPA": _alone(Capa, "RFC 2449 5"),
    "STAT": _alone(Stat, "RFC 1939 5"),
    "LIST": _maybe_number(List, "RFC 1939 5"),
    "UIDL": _maybe_number(Uidl, "RFC 1939 7"),
    "RETR": _one_number(Retr, "RFC 1939 5"),
    "TOP": _parse_top,
    "DELE": _one_number(Dele, "RFC 1939 5"),
    "NOOP": _alone(Noop, "RFC 1939 5"),
    "RSET": _alone(Rset, "RFC 1939 5"),
    "QUIT": _alone(Quit, "RFC 1939 6"),
}
