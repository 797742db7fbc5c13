"""The shape of what the inspector says of one record."""

from __future__ import annotations

import msgspec


class Explanation(msgspec.Struct, frozen=True):
    title: str
    paragraphs: tuple[str, ...]
    """What it is, what was decided from it and why; safe for a terminal."""
    facts: tuple[tuple[str, str], ...] = ()
    """Label and value."""
    refs: tuple[str, ...] = ()
    """`RFC 5321 4.1.1.1`."""
    raw: bytes | None = None
    """The bytes on the wire, where they are known."""


Facts = tuple[tuple[str, str], ...]
"""Label and value."""


def kept(*paragraphs: str) -> tuple[str, ...]:
    """Without the empty ones."""
    return tuple(paragraph for paragraph in paragraphs if paragraph)
