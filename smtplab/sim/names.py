"""The answers that a resolver of a world gives: real DNS messages from zone data, as RFC 1034 4.3.2 finds them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdataset
import dns.rdatatype
import dns.rrset
import dns.zone

from smtplab.mta.behaviour.faults import DnsChange
from smtplab.sim.world import Zone

ALIASES_MAX = 16
"""A longer chain of CNAMEs is a loop or a mistake; the resolvers of the world give up between 8 and 17."""

UDP_OCTETS_MAX = 1232
"""What fits into one packet everywhere (DNS flag day 2020); a longer answer is cut and asked for again over TCP."""

TCP_OCTETS_MAX = 65535
"""RFC 1035 4.2.2: the length stands in two octets."""


_Question = tuple[tuple[bytes, ...], dns.rdatatype.RdataType, int, bool]
"""Name, type, how much the asker can take, and whether it asks over TCP."""


class Names:
    """All zones of a world behind one resolver, which never has to ask further."""

    def __init__(self, zones: Iterable[Zone], changes: Iterable[DnsChange] = ()) -> None:
        self._zones: dict[dns.name.Name, dns.zone.Zone] = {}
        self._existing: dict[dns.name.Name, frozenset[dns.name.Name]] = {}
        self._changes = deque(changes)
        self._answers: dict[_Question, dns.message.Message | None] = {}
        """The same question has the same answer, of which only the id differs."""
        for zone in zones:
            self._put(zone.origin, zone.text)

    def advance(self, at_s: float) -> list[DnsChange]:
        """Makes true what has changed by now; `at_s` is the time since the world's start."""
        made = []
        while self._changes and self._changes[0].when.from_s <= at_s:
            change = self._changes.popleft()
            self._put(change.where, change.text)
            made.append(change)
        return made

    def ask(self, query: dns.message.Message, *, tcp: bool) -> dns.message.Message | None:
        """As read from the octets that a server of names would send; None for what is no query, which it drops.

        Its id is that of whoever asked first, and it is not to be changed.
        """
        if not query.question:
            return None
        question = query.question[0]
        key = (question.name.labels, question.rdtype, query.payload, tcp)
        if key not in self._answers:
            octets = self.respond(query.to_wire(), tcp=tcp)
            self._answers[key] = None if octets is None else dns.message.from_wire(octets)
        return self._answers[key]

    def _put(self, origin_text: str, text: str) -> None:
        origin = dns.name.from_text(origin_text)
        zone = dns.zone.from_text(text, origin, relativize=False)
        self._zones[origin] = zone
        self._existing[origin] = _existing_names(zone)
        self._answers.clear()

    def respond(self, query: bytes, *, tcp: bool) -> bytes | None:
        """The answer's octets; None for what is no query, which a server drops."""
        try:
            question = dns.message.from_wire(query)
        except dns.exception.DNSException:
            return None
        if not question.question:
            return None
        octets_max = TCP_OCTETS_MAX if tcp else min(UDP_OCTETS_MAX, max(512, question.payload))
        # dnspython would shuffle the records of a set, by a chance that is not ours.
        return self.answer(question).to_wire(max_size=octets_max, prefer_truncation=True, want_shuffle=False)

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        """NXDOMAIN and no data carry the zone's SOA (RFC 2308 2); a name outside every zone is a SERVFAIL."""
        response = dns.message.make_response(query, recursion_available=True)
        question = query.question[0]
        name = question.name
        for _ in range(ALIASES_MAX):
            zone = self._zone_of(name)
            if zone is None:
                response.set_rcode(dns.rcode.SERVFAIL)
                return response
            alias = self._look_up(zone, name, question.rdtype, response)
            if alias is None:
                return response
            name = alias
        response.set_rcode(dns.rcode.SERVFAIL)
        return response

    def _zone_of(self, name: dns.name.Name) -> dns.zone.Zone | None:
        """The one with the longest origin."""
        while name not in self._zones:
            if name == dns.name.root:
                return None
            name = name.parent()
        return self._zones[name]

    def _look_up(
        self, zone: dns.zone.Zone, name: dns.name.Name, rdtype: dns.rdatatype.RdataType, response: dns.message.Message
    ) -> dns.name.Name | None:
        """Adds what the zone holds; returns the target where that is a CNAME which leads on."""
        assert zone.origin is not None
        source = _source(zone, name, self._existing[zone.origin])
        if source is None:
            response.set_rcode(dns.rcode.NXDOMAIN)
            response.authority.append(_start_of_authority(zone))
            return None
        records = zone.get_rdataset(source, rdtype)
        if records is not None:
            response.answer.append(_rrset(name, records))
            return None
        alias = zone.get_rdataset(source, dns.rdatatype.CNAME)
        if alias is not None:
            response.answer.append(_rrset(name, alias))
            target: dns.name.Name = alias[0].target
            return target
        response.authority.append(_start_of_authority(zone))
        return None


def refuse(query: dns.message.Message, rcode: dns.rcode.Rcode) -> dns.message.Message:
    """An answer that says nothing but that there is none."""
    response = dns.message.make_response(query, recursion_available=True)
    response.set_rcode(rcode)
    return response


def _source(zone: dns.zone.Zone, name: dns.name.Name, existing: frozenset[dns.name.Name]) -> dns.name.Name | None:
    """The name whose records answer: itself, the wildcard of its closest encloser (RFC 4592 3.3.1), or none."""
    if name in existing:
        return name
    encloser = name.parent()
    while encloser not in existing:
        encloser = encloser.parent()
    wildcard = dns.name.Name((b"*", *encloser.labels))
    return wildcard if zone.get_node(wildcard) is not None else None


def _existing_names(zone: dns.zone.Zone) -> frozenset[dns.name.Name]:
    """A name without records of its own exists where one below it has some (RFC 4592 2.2.2)."""
    assert zone.origin is not None
    found = {zone.origin}
    for owner in zone.nodes:
        name = owner
        while name not in found:
            found.add(name)
            name = name.parent()
    return frozenset(found)


def _start_of_authority(zone: dns.zone.Zone) -> dns.rrset.RRset:
    """The SOA with the time for which "there is none" may be kept (RFC 2308 3)."""
    assert zone.origin is not None
    records = zone.find_rdataset(zone.origin, dns.rdatatype.SOA)
    found = _rrset(zone.origin, records)
    found.ttl = min(records.ttl, records[0].minimum)
    return found


def _rrset(name: dns.name.Name, records: dns.rdataset.Rdataset) -> dns.rrset.RRset:
    return dns.rrset.from_rdata_list(name, records.ttl, list(records))
