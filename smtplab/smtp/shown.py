"""How a line is shown in the records: as text, the bytes beside it where the text loses some, secrets masked."""

from __future__ import annotations

import re

from smtplab.events import CommandSent
from smtplab.smtp.auth_shown import MASK, AuthStory
from smtplab.wire.command import Data, Quit, Rset
from smtplab.wire.reply import Reply

_AUTH_WITH_RESPONSE = re.compile(rb"(\s*AUTH\s+\S+\s+)\S.*", re.IGNORECASE | re.DOTALL)

SAID_ALONE: dict[type, tuple[bytes, CommandSent]] = {
    kind: (kind.verb.encode() + b"\r\n", CommandSent(kind.verb, kind.verb)) for kind in (Data, Rset, Quit)
}
"""Commands without arguments that are said for every message, or in every session: the bytes and the fact of each."""


def shown_line(line: bytes, end: bytes = b"\r\n", *, show_secrets: bool = False) -> tuple[str, bytes | None]:
    """Text and raw bytes for `CommandSent` and `CommandReceived`; `line` is without its line end.

    The initial response of AUTH (RFC 4954 4) is masked; a masked line has no raw bytes, they would tell it.
    """
    if not show_secrets and line.startswith((b"A", b"a", b" ", b"\t")):
        secret = _AUTH_WITH_RESPONSE.fullmatch(line)
        if secret:
            return _text(secret[1]) + MASK, None
    if end == b"\r\n" and line.isascii():
        text = line.decode("ascii")
        if text.isprintable():
            return text, None
    return _text(line), line + end


def shown_response(line: bytes, *, show_secrets: bool = False) -> tuple[str, bytes | None]:
    """A line of an AUTH exchange: `***`, but a cancelling `*` is no secret."""
    if show_secrets or line == b"*":
        return shown_line(line, show_secrets=show_secrets)
    return MASK, None


def shown_challenge(
    reply: Reply, verb: str, story: AuthStory, *, show_secrets: bool
) -> tuple[tuple[str, ...], bytes | None, str]:
    """Lines, raw bytes and meaning for `ReplySent` and `ReplyReceived`: of most replies, as they are.

    SCRAM's last challenge is masked: with what else is shown, a password could be guessed by it (RFC 5802 9).
    """
    if verb != "AUTH" or reply.code != 334:
        return reply.lines, reply.raw, ""
    decoded = story.challenged(reply.lines[0] if reply.lines else "")
    if MASK in decoded and not show_secrets:
        return (MASK,), None, decoded
    return reply.lines, reply.raw, decoded


def _text(line: bytes) -> str:
    return line.decode("utf-8", "backslashreplace")
