"""The blocks of a pcapng file as bytes; what travels in the packets it does not know.

Source: draft-ietf-opsawg-pcapng. Little-endian throughout, times in microseconds, packets that begin with their IP
header (LINKTYPE_RAW), for no Ethernet was ever recorded.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address

from smtplab import __version__

IpAddress = IPv4Address | IPv6Address

_SECTION, _INTERFACE, _NAMES, _PACKET, _SECRETS = 0x0A0D0D0A, 1, 4, 6, 0x0A
_BYTE_ORDER = 0x1A2B3C4D
_LENGTH_UNKNOWN = 0xFFFFFFFFFFFFFFFF
_LINKTYPE_RAW = 101
_COMMENT, _APPLICATION = 1, 4
_NAME_IPV4, _NAME_IPV6 = 1, 2
_TLS_KEY_LOG = 0x544C534B

OPTION_OCTETS_MAX = 0xFFFF
"""An option's length has 16 bits; what is longer is cut."""

_TIME_US_MAX = 2**64 - 1


def section_header() -> bytes:
    """Every file begins with one."""
    body = struct.pack("<IHHQ", _BYTE_ORDER, 1, 0, _LENGTH_UNKNOWN)
    return _block(_SECTION, body + _options([(_APPLICATION, f"smtplab {__version__}")]))


def interface() -> bytes:
    """The one interface that all packets belong to; times have pcapng's default resolution, a microsecond."""
    return _block(_INTERFACE, struct.pack("<HHI", _LINKTYPE_RAW, 0, 0))


def packet(time_us: int, data: bytes, comments: Iterable[str] = ()) -> bytes:
    """An IP packet with comments, one option each. The time is since the epoch."""
    time_us = min(max(time_us, 0), _TIME_US_MAX)
    body = struct.pack("<IIIII", 0, time_us >> 32, time_us & 0xFFFFFFFF, len(data), len(data))
    return _block(_PACKET, body + _padded(data) + _options([(_COMMENT, comment) for comment in comments]))


def names(known: Mapping[IpAddress, Iterable[str]]) -> bytes:
    """A name resolution block: what each address is called."""
    body = b""
    for address, called in known.items():
        kind = _NAME_IPV4 if address.version == 4 else _NAME_IPV6
        value = (address.packed + b"".join(name.encode("utf-8", "replace") + b"\0" for name in called))[:0xFFFF]
        body += struct.pack("<HH", kind, len(value)) + _padded(value)
    return _block(_NAMES, body + struct.pack("<HH", 0, 0))


def tls_secrets(key_log: bytes) -> bytes:
    """A decryption secrets block in NSS's key log format; Wireshark wants it before the handshakes that it opens."""
    return _block(_SECRETS, struct.pack("<II", _TLS_KEY_LOG, len(key_log)) + _padded(key_log))


def _options(pairs: Iterable[tuple[int, str]]) -> bytes:
    """Options and their end; nothing at all where there are none."""
    out = b""
    for code, text in pairs:
        # A cut must not leave half a letter behind.
        value = text.encode("utf-8", "replace")[:OPTION_OCTETS_MAX].decode("utf-8", "ignore").encode()
        out += struct.pack("<HH", code, len(value)) + _padded(value)
    return out + struct.pack("<HH", 0, 0) if out else b""


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
