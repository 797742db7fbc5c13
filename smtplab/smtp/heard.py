"""A command's line as a server hears it: read, shown, and remembered where many say the same; it judges nothing."""

from __future__ import annotations

import msgspec

from smtplab.events import CommandReceived
from smtplab.smtp.refusals import IN_ORDER
from smtplab.smtp.requests import Asked
from smtplab.smtp.shown import shown_line
from smtplab.smtp.states import State
from smtplab.wire.command import Auth, Bdat, Unknown
from smtplab.wire.command_line import Parsed, parse_command
from smtplab.wire.flaw import Flaw

REMEMBERED_MAX = 512
"""Lines: clients say the same few things again and again."""
REMEMBERED_OCTETS_MAX = 256
"""Of such a line: all of them are some hundred kilobytes."""


class Heard(msgspec.Struct, frozen=True, gc=False):
    """The same values for whoever says this line."""

    parsed: Parsed
    told: CommandReceived
    asked: Asked
    """Where nothing speaks against it."""
    in_order: frozenset[State]
    """Where only its transaction can speak against it."""
    plain: bool
    """Without flaws, parameters, secrets, a chunk behind it and anything outside ASCII: it is told as it stands, and
    only its order and its transaction can speak against it."""


_MAY_BE_AUTH = (b"A", b"a", b" ", b"\t")

Remembered = dict[bytes, Heard]
"""By the line with its CR LF."""

_REMEMBERED: dict[bool, Remembered] = {False: {}, True: {}}


def remembered(*, smtputf8: bool) -> Remembered:
    """What was heard before, where SMTPUTF8 is offered or not; to be looked at only."""
    return _REMEMBERED[smtputf8]


def is_auth(line: bytes) -> bool:
    """RFC 4954 4: an initial response may be as long as any response."""
    return line[:5].upper() == b"AUTH "


def hear(line: bytes, flaws: tuple[Flaw, ...], smtputf8: bool, show_secrets: bool) -> Heard:
    """`flaws` is what was wrong with how the line ended."""
    # What may be a password is remembered nowhere.
    if not flaws and len(line) <= REMEMBERED_OCTETS_MAX and not line.startswith(_MAY_BE_AUTH):
        return _hear_again(line, smtputf8)
    if flaws and flaws[-1].rule == "line-too-long":
        return _make(Parsed(Unknown(line), flaws), line, show_secrets)
    parsed = parse_command(line, smtputf8=smtputf8)
    return _make(Parsed(parsed.command, flaws + parsed.flaws), line, show_secrets)


def _hear_again(line: bytes, smtputf8: bool) -> Heard:
    known, key = _REMEMBERED[smtputf8], line + b"\r\n"
    heard = known.get(key)
    if heard is None:
        if len(known) == REMEMBERED_MAX:
            del known[next(iter(known))]
        heard = known[key] = _make(parse_command(line, smtputf8=smtputf8), line, show_secrets=False)
    return heard


def _make(parsed: Parsed, line: bytes, show_secrets: bool) -> Heard:
    text, raw = shown_line(line, show_secrets=show_secrets)
    command = parsed.command
    plain = not parsed.flaws and line.isascii() and not getattr(command, "parameters", None)
    plain = plain and not isinstance(command, Unknown | Auth | Bdat)
    verb = command.verb
    asked = Asked(verb, command, parsed.flaws, None)
    return Heard(parsed, CommandReceived(verb, text, raw), asked, IN_ORDER.get(verb, frozenset()), plain)
