"""How long a packet takes between two addresses of a world: the quickest way over its links, and never a queue."""

from __future__ import annotations

import itertools

from smtplab.sim.world import World

LOOPBACK_S = 0.00002
"""From a host to itself."""


class Roads:
    """Latencies one way, in seconds, reckoned once."""

    def __init__(self, world: World) -> None:
        self._site_of = {address: host.site for host in world.hosts for address in host.addresses}
        self._inside_ms = {site.name: site.latency_ms for site in world.sites}
        self._between_ms = _quickest(world)

    def knows(self, address: str) -> bool:
        return address in self._site_of

    def latency_s(self, source: str, target: str) -> float:
        """Each end's own network is crossed as well. Raises KeyError for an address that nobody has."""
        if source == target:
            return LOOPBACK_S
        start, end = self._site_of[source], self._site_of[target]
        if start == end:
            return self._inside_ms[start] / 1000
        return (self._inside_ms[start] + self._between_ms[start, end] + self._inside_ms[end]) / 1000


def _quickest(world: World) -> dict[tuple[str, str], float]:
    """Floyd and Warshall's way, each middle in turn; worlds have few sites."""
    names = [site.name for site in world.sites]
    known = {(start, end): 0.0 if start == end else float("inf") for start in names for end in names}
    for link in world.links:
        for start, end in itertools.permutations(link.sites):
            known[start, end] = min(known[start, end], link.latency_ms)
    for middle, start, end in itertools.product(names, names, names):
        known[start, end] = min(known[start, end], known[start, middle] + known[middle, end])
    return known
