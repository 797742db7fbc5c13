"""Answers of the DNS kept as long as their owners allow, on a given clock; it asks nobody."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import msgspec

ENTRIES_MAX = 4096
"""A survey's worth of names; some megabytes at most."""

POSITIVE_S_MAX = 86400
"""A day (RFC 8767 4 has caches cap TTLs, at days): a typing error in a TTL must not last for years."""

NEGATIVE_S_MAX = 10800
"""RFC 2308 5: no negative answer for longer than three hours."""


class Found(msgspec.Struct, frozen=True):
    """One response, read: what a question was answered with."""

    rcode: str
    canonical: str
    """The last name of the CNAMEs in this response, lower case, no final dot."""
    aliases: tuple[str, ...]
    records: tuple[str, ...]
    ttl_s: int | None
    """None where nothing can be cached."""
    authentic: bool
    complete: bool
    """False where the response ends at a CNAME whose target must be asked for."""
    server: str

    def shown_records(self) -> tuple[str, ...]:
        """As `events.DnsAnswered.records` has them."""
        return (*[f"CNAME {alias}." for alias in self.aliases], *self.records) if self.aliases else self.records


class Cache:
    """Bounded; what was used longest ago goes first. `monotonic` gives seconds."""

    def __init__(self, monotonic: Callable[[], float], entries_max: int = ENTRIES_MAX) -> None:
        self._monotonic = monotonic
        self._entries_max = entries_max
        self._entries: OrderedDict[tuple[str, str], tuple[float, Found]] = OrderedDict()

    def get(self, name: str, rrtype: str) -> Found | None:
        """What is known, its TTL counted down."""
        for key in ((name, rrtype), (name, "")):
            # A name that does not exist has no records of any type (RFC 2308 5, RFC 8020).
            entry = self._entries.get(key)
            if entry is None:
                continue
            left_s = int(entry[0] - self._monotonic())
            if left_s > 0:
                self._entries.move_to_end(key)
                return msgspec.structs.replace(entry[1], ttl_s=left_s)
            del self._entries[key]
        return None

    def put(self, name: str, rrtype: str, found: Found) -> None:
        """Keep an answer, unless its TTL says not to."""
        if not found.ttl_s:
            return
        ttl_s = min(found.ttl_s, POSITIVE_S_MAX if found.records or not found.complete else NEGATIVE_S_MAX)
        key = (name, "" if found.rcode == "NXDOMAIN" and not found.aliases else rrtype)
        self._entries[key] = (self._monotonic() + ttl_s, found)
        self._entries.move_to_end(key)
        while len(self._entries) > self._entries_max:
            self._entries.popitem(last=False)
