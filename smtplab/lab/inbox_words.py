"""Are all these words in a message, as it came or as it reads? Base64 and quoted-printable hide them from the one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from smtplab.message.parts import parts_of_message, walk
from smtplab.view.folding import folded

PIECE = 65536
"""Octets looked through at once: folding a text copies it several times, and a message may be large."""
DECODED_OCTETS_MAX = 2 * 1024 * 1024
"""Of a message that is taken apart for its words, which costs some 20 ms; a larger one is looked through as it came."""

_ENCODED = re.compile(rb"content-transfer-encoding[ \t]*:[ \t]*(?:base64|quoted-printable)", re.IGNORECASE)


def holds_all(content: bytes, words: Iterable[str]) -> bool:
    """The words are folded, as `Query.words`."""
    missing = tuple(words)
    if not missing:
        return True
    missing = _still_missing(_pieces(content, 4 * max(map(len, missing))), missing)
    if not missing or len(content) > DECODED_OCTETS_MAX or not _ENCODED.search(content):
        return not missing
    return not _still_missing(_texts(content), missing)


def _still_missing(texts: Iterable[str], missing: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        missing = tuple(word for word in missing if word not in text)
        if not missing:
            break
    return missing


def _pieces(content: bytes, overlap: int) -> Iterator[str]:
    """What stands across the end of one stands whole in the next: a letter has four octets at most."""
    for start in range(0, max(len(content), 1), PIECE):
        yield folded(content[start : start + PIECE + overlap].decode("utf-8", "replace"))


def _texts(content: bytes) -> Iterator[str]:
    for _, part in walk(parts_of_message(content)):
        if part.text:
            yield folded(part.text)
