"""The one door through which a peer's words reach a screen: nothing that steers a terminal passes it."""

from __future__ import annotations

import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Categories that steer rather than show: C0 and C1 controls, marks that turn the order of writing, lone surrogates."""

_KEPT = frozenset("\u200c\u200d")
"""The joiners that some scripts and emoji need."""


def safe(text: str) -> str:
    r"""The text with every control character written out: an escape becomes `\x1b`, a tab `\t`.

    Quick where nothing is to be done, so it can stand at every door.
    """
    if text.isprintable():
        return text
    return "".join(character if _shows(character) else _written_out(character) for character in text)


def safe_bytes(data: bytes) -> str:
    r"""Bytes as a person can read them: UTF-8 where it is that, `\xNN` for every other octet."""
    return safe(data.decode("utf-8", "backslashreplace"))


def _shows(character: str) -> bool:
    return character in _KEPT or unicodedata.category(character) not in _HIDDEN


def _written_out(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
