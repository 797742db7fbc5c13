"""The attributes of XCLIENT and XFORWARD, with which a server says of whom it speaks (Postfix's XCLIENT_README)."""

from __future__ import annotations

import ipaddress
import re

from smtplab.wire.xtext import decode_xtext, encode_xtext, is_xtext

Attributes = dict[str, str | None]
"""By name in capitals; None for what the sender does not know."""

XCLIENT_NAMES = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "DESTADDR", "DESTPORT", "REVERSE_NAME")
XFORWARD_NAMES = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE")

_WORD = re.compile(r"([A-Za-z_]+)=(.*)")
_UNKNOWN_VALUES = frozenset({"", "[UNAVAILABLE]", "[TEMPUNAVAIL]"})
VALUE_CHARACTERS_MAX = 255
"""As long as a domain name may be (RFC 5321 4.5.3.1.2)."""


def parse_attributes(text: str, names: tuple[str, ...]) -> Attributes | None:
    """None where one is unknown, comes twice or has a value that can't be."""
    attributes: Attributes = {}
    for word in text.split():
        found = _WORD.fullmatch(word)
        if found is None or found[1].upper() not in names or found[1].upper() in attributes:
            return None
        name, written = found[1].upper(), found[2]
        if written.upper() in _UNKNOWN_VALUES:
            attributes[name] = None
            continue
        value = decode_xtext(written)
        if not is_xtext(written) or len(value) > VALUE_CHARACTERS_MAX or not value.isprintable():
            return None
        if name in _READERS:
            value = _READERS[name](value)
            if not value:
                return None
        attributes[name] = value
    return attributes or None


def format_attributes(attributes: Attributes) -> str:
    """As they stand behind the verb."""
    return " ".join(
        f"{name}={'[UNAVAILABLE]' if value is None else encode_xtext(value)}" for name, value in attributes.items()
    )


def _address(value: str) -> str:
    text = value[5:] if value[:5].upper() == "IPV6:" else value
    try:
        return str(ipaddress.ip_address(text)) if "%" not in text else ""
    except ValueError:
        return ""


def _port(value: str) -> str:
    return value if value.isascii() and value.isdecimal() and int(value) <= 65535 else ""


def _protocol(value: str) -> str:
    return value.upper() if value.upper() in ("SMTP", "ESMTP") else ""


_READERS = {"ADDR": _address, "DESTADDR": _address, "PORT": _port, "DESTPORT": _port, "PROTO": _protocol}
