"""IP packets around TCP segments and UDP datagrams, with their checksums; what is said inside it does not know."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

IpAddress = IPv4Address | IPv6Address

FIN, SYN, RST, PUSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10

WINDOW_OCTETS = 65535
"""All that a segment can announce without window scaling (RFC 9293 3.1)."""

SEGMENT_OCTETS_MAX = {4: 1460, 6: 1440}
"""What an Ethernet frame leaves beside the headers (RFC 6691 2), by IP version."""

UDP_OCTETS_MAX = 65507
"""The IPv4 packet's 65,535 without its header and UDP's."""

_TTL = 64
_TCP, _UDP = 6, 17
_OPTION_MSS = 2


class Socket(NamedTuple):
    address: IpAddress
    port: int


class Segment(NamedTuple):
    """A TCP segment (RFC 9293 3.1)."""

    flags: int
    sequence: int
    acknowledged: int
    data: bytes = b""


def tcp_packet(source: Socket, target: Socket, segment: Segment) -> bytes:
    """A SYN announces the largest segment that fits an Ethernet frame."""
    size = SEGMENT_OCTETS_MAX[source.address.version]
    options = struct.pack("!BBH", _OPTION_MSS, 4, size) if segment.flags & SYN else b""
    header = struct.pack(
        "!HHIIBBHHH",
        source.port,
        target.port,
        segment.sequence % 2**32,
        segment.acknowledged % 2**32,
        (20 + len(options)) // 4 << 4,
        segment.flags,
        WINDOW_OCTETS,
        0,
        0,
    )
    payload = header + options + segment.data
    total = _checksum(_pseudo_header(source.address, target.address, _TCP, len(payload)) + payload)
    return _ip_packet(source.address, target.address, _TCP, payload[:16] + total + payload[18:])


def udp_packet(source: Socket, target: Socket, data: bytes) -> bytes:
    """At most `UDP_OCTETS_MAX` of data."""
    payload = struct.pack("!HHHH", source.port, target.port, 8 + len(data), 0) + data
    total = _checksum(_pseudo_header(source.address, target.address, _UDP, len(payload)) + payload)
    if total == b"\0\0":
        total = b"\xff\xff"  # Zero would say that there is none (RFC 768).
    return _ip_packet(source.address, target.address, _UDP, payload[:6] + total + data)


def _ip_packet(source: IpAddress, target: IpAddress, protocol: int, payload: bytes) -> bytes:
    if source.version == 6:
        header = struct.pack("!IHBB", 6 << 28, len(payload), protocol, _TTL)
        return header + source.packed + target.packed + payload
    # Never fragmented, so the identification may be anything (RFC 6864 4.1).
    start = struct.pack("!BBHHHBB", 0x45, 0, 20 + len(payload), 0, 0x4000, _TTL, protocol)
    ends = source.packed + target.packed
    return start + _checksum(start + b"\0\0" + ends) + ends + payload


def _pseudo_header(source: IpAddress, target: IpAddress, protocol: int, octets: int) -> bytes:
    """RFC 9293 3.1, RFC 8200 8.1."""
    tail = struct.pack("!BBH", 0, protocol, octets) if source.version == 4 else struct.pack("!II", octets, protocol)
    return source.packed + target.packed + tail


def _checksum(data: bytes) -> bytes:
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)
