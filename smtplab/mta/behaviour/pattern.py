"""Patterns by which a file names clients, senders and recipients: networks, and texts with `*` and `?`."""

from __future__ import annotations

import fnmatch
import functools
import ipaddress
import re

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

REMEMBERED_MAX = 1024
"""A file has some dozens of patterns; they are asked at every command."""


@functools.lru_cache(maxsize=REMEMBERED_MAX)
def network_of(text: str) -> Network | None:
    """`10.0.0.0/8`, or one address; None for what is neither."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def is_in_network(address: str, network: str) -> bool:
    """An IPv4 client of an IPv6 listener is one of its IPv4 network too (RFC 4291 2.5.5.2)."""
    found, wanted = _address_of(address), network_of(network)
    return found is not None and wanted is not None and found in wanted


def network_around(address: str) -> str:
    """The network that stands for a farm of servers (RFC 6647 4.2): /24, /64."""
    found = _address_of(address)
    if found is None:
        return address
    return str(ipaddress.ip_network(f"{found}/{24 if found.version == 4 else 64}", strict=False))


def matches(pattern: str, text: str) -> bool:
    """An empty pattern fits everything."""
    return not pattern or _compiled(pattern).fullmatch(text) is not None


@functools.lru_cache(maxsize=REMEMBERED_MAX)
def _compiled(pattern: str) -> re.Pattern[str]:
    # The library's patterns know sets too, which here are only brackets. They never backtrack from star to star.
    return re.compile(fnmatch.translate(pattern.replace("[", "[[]")), re.IGNORECASE)


@functools.lru_cache(maxsize=REMEMBERED_MAX)
def _address_of(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
