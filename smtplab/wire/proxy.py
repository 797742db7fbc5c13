"""The header that a proxy puts before a connection to say whose it is: the PROXY protocol, versions 1 and 2.

Its document is HAProxy's doc/proxy-protocol.txt; the sections here are of that.
"""

from __future__ import annotations

import ipaddress
import re
import struct

import msgspec

from smtplab.wire.flaw import Flaw, shorten

V1_OCTETS_MAX = 107
"""2.1: the longest line there is, its CR LF included."""
V2_OCTETS_MAX = 16 + 2048
"""2.2 allows 64 KiB of TLVs; what proxies say of a TLS session fits into a fraction of this."""

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_SOURCE = "PROXY protocol 2.1"
_SOURCE_2 = "PROXY protocol 2.2"

_LINE = re.compile(r"PROXY (TCP4|TCP6) (\S+) (\S+) ([0-9]{1,5}) ([0-9]{1,5})")
_UNKNOWN = re.compile(r"PROXY UNKNOWN(?: .*)?")

_OCTETS_OF_FAMILY = {0x1: 4, 0x2: 16}
_STREAM = 0x1


class Proxied(msgspec.Struct, frozen=True):
    """Whose connection it is, and where it came in at the proxy."""

    source: tuple[str, int] | None
    """None where the proxy does not say, or speaks for itself: then the connection is its own."""
    target: tuple[str, int] | None = None


Header = tuple[Proxied, int]
"""And how many octets it took."""


def parse_proxy(data: bytes) -> Header | Flaw | None:
    """None while more has to come; never while more than the bounds allow has come."""
    if data[: len(_SIGNATURE)] == _SIGNATURE[: len(data)] and data:
        return _parse_second(data)
    if data[:6] != b"PROXY "[: len(data)]:
        return Flaw("proxy-header", shorten(data[:16].decode("latin-1")), _SOURCE)
    end = data.find(b"\r\n", 0, V1_OCTETS_MAX)
    if end >= 0:
        proxied = _parse_first(data[:end].decode("latin-1"))
        return (proxied, end + 2) if isinstance(proxied, Proxied) else proxied
    return None if len(data) < V1_OCTETS_MAX else Flaw("proxy-header", "too long", _SOURCE)


def _parse_first(line: str) -> Proxied | Flaw:
    if _UNKNOWN.fullmatch(line):
        return Proxied(None)
    found = _LINE.fullmatch(line)
    if found is None:
        return Flaw("proxy-header", shorten(line), _SOURCE)
    version = 4 if found[1] == "TCP4" else 6
    source, target = _end(version, found[2], found[4]), _end(version, found[3], found[5])
    if source is None or target is None:
        return Flaw("proxy-header", shorten(line), _SOURCE)
    return Proxied(source, target)


def _end(version: int, address: str, port: str) -> tuple[str, int] | None:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    good = found.version == version and "%" not in address and int(port) <= 65535 and (port == "0" or port[0] != "0")
    return (str(found), int(port)) if good else None


def _parse_second(data: bytes) -> Header | Flaw | None:
    if len(data) < 16:
        return None
    command, family, length = data[12], data[13], struct.unpack("!H", data[14:16])[0]
    if command >> 4 != 2 or command & 0xF > 1 or 16 + length > V2_OCTETS_MAX:
        return Flaw("proxy-header", f"{command:#04x} {length}", _SOURCE_2)
    if len(data) < 16 + length:
        return None
    octets = _OCTETS_OF_FAMILY.get(family >> 4)
    if command & 0xF == 0 or family & 0xF != _STREAM or octets is None:
        return Proxied(None), 16 + length  # LOCAL, or something that is no TCP: the connection is the proxy's own
    if length < 2 * octets + 4:
        return Flaw("proxy-header", f"{length} octets", _SOURCE_2)
    body = data[16 : 16 + length]
    addresses = [str(ipaddress.ip_address(body[start : start + octets])) for start in (0, octets)]
    ports = struct.unpack("!HH", body[2 * octets : 2 * octets + 4])
    return Proxied((addresses[0], ports[0]), (addresses[1], ports[1])), 16 + length
