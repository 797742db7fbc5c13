"""How texts are made alike before one is looked for in the other."""

from __future__ import annotations

import unicodedata


def composed(text: str) -> str:
    """In NFC: an address that was typed on another system may have its accents apart, and looks the same."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def folded(text: str) -> str:
    """In NFC, and whatever its case."""
    return composed(text).casefold()
