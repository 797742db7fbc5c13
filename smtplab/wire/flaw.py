"""What is wrong with a piece of input, as a value: the rule, the words for a log, and the section that says so."""

from __future__ import annotations

import msgspec


class Flaw(msgspec.Struct, frozen=True, gc=False):
    rule: str
    """A stable id, `bare-lf`; the catalogues hold its text under `rule.bare-lf`."""
    detail: str
    """The offending piece, shortened; never a secret."""
    rfc: str
    """`RFC 5321 2.3.8`."""


DETAIL_CHARACTERS_MAX = 80
"""A detail stands in one line of a log or a transcript."""


def shorten(text: str) -> str:
    """A piece of input as a detail: shortened, and with what would move a terminal's cursor made visible."""
    shown = text if text.isprintable() else "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[:80])
    return shown if len(shown) <= DETAIL_CHARACTERS_MAX else shown[: DETAIL_CHARACTERS_MAX - 1] + "…"
