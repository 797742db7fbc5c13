"""Names and passwords in the one form in which both ends compare them (RFC 4013, after RFC 3454)."""

from __future__ import annotations

import stringprep
import unicodedata
from collections.abc import Callable

# RFC 4013 2.3, in its order.
_PROHIBITED: tuple[Callable[[str], bool], ...] = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def saslprep(text: str) -> str | None:
    """None where the text holds what RFC 4013 forbids. Code points that Unicode 3.2 did not know are let pass, as in a
    query (RFC 3454 7): a password may hold today's emoji.
    """
    if text.isascii() and text.isprintable():
        return text
    mapped = "".join(
        " " if stringprep.in_table_c12(character) else character
        for character in text
        if not stringprep.in_table_b1(character)
    )
    prepared = unicodedata.normalize("NFKC", mapped)
    if any(is_prohibited(character) for is_prohibited in _PROHIBITED for character in prepared):
        return None
    return prepared if _obeys_bidi(prepared) else None


def _obeys_bidi(text: str) -> bool:
    """RFC 3454 6."""
    if not any(map(stringprep.in_table_d1, text)):
        return True
    if any(map(stringprep.in_table_d2, text)):
        return False
    return stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
