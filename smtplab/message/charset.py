"""Charsets as mail names them, and text out of octets; only codecs that are charsets, none of Python's own."""

from __future__ import annotations

import codecs
import re

NOT_CHARSETS = frozenset({"idna", "punycode", "raw_unicode_escape", "unicode_escape", "undefined", "mbcs", "oem"})
"""Python decodes text with these too: some mean another thing on each system, punycode takes quadratic time."""


def codec_of(charset: str) -> str | None:
    """Python's name for it; None for what is no charset, or none that is known here."""
    name = charset.strip().lower()
    try:
        found = codecs.lookup(name)
        # `base64` and `zlib` are codecs, but none of text: only decoding tells.
        b"?".decode(name, "replace")
    except (LookupError, ValueError, TypeError, AttributeError):
        return None
    return None if found.name.replace("-", "_") in NOT_CHARSETS else found.name


def whole_characters(text: str) -> str:
    """With U+FFFD for each lone surrogate, which UTF-7 can name: no text that holds one can be written or sent on."""
    return _SURROGATE.sub("\ufffd", text)


_SURROGATE = re.compile("[\ud800-\udfff]")


def decode_text(octets: bytes, charset: str, *, cut: bool = False) -> str:
    """What is no text of that charset shows as U+FFFD. Where the charset is unknown, or US-ASCII that is none, it is
    taken for UTF-8, or else for Latin-1, which has every octet. With `cut` the last character may be broken off."""
    codec = codec_of(charset) if charset else None
    if codec is not None and codec != "ascii":
        try:
            return whole_characters(octets.decode(codec, "replace"))
        except ValueError:
            pass
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(octets, final=not cut)
    except UnicodeDecodeError:
        return octets.decode("latin-1")
