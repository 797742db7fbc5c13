"""The values of the DSN extension's parameters: xtext, NOTIFY, ORCPT (RFC 3461 4), and UTF-8 in them (RFC 6533 3)."""

from __future__ import annotations

import re
from typing import Literal, cast

import msgspec

ENVID_CHARACTERS_MAX = 100
"""RFC 3461 4.4."""
ORCPT_CHARACTERS_MAX = 500
"""RFC 3461 4.2."""

Occasion = Literal["NEVER", "SUCCESS", "FAILURE", "DELAY"]

# xtext   = *( xchar / hexchar )                                                      ; RFC 3461 4
# xchar   = any ASCII CHAR between "!" (33) and "~" (126) inclusive, except for "+" and "="
# hexchar = ASCII "+" immediately followed by two upper case hexadecimal digits
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_NO_XCHAR = re.compile(rb"[^!-*,-<>-~]")

# utf-8-addr-xtext    = 1*(QUCHAR / EmbeddedUnicodeChar)                              ; RFC 6533 3
# EmbeddedUnicodeChar = %x5C.78 "{" HEXPOINT "}"      ; starts with "\x"
# QUCHAR              = %x21-2a / %x2c-3c / %x3e-5b / %x5d-7e / UTF8-2 / UTF8-3 / UTF8-4
_EMBEDDED = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_NO_QUCHAR = re.compile(r"[^!-*,-<>-\[\]-~]")

# original-recipient-address = addr-type ";" xtext                                    ; RFC 3461 4.2
# addr-type                  = atom
_ORCPT = re.compile(r"([A-Za-z0-9\-]+);(.+)", re.DOTALL)


class OriginalRecipient(msgspec.Struct, frozen=True):
    """The recipient as its sender wrote it, before any alias."""

    kind: str
    """The address type in lower case: `rfc822`, `utf-8`."""
    address: str
    """Decoded."""


def is_xtext(text: str) -> bool:
    return _XTEXT.fullmatch(text) is not None


def encode_xtext(text: str) -> str:
    """Octets that are no xchar as `+HH`."""
    return _NO_XCHAR.sub(lambda octet: b"+%02X" % ord(octet[0]), text.encode("utf-8", "replace")).decode("ascii")


def decode_xtext(text: str) -> str:
    """Lenient: what is no hexchar stays as it stands, octets that are no UTF-8 become U+FFFD."""
    octets = text.encode("utf-8", "replace")
    return re.sub(rb"\+([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), octets).decode("utf-8", "replace")


def encode_utf8_address(address: str) -> str:
    """As utf-8-addr-xtext, which passes through any server and stands in any header."""
    return _NO_QUCHAR.sub(lambda character: f"\\x{{{ord(character[0]):02X}}}", address)


def decode_utf8_address(text: str) -> str:
    """Lenient: an escape that names no character stays as it stands."""
    return _EMBEDDED.sub(_character, text)


def _character(escape: re.Match[str]) -> str:
    point = int(escape[1], 16)
    return chr(point) if point <= 0x10FFFF and not 0xD800 <= point <= 0xDFFF else escape[0]


def parse_notify(value: str) -> tuple[Occasion, ...] | None:
    """`NEVER`, or a list of the others without a word twice (RFC 3461 4.1); None for anything else."""
    words = value.upper().split(",")
    if words == ["NEVER"]:
        return ("NEVER",)
    if not words or len(set(words)) != len(words) or not set(words) <= {"SUCCESS", "FAILURE", "DELAY"}:
        return None
    return cast("tuple[Occasion, ...]", tuple(words))


def parse_orcpt(value: str) -> OriginalRecipient | None:
    """`rfc822;user+2Btag@hust.example`; None for what is no such thing."""
    parts = _ORCPT.fullmatch(value)
    if parts is None or len(value) > ORCPT_CHARACTERS_MAX:
        return None
    kind, text = parts[1].lower(), parts[2]
    if kind == "utf-8":
        # RFC 6533 3: utf-8-addr-xtext or, where SMTPUTF8 was announced, plain UTF-8.
        return OriginalRecipient(kind, decode_utf8_address(decode_xtext(text)))
    return OriginalRecipient(kind, decode_xtext(text)) if is_xtext(text) else None


def format_orcpt(address: str) -> str:
    """Of an address as it stands in RCPT."""
    if address.isascii():
        return f"rfc822;{encode_xtext(address)}"
    return f"utf-8;{encode_utf8_address(address)}"


def is_good_dsn_value(name: str, value: str | None) -> bool:
    """Does a parameter of this extension have a value that RFC 3461 4 allows?"""
    if value is None:
        return False
    match name:
        case "RET":
            return value.upper() in ("FULL", "HDRS")
        case "ENVID":
            return is_xtext(value) and len(value) <= ENVID_CHARACTERS_MAX
        case "NOTIFY":
            return parse_notify(value) is not None
        case "ORCPT":
            return parse_orcpt(value) is not None
        case _:
            return True
