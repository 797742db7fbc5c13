"""What a world's types cannot say, because it speaks of two fields: whether its parts fit each other."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from smtplab.mta.behaviour.faults import DnsChange, Fault, Silence, StripStarttls, When, stage_of
from smtplab.mta.behaviour.file import own_problems
from smtplab.sim.expect import EVENTS, PLACES, Expectation, Pattern
from smtplab.sim.world import AGENTS, CATCH_ALL, RELAYS, Host, Trip, World
from smtplab.sim.zone_text import zone_flaw
from smtplab.told import Told, tell
from smtplab.wire.address import Mailbox, parse_mailbox


class Problem(NamedTuple):
    path: str
    """`hosts[2].resolver`, as msgspec writes it."""
    flaw: Told


YEARS = range(1951, 9000)
"""Certificates know none before 1950 (RFC 5280 4.1.2.5), and no calendar one after 9999."""


def first_problem(world: World) -> Problem | None:
    """The first thing that keeps a world from running, in the order of its file; None where all fits."""
    for check in (
        _start,
        _sites,
        _hosts,
        _addresses,
        _zones,
        _users,
        _aliases,
        _lists,
        _faults,
        _journeys,
        _expectations,
    ):
        for problem in check(world):
            return problem
    return None


def _start(world: World) -> Iterator[Problem]:
    if world.start.tzinfo is None:
        yield Problem("start", tell("world.no-offset"))
    if world.start.year not in YEARS:
        yield Problem("start", tell("world.no-year", first=YEARS.start, last=YEARS.stop - 1))


def _sites(world: World) -> Iterator[Problem]:
    known: set[str] = set()
    for number, one in enumerate(world.sites):
        if one.name in known:
            yield Problem(f"sites[{number}].name", tell("world.second-site", name=one.name))
        known.add(one.name)
    for number, link in enumerate(world.links):
        for side, site in enumerate(link.sites):
            if site not in known:
                yield Problem(f"links[{number}].sites[{side}]", tell("world.no-site", name=site))
    reached, todo = set(), [world.sites[0].name] if world.sites else []
    while todo:
        here = todo.pop()
        reached.add(here)
        todo += [site for link in world.links if here in link.sites for site in link.sites if site not in reached]
    for number, site_of_world in enumerate(world.sites):
        if site_of_world.name not in reached:
            yield Problem(f"sites[{number}]", tell("world.apart", name=site_of_world.name))


def _hosts(world: World) -> Iterator[Problem]:
    sites = {site.name for site in world.sites}
    by_name: dict[str, Host] = {}
    for number, host in enumerate(world.hosts):
        path = f"hosts[{number}]"
        if host.name in by_name:
            yield Problem(f"{path}.name", tell("world.second-host", name=host.name))
        by_name[host.name] = host
        if host.site not in sites:
            yield Problem(f"{path}.site", tell("world.no-site", name=host.site))
    resolvers = {address for host in world.hosts if "resolver" in host.roles for address in host.addresses}
    for number, host in enumerate(world.hosts):
        for problem in _bonds(host, by_name, resolvers):
            yield Problem(f"hosts[{number}].{problem.path}", problem.flaw)


_NAMELESS = frozenset({"resolver", "dnsbl"})
"""They answer for names and ask for none."""

_SUBMITTED_TO = frozenset({"submission", "relay", "smarthost"})


def _bonds(host: Host, by_name: dict[str, Host], resolvers: set[str]) -> Iterator[Problem]:
    if host.resolver and host.resolver not in resolvers:
        yield Problem("resolver", tell("world.no-resolver", address=host.resolver))
    if not _NAMELESS.issuperset(host.roles) and not host.resolver:
        yield Problem("resolver", tell("world.resolver-missing"))
    if AGENTS & set(host.roles) and not _SUBMITTED_TO & _roles(by_name.get(host.submits_to)):
        yield Problem("submits_to", tell("world.no-submission", name=host.submits_to))
    if host.relays_to and not RELAYS & _roles(by_name.get(host.relays_to)):
        yield Problem("relays_to", tell("world.no-relay", name=host.relays_to))
    for number, name in enumerate(host.accepts_from):
        if name not in by_name:
            yield Problem(f"accepts_from[{number}]", tell("world.no-host", name=name))
    if {"mx", "backup-mx"} & set(host.roles) and not host.domains:
        yield Problem("domains", tell("world.domains-missing"))


def _roles(host: Host | None) -> set[str]:
    return set(host.roles) if host else set()


def _addresses(world: World) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for number, host in enumerate(world.hosts):
        for place, address in enumerate(host.addresses):
            path = f"hosts[{number}].addresses[{place}]"
            try:
                usual = str(ipaddress.ip_address(address))
            except ValueError:
                yield Problem(path, tell("world.no-ip-address", value=address))
            else:
                if usual != address:
                    # The answers of DNS have it so (RFC 5952), and it is looked up by its text.
                    yield Problem(path, tell("world.unusual-address", value=usual))
            if address in owners:
                yield Problem(path, tell("world.address-taken", address=address, host=owners[address]))
            owners[address] = host.name


def _zones(world: World) -> Iterator[Problem]:
    seen: set[str] = set()
    for number, zone in enumerate(world.zones):
        if zone.origin in seen:
            yield Problem(f"zones[{number}].origin", tell("world.second-zone", name=zone.origin))
        seen.add(zone.origin)
        if problem := zone_flaw(zone.origin, zone.text):
            yield Problem(f"zones[{number}].text", problem)


def _users(world: World) -> Iterator[Problem]:
    agents = {host.name: host for host in world.hosts if AGENTS & set(host.roles)}
    submission = {host.name for host in world.hosts if "submission" in host.roles}
    seen: set[str] = set()
    for number, user in enumerate(world.users):
        path = f"users[{number}]"
        if user.address.lower() in seen:
            yield Problem(f"{path}.address", tell("world.second-user", address=user.address))
        seen.add(user.address.lower())
        yield from _not_here(world, user.address, f"{path}.address")
        if user.agent and user.agent not in agents:
            yield Problem(f"{path}.agent", tell("world.no-agent", name=user.agent))
        if user.agent in agents and agents[user.agent].submits_to in submission and not user.password:
            yield Problem(f"{path}.password", tell("world.password-missing"))


def _aliases(world: World) -> Iterator[Problem]:
    users = {user.address.lower() for user in world.users}
    seen: set[str] = set()
    for number, alias in enumerate(world.aliases):
        path, name = f"aliases[{number}]", alias.address.lower()
        if name in seen or name in users:
            yield Problem(f"{path}.address", tell("world.mailbox-taken", address=alias.address))
        seen.add(name)
        if alias.address.startswith(CATCH_ALL):
            if len(alias.to) > 1:
                yield Problem(f"{path}.to", tell("world.catch-all"))
            yield from _not_here(world, f"postmaster@{alias.address.removeprefix(CATCH_ALL)}", f"{path}.address")
        else:
            yield from _not_here(world, alias.address, f"{path}.address")
        yield from _unreadable(alias.to, f"{path}.to")


def _lists(world: World) -> Iterator[Problem]:
    taken = {user.address.lower() for user in world.users} | {alias.address.lower() for alias in world.aliases}
    for number, one in enumerate(world.lists):
        path = f"lists[{number}]"
        if one.address.lower() in taken:
            yield Problem(f"{path}.address", tell("world.mailbox-taken", address=one.address))
        taken.add(one.address.lower())
        yield from _not_here(world, one.address, f"{path}.address")
        yield from _unreadable(one.members, f"{path}.members")
        if not isinstance(parse_mailbox(one.owner, smtputf8=True), Mailbox):
            yield Problem(f"{path}.owner", tell("world.no-address", value=one.owner))


def _not_here(world: World, address: str, path: str) -> Iterator[Problem]:
    if not isinstance(parse_mailbox(address, smtputf8=True), Mailbox):
        yield Problem(path, tell("world.no-address", value=address))
    elif address.rpartition("@")[2].lower() not in _local_domains(world):
        yield Problem(path, tell("world.no-mx", address=address))


def _unreadable(addresses: Sequence[str], path: str) -> Iterator[Problem]:
    for place, address in enumerate(addresses):
        if not isinstance(parse_mailbox(address, smtputf8=True), Mailbox):
            yield Problem(f"{path}[{place}]", tell("world.no-address", value=address))


def _local_domains(world: World) -> set[str]:
    return {domain.lower() for host in world.hosts if "mx" in host.roles for domain in host.domains}


def _faults(world: World) -> Iterator[Problem]:
    hosts = {host.name: host for host in world.hosts}
    links = {link.name for link in world.links if link.name}
    zones = {zone.origin for zone in world.zones}
    for number, fault in enumerate(world.faults):
        path = f"faults[{number}]"
        for field, flaw in own_problems(fault):
            yield Problem(f"{path}.{field}", flaw)
        match fault:
            case DnsChange(where=where, text=text, when=when):
                if fault.count is not None or when != When(from_s=when.from_s):
                    yield Problem(f"{path}.when", tell("world.change-when"))
                if where not in zones:
                    yield Problem(f"{path}.where", tell("world.no-zone", name=where))
                if problem := zone_flaw(where, text):
                    yield Problem(f"{path}.text", problem)
            case StripStarttls(where=where):
                if where not in links:
                    yield Problem(f"{path}.where", tell("world.no-link", name=where))
            case _:
                for problem_of_place in _place_of_fault(fault, hosts, links):
                    yield Problem(f"{path}.{problem_of_place.path}", problem_of_place.flaw)


def _place_of_fault(fault: Fault, hosts: dict[str, Host], links: set[str]) -> Iterator[Problem]:
    stage, kind = stage_of(fault), str(fault.__struct_config__.tag)
    if isinstance(fault, Silence) and fault.where in links:
        if stage != "connect":
            yield Problem("stage", tell("world.link-silence"))
    elif not fault.where:
        yield Problem("where", tell("flaw.missing", field="where"))
    elif fault.where not in hosts:
        yield Problem("where", tell("world.no-host", name=fault.where))
    elif not ({"resolver"} if stage == "dns" else _SERVERS) & set(hosts[fault.where].roles):
        yield Problem("stage", tell("world.other-stage", host=fault.where, stage=stage or kind))
    elif stage == "dns" and kind not in _OF_DNS:
        yield Problem("what", tell("world.no-fault-of-resolver", fault=kind))
    elif stage == "connect" and kind not in _OF_CONNECT:
        yield Problem("what", tell("world.no-fault-of-connection", fault=kind))


_SERVERS = RELAYS | {"submission"}
_OF_DNS = frozenset({"allow", "refuse", "silence", "delay", "servfail"})
_OF_CONNECT = frozenset({"allow", "refuse", "reset", "drop", "silence", "delay"})


def _journeys(world: World) -> Iterator[Problem]:
    hosts = {host.name: host for host in world.hosts}
    for number, trip in enumerate(world.journeys):
        for problem in _trip(world, hosts, trip):
            yield Problem(f"journeys[{number}].{problem.path}", problem.flaw)


def _trip(world: World, hosts: dict[str, Host], trip: Trip) -> Iterator[Problem]:
    yield from _unreadable(trip.recipients, "recipients")
    if trip.sender and not isinstance(parse_mailbox(trip.sender, smtputf8=True), Mailbox):
        yield Problem("sender", tell("world.no-address", value=trip.sender))
    users = {user.address: user for user in world.users}
    agent = trip.agent or (users[trip.sender].agent if trip.sender in users else "")
    if agent not in hosts or not AGENTS & set(hosts[agent].roles):
        field = "agent" if trip.agent else "sender"
        yield Problem(field, tell("world.no-program", name=agent or trip.sender))
    elif "submission" in hosts[hosts[agent].submits_to].roles and users.get(trip.sender) is None:
        yield Problem("sender", tell("world.no-account", address=trip.sender, host=hosts[agent].submits_to))


def _expectations(world: World) -> Iterator[Problem]:
    for number, expectation in enumerate(world.expectations):
        path = f"expectations[{number}]"
        yield from expectation_problems(expectation, path)


def expectation_problems(expectation: Expectation, path: str) -> Iterator[Problem]:
    """What an expectation names that no record has; `path` leads to it."""
    for pattern, where in (
        (expectation, path),
        (expectation.before, f"{path}.before"),
        (expectation.after, f"{path}.after"),
    ):
        if pattern is not None:
            yield from pattern_problems(pattern, where)


def pattern_problems(pattern: Pattern, path: str) -> Iterator[Problem]:
    """An event or a key that nobody knows."""
    kind = EVENTS.get(pattern.event)
    if kind is None:
        yield Problem(f"{path}.event", tell("world.no-event", name=pattern.event))
        return
    for field in pattern.where:
        if field not in PLACES and field not in kind.__struct_fields__:
            yield Problem(f"{path}.where.{field}", tell("world.no-key", event=pattern.event))
