"""What lies between two addresses of a world: the quickest way over its links, how wide it is and how much it loses."""

from __future__ import annotations

import itertools
import math

import msgspec

from smtplab.net.pipe import Lane
from smtplab.sim.world import Link, World

LOOPBACK_S = 0.00002
"""From a host to itself."""


class Way(msgspec.Struct, frozen=True):
    """From one address to another."""

    latency_s: float
    links: tuple[str, ...] = ()
    """The names of those on the way that have one."""
    lanes: tuple[Lane, Lane] | None = None
    """Of the narrowest link, there and back; None where nobody will ever wait for it."""
    loss: float = 0.0


class Roads:
    """Ways, reckoned once for each pair of sites."""

    def __init__(self, world: World) -> None:
        self._site_of = {address: host.site for host in world.hosts for address in host.addresses}
        self._inside_ms = {site.name: site.latency_ms for site in world.sites}
        self._paths = _quickest(world)
        self._ways: dict[tuple[str, str], Way] = {}
        self._lanes: dict[tuple[Link, str], Lane] = {}
        """By the site that a link is entered from: all ways over it share them."""

    def knows(self, address: str) -> bool:
        return address in self._site_of

    def latency_s(self, source: str, target: str) -> float:
        """One way."""
        return self.way(source, target).latency_s

    def way(self, source: str, target: str) -> Way:
        """Each end's own network is crossed as well. Raises KeyError for an address that nobody has."""
        if source == target:
            return Way(LOOPBACK_S)
        sites = self._site_of[source], self._site_of[target]
        if sites not in self._ways:
            self._ways[sites] = self._reckon(*sites)
        return self._ways[sites]

    def _reckon(self, start: str, end: str) -> Way:
        if start == end:
            return Way(self._inside_ms[start] / 1000)
        links = self._paths[start, end]
        return Way(
            latency_s=(self._inside_ms[start] + _latency_ms(links) + self._inside_ms[end]) / 1000,
            links=tuple(link.name for link in links if link.name),
            lanes=self._narrowest(start, links),
            loss=1 - math.prod(1 - link.loss for link in links),
        )

    def _narrowest(self, start: str, links: _Path) -> tuple[Lane, Lane] | None:
        found, here, least = None, start, math.inf
        for link in links:
            there = link.sites[1] if link.sites[0] == here else link.sites[0]
            if link.bits_per_s is not None and link.bits_per_s < least:
                found, least = (self._lane(link, here), self._lane(link, there)), link.bits_per_s
            here = there
        return found

    def _lane(self, link: Link, entered: str) -> Lane:
        assert link.bits_per_s is not None
        return self._lanes.setdefault((link, entered), Lane(link.bits_per_s / 8))


_Path = tuple[Link, ...]


def _quickest(world: World) -> dict[tuple[str, str], _Path]:
    """Floyd and Warshall's way, each middle in turn; worlds have few sites."""
    names = [site.name for site in world.sites]
    known: dict[tuple[str, str], _Path] = {(name, name): () for name in names}
    for link in world.links:
        for start, end in itertools.permutations(link.sites):
            if (start, end) not in known or link.latency_ms < _latency_ms(known[start, end]):
                known[start, end] = (link,)
    for middle, start, end in itertools.product(names, names, names):
        if (start, middle) in known and (middle, end) in known:
            path = known[start, middle] + known[middle, end]
            if (start, end) not in known or _latency_ms(path) < _latency_ms(known[start, end]):
                known[start, end] = path
    return known


def _latency_ms(path: _Path) -> float:
    return sum(link.latency_ms for link in path)
