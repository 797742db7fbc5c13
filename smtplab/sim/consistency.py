"""What a world's types cannot say, because it speaks of two fields: whether its parts fit each other."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import NamedTuple

import dns.exception
import dns.name
import dns.zone

from smtplab.sim.world import Host, World


class Problem(NamedTuple):
    path: str
    """`hosts[2].resolver`, as msgspec writes it."""
    text: str


def first_problem(world: World) -> Problem | None:
    """The first thing that keeps a world from running, in the order of its file; None where all fits."""
    for check in (_start, _sites, _hosts, _addresses, _zones, _users):
        for problem in check(world):
            return problem
    return None


def _start(world: World) -> Iterator[Problem]:
    if world.start.tzinfo is None:
        yield Problem("start", "a moment without its offset from UTC, write 2026-11-23T01:00:00Z")


def _sites(world: World) -> Iterator[Problem]:
    known = {site.name for site in world.sites}
    for number, link in enumerate(world.links):
        for side, site in enumerate(link.sites):
            if site not in known:
                yield Problem(f"links[{number}].sites[{side}]", f"no site is called {site!r}")
    reached, todo = set(), [world.sites[0].name] if world.sites else []
    while todo:
        here = todo.pop()
        reached.add(here)
        todo += [site for link in world.links if here in link.sites for site in link.sites if site not in reached]
    for number, site_of_world in enumerate(world.sites):
        if site_of_world.name not in reached:
            yield Problem(f"sites[{number}]", f"no link leads to {site_of_world.name!r}")


def _hosts(world: World) -> Iterator[Problem]:
    sites = {site.name for site in world.sites}
    by_name: dict[str, Host] = {}
    for number, host in enumerate(world.hosts):
        path = f"hosts[{number}]"
        if host.name in by_name:
            yield Problem(f"{path}.name", f"a second host of the name {host.name!r}")
        by_name[host.name] = host
        if host.site not in sites:
            yield Problem(f"{path}.site", f"no site is called {host.site!r}")
    resolvers = {address for host in world.hosts if "resolver" in host.roles for address in host.addresses}
    for number, host in enumerate(world.hosts):
        for problem in _bonds(host, by_name, resolvers):
            yield Problem(f"hosts[{number}].{problem.path}", problem.text)


def _bonds(host: Host, by_name: dict[str, Host], resolvers: set[str]) -> Iterator[Problem]:
    if host.resolver and host.resolver not in resolvers:
        yield Problem("resolver", f"no host with the role resolver has the address {host.resolver}")
    if host.roles != ("resolver",) and not host.resolver:
        yield Problem("resolver", "missing: this host has names to look up")
    if "user-agent" in host.roles and "submission" not in _roles(by_name.get(host.submits_to)):
        yield Problem("submits_to", f"no submission server is called {host.submits_to!r}")
    if host.relays_to and not {"relay", "mx"} & _roles(by_name.get(host.relays_to)):
        yield Problem("relays_to", f"no relay is called {host.relays_to!r}")
    for number, name in enumerate(host.accepts_from):
        if name not in by_name:
            yield Problem(f"accepts_from[{number}]", f"no host is called {name!r}")
    if {"mx", "backup-mx"} & set(host.roles) and not host.domains:
        yield Problem("domains", "missing: an MX takes mail for at least one domain")


def _roles(host: Host | None) -> set[str]:
    return set(host.roles) if host else set()


def _addresses(world: World) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for number, host in enumerate(world.hosts):
        for place, address in enumerate(host.addresses):
            path = f"hosts[{number}].addresses[{place}]"
            try:
                ipaddress.ip_address(address)
            except ValueError:
                yield Problem(path, f"no IP address: {address!r}")
            if address in owners:
                yield Problem(path, f"{address} is that of {owners[address]} already")
            owners[address] = host.name


def _zones(world: World) -> Iterator[Problem]:
    for number, zone in enumerate(world.zones):
        try:
            dns.zone.from_text(zone.text, dns.name.from_text(zone.origin))
        except (dns.exception.DNSException, ValueError) as error:
            yield Problem(f"zones[{number}].text", f"no master file: {error}")


def _users(world: World) -> Iterator[Problem]:
    local = {domain for host in world.hosts if "mx" in host.roles for domain in host.domains}
    agents = {host.name for host in world.hosts if "user-agent" in host.roles}
    seen: set[str] = set()
    for number, user in enumerate(world.users):
        path = f"users[{number}]"
        if user.address in seen:
            yield Problem(f"{path}.address", f"a second user of the address {user.address!r}")
        seen.add(user.address)
        if user.address.rpartition("@")[2] not in local:
            yield Problem(f"{path}.address", f"no mx host takes mail for {user.address!r}")
        if user.agent and user.agent not in agents:
            yield Problem(f"{path}.agent", f"no user-agent host is called {user.agent!r}")
        if user.agent and not user.password:
            yield Problem(f"{path}.password", "missing: a user who writes has to log in")
