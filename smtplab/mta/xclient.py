"""XCLIENT: what a client that is trusted says of the client it speaks for (Postfix's XCLIENT_README)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from smtplab.wire.xtext import encode_xtext

ATTRIBUTES = ("ADDR", "NAME", "PORT", "PROTO", "DESTADDR", "DESTPORT", "HELO", "LOGIN", "REVERSE_NAME")


class Xclient(msgspec.Struct, frozen=True, kw_only=True):
    """What to say, and what has to come of it."""

    arguments: tuple[str, ...]
    """One XCLIENT command each, in this order."""
    attributes: frozenset[str] = frozenset()
    """Those that the server has to announce."""
    needed: Literal["always", "where-offered", "never"] = "always"
    before_tls: bool = False


def attribute(name: str, value: str) -> str:
    """`NAME=value`; the special values in brackets stay, all else that needs it becomes xtext."""
    return f"{name}={value if value in ('[UNAVAILABLE]', '[TEMPUNAVAIL]') else encode_xtext(value)}"


def missing(wanted: Xclient, announced: Sequence[str]) -> tuple[str, ...]:
    """The attributes that this server does not take, in the order in which they are known."""
    known = {name.upper() for name in announced}
    return tuple(sorted(wanted.attributes - known, key=lambda name: (*ATTRIBUTES, name).index(name)))
