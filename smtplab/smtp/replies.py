"""The reply codes that the standards list for each command, and what is odd about a reply; judges no dialogue."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping

from smtplab.wire.reply import Reply

UNASKED = "*"
"""Stands for the command where there was none."""

_UNCODED = frozenset({"", UNASKED, "EHLO", "HELO", "LHLO"})
"""What RFC 2034 4 leaves without an enhanced code."""

_ANY_COMMAND = frozenset({421, 500, 501, 503, 530})
"""RFC 5321 4.3.2 for every command; 503 is 3.1 and 4.1.4, out of order, and 530 is RFC 3207 4 and RFC 4954 6, where TLS
or AUTH is demanded first."""

_CONTENT = frozenset({250, 450, 451, 452, 550, 552, 554})

LISTED_CODES: Mapping[str, frozenset[int]] = {
    # RFC 5321 4.3.2; 521 and 556 are RFC 7504.
    "": frozenset({220, 521, 554}),
    "EHLO": frozenset({250, 502, 504, 550}),
    "HELO": frozenset({250, 502, 504, 550}),
    "LHLO": frozenset({250, 502, 504, 550}),
    "MAIL": frozenset({250, 451, 452, 455, 503, 550, 552, 553, 555, 556}),
    "RCPT": frozenset({250, 251, 450, 451, 452, 455, 503, 550, 551, 552, 553, 555, 556}),
    "DATA": frozenset({354, 450, 451, 452, 503, 550, 552, 554}),
    # 353 is draft-hall-prdr's, where it was asked for.
    ".": _CONTENT | {353},
    "RSET": frozenset({250}),
    "NOOP": frozenset({250}),
    "QUIT": frozenset({221}),
    "VRFY": frozenset({250, 251, 252, 502, 504, 550, 551, 553}),
    "EXPN": frozenset({250, 252, 502, 504, 550}),
    "HELP": frozenset({211, 214, 502, 504}),
    # RFC 3030 2, with the refusals of content.
    "BDAT": _CONTENT | {503},
    # RFC 3207 4.
    "STARTTLS": frozenset({220, 454, 502, 503}),
    # RFC 4954 4 and 6.
    "AUTH": frozenset({235, 334, 432, 454, 502, 503, 504, 534, 535, 538}),
    # RFC 1985 5.3.
    "ETRN": frozenset({250, 251, 252, 253, 458, 459}),
}


# A handful of pairs in every session.
@functools.lru_cache(maxsize=1024)
def is_listed(verb: str, code: int) -> bool:
    """Do the standards have a server answer this command so? Verbs they don't know may be answered with anything."""
    listed = LISTED_CODES.get(verb)
    return listed is None or code in listed or code == 421 or (verb != "" and code in _ANY_COMMAND)


def oddities(reply: Reply, verb: str, *, coded: bool) -> Iterator[tuple[str, str]]:
    """The rules that a server breaks by this reply's codes, each with its detail; `coded` where it announced enhanced
    ones. Nothing for a listed code with an enhanced one."""
    code = reply.code
    if verb == UNASKED and code != 421:
        yield "unsolicited-reply", str(code or "")
    if code is None:
        return
    if not is_listed(verb, code):
        yield "unlisted-code", f"{code} to {verb or 'the connection'}"
    if coded and reply.enhanced is None and reply.severity in (2, 4, 5) and verb not in _UNCODED:
        yield "enhanced-code-missing", str(code)
