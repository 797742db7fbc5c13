"""Which hosts take a domain's mail, and in what order: MX and what stands in for it (RFC 5321 5.1, RFC 7505)."""

from __future__ import annotations

import functools
import ipaddress
import itertools
from collections.abc import Sequence

import msgspec

from smtplab.events import HostFound, HostSkipped, RouteFound, RouteSource, RuleBroken
from smtplab.journal import Emit
from smtplab.mta.options import Routing
from smtplab.mta.outcome import NoRoute, NoRouteKind
from smtplab.net.ports import Answer, Net
from smtplab.wire.address import literal_address

HOSTS_MAX = 30
"""Each costs two lookups; the largest providers publish fewer than ten, so that more is a mistake or an attack."""

ADDRESSES_MAX = 16
"""Of one host: a session with each may last minutes."""


class Route(msgspec.Struct, frozen=True):
    domain: str
    source: RouteSource
    hosts: tuple[HostFound, ...]
    """In the order to be tried, each with at least one address."""


class _Candidate(msgspec.Struct, frozen=True):
    host: str
    preference: int | None


class _Looked(msgspec.Struct, frozen=True):
    """A host with its addresses, or the kind of failure to find any."""

    candidate: _Candidate
    addresses: tuple[str, ...]
    failure: NoRouteKind | None = None


async def find_route(domain: str, net: Net, routing: Routing, emit: Emit) -> Route | NoRoute:
    """Facts: RouteFound or the reason why not, HostSkipped for each host left out, RuleBroken for odd MX data."""
    if routing.door:
        door = (HostFound(routing.door, None, (routing.door,)),)
        emit(RouteFound(domain, "pinned", door))
        return Route(domain, "pinned", door)
    found = await _candidates(domain, net, routing, emit)
    if not isinstance(found, tuple):
        if found.kind == "null-mx":
            emit(RouteFound(domain, "null-mx", ()))
        return found
    source, candidates = found
    looked = []
    for candidate in candidates:
        looked.append(await _look_up(candidate, net, routing, emit))  # noqa: PERF401 - that would be one coroutine more
    kept = looked if source in ("pinned", "relay") else _without_loops(looked, routing, emit)
    if not kept:
        return NoRoute(domain, "loop")
    found_hosts = []
    for one in kept:
        if one.failure is None:
            found_hosts.append(HostFound(one.candidate.host, one.candidate.preference, one.addresses))
        else:
            emit(HostSkipped(one.candidate.host, _skip_reason(one.failure, routing)))
    if not found_hosts:
        return _no_usable_host(domain, source, kept)
    hosts = tuple(found_hosts)
    emit(RouteFound(domain, source, hosts))
    return Route(domain, source, hosts)


# Whom to ask


async def _candidates(
    domain: str, net: Net, routing: Routing, emit: Emit
) -> tuple[RouteSource, Sequence[_Candidate]] | NoRoute:
    if routing.server is not None:
        return routing.source, [_Candidate(_host_name(routing.server), None)]
    if domain.startswith("["):
        address = literal_address(domain)
        return ("literal", [_Candidate(address, None)]) if address else NoRoute(domain, "bad-literal")
    answer = await net.resolver.resolve(domain, "MX", emit)
    match answer.kind:
        case "found":
            return _from_mx(domain, answer, net, emit)
        case "nodata":
            # RFC 5321 5.1: without MX the domain itself is the host; a CNAME's target stands for the domain.
            return "implicit-mx", [_Candidate(answer.canonical or domain, None)]
        case "nxdomain" | "servfail" | "timed-out" | "unreachable" | "malformed" | "cname-loop":
            return NoRoute(domain, answer.kind)


def _from_mx(domain: str, answer: Answer, net: Net, emit: Emit) -> tuple[RouteSource, Sequence[_Candidate]] | NoRoute:
    listed = _listed(answer.records)
    entries = [entry for entry in listed if entry.host]
    if len(entries) < len(listed):
        if not entries:
            return NoRoute(domain, "null-mx")
        # RFC 7505 3: a null MX stands alone; beside others it names no host.
        emit(RuleBroken("null-mx-beside-others", "them", domain, "RFC 7505 3"))
    usable = []
    for entry in entries:
        if _is_address(entry.host):
            emit(HostSkipped(entry.host, "is-address-literal"))
        else:
            usable.append(entry)
    if not usable:
        return NoRoute(domain, "no-usable-host")
    ordered = _in_order(usable, net) if len(usable) > 1 else usable
    for entry in ordered[HOSTS_MAX:]:
        emit(HostSkipped(entry.host, "too-many-hosts"))
    return "mx", ordered[:HOSTS_MAX]


# A domain's records are the same at every attempt and for every server that sends to it.
@functools.lru_cache(maxsize=4096)
def _listed(records: tuple[str, ...]) -> tuple[_Candidate, ...]:
    """The MX records that can be read; a null MX has an empty host."""
    return tuple(entry for record in records if (entry := _parse_mx(record)) is not None)


def _parse_mx(record: str) -> _Candidate | None:
    preference, _, host = record.partition(" ")
    if not preference.isdecimal() or not host:
        return None
    return _Candidate(_host_name(host), int(preference))


def _in_order(entries: Sequence[_Candidate], net: Net) -> list[_Candidate]:
    """Smaller preferences first; within one, spread the load (RFC 5321 5.1)."""
    ordered: list[_Candidate] = []
    # The order in which a DNS server lists them is no part of the seed: sort before shuffling.
    ranked = sorted(entries, key=lambda entry: (entry.preference or 0, entry.host))
    chance = net.chance("mx-order")
    for _, group in itertools.groupby(ranked, key=lambda entry: entry.preference):
        members = list(group)
        chance.shuffle(members)
        ordered += members
    return ordered


# Their addresses


async def _look_up(candidate: _Candidate, net: Net, routing: Routing, emit: Emit) -> _Looked:
    host = candidate.host
    if pinned := routing.pins.get(host):
        return _Looked(candidate, _of_family(pinned, routing)[:ADDRESSES_MAX], _none(_of_family(pinned, routing)))
    if _is_address(host):
        addresses = _of_family((host,), routing)
        return _Looked(candidate, addresses, _none(addresses))
    answers: list[Answer] = []
    found: list[str] = []
    for rrtype in _TYPES_OF_FAMILY[routing.family]:
        answer = await net.resolver.resolve(host, rrtype, emit)
        answers.append(answer)
        if answer.kind == "found":
            found += answer.records
    if candidate.preference is not None and (answers[0].aliases or answers[-1].aliases):
        # Forbidden, and followed all the same by every MTA of note, for mail would not flow otherwise.
        emit(RuleBroken("mx-is-cname", "them", host, "RFC 2181 10.3"))
    addresses = tuple([record for record in found if _is_address(record)][:ADDRESSES_MAX])
    return _Looked(candidate, addresses, None if addresses else _failure(answers))


_TYPES_OF_FAMILY = {None: ("A", "AAAA"), 4: ("A",), 6: ("AAAA",)}


def _failure(answers: Sequence[Answer]) -> NoRouteKind:
    """Of both lookups the one that leaves hope, for the other family may have had the address."""
    for answer in answers:
        if not answer.final:
            match answer.kind:
                case "servfail" | "timed-out" | "unreachable" | "malformed" | "cname-loop":
                    return answer.kind
                case _:
                    pass
    return "nxdomain" if all(answer.kind == "nxdomain" for answer in answers) else "nodata"


def _of_family(addresses: Sequence[str], routing: Routing) -> tuple[str, ...]:
    return tuple(one for one in addresses if routing.family in (None, ipaddress.ip_address(one).version))


def _none(addresses: Sequence[str]) -> NoRouteKind | None:
    return None if addresses else "nodata"


# Which of them are left


def _without_loops(looked: Sequence[_Looked], routing: Routing, emit: Emit) -> list[_Looked]:
    """RFC 5321 5.1: where we are an MX ourselves, only hosts with a smaller preference than ours may be tried."""
    ours = [one.candidate.preference or 0 for one in looked if _is_us(one, routing)]
    if not ours:
        return list(looked)
    kept = []
    for one in looked:
        if _is_us(one, routing):
            emit(HostSkipped(one.candidate.host, "we-are-this-mx"))
        elif (one.candidate.preference or 0) >= min(ours):
            emit(HostSkipped(one.candidate.host, "lower-preference-than-us"))
        else:
            kept.append(one)
    return kept


def _is_us(looked: _Looked, routing: Routing) -> bool:
    return looked.candidate.host in routing.ourselves or not routing.ourselves.isdisjoint(looked.addresses)


_REASON_OF_FAILURE = {"nxdomain": "nxdomain", "nodata": "no-address", "timed-out": "dns-timed-out"}


def _skip_reason(failure: NoRouteKind, routing: Routing) -> str:
    if failure == "nodata" and routing.family is not None:
        return "family"
    return _REASON_OF_FAILURE.get(failure, "servfail")


def _no_usable_host(domain: str, source: RouteSource, looked: Sequence[_Looked]) -> NoRoute:
    """Temporary where a lookup may yet succeed."""
    failures = [one for one in looked if one.failure not in (None, "nxdomain", "nodata")]
    if failures and failures[0].failure is not None:
        return NoRoute(domain, failures[0].failure, failures[0].candidate.host)
    only = looked[0]
    if source != "mx" and only.failure is not None:
        return NoRoute(domain, only.failure, only.candidate.host)
    return NoRoute(domain, "no-usable-host", only.candidate.host)


def _host_name(text: str) -> str:
    return text.strip().removesuffix(".").lower()


# A name that is none costs two exceptions to find out, several times in every route.
@functools.lru_cache(maxsize=4096)
def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
