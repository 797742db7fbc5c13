"""The answers that a resolver of a world gives: real DNS messages from zone data, as RFC 1034 4.3.2 finds them."""

from __future__ import annotations

import functools
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

OCTETS_MIN = 512
"""RFC 1035 4.2.1: everybody takes as many."""

UDP_OCTETS_MAX = 1232
"""What fits into one packet everywhere (DNS flag day 2020); a longer answer is cut and asked for again over TCP."""

ANSWERS_MAX = 10_000
"""Kept at once; the questions of a thousand domains are some three thousand, and anybody may ask a served world."""

TCP_OCTETS_MAX = 65535
"""RFC 1035 4.2.2: the length stands in two octets."""


_Question = tuple[tuple[bytes, ...], dns.rdatatype.RdataType, bool]
"""Name, type, and whether it comes without EDNS: then so does its answer (RFC 6891 7)."""


class Names:
    """All zones of a world behind one resolver, which never has to ask further."""

    def __init__(self, zones: Iterable[Zone], changes: Iterable[DnsChange] = ()) -> None:
        self._zones: dict[dns.name.Name, _ReadZone] = {}
        self._changes = deque(changes)
        self._answers: dict[_Question, tuple[dns.message.Message, int]] = {}
        """The same question has the same answer, of which only the id differs; with how long it can be at most."""
        self._cut: dict[tuple[*_Question, int], dns.message.Message] = {}
        """Of those that may be too long, what an asker gets who takes so many octets."""
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
        """What a server of names would send, cut where it has to be; None for what is no query, which it drops.

        Its id is that of whoever asked first, and it is not to be changed.
        """
        if not query.question:
            return None
        question = query.question[0]
        key = (question.name.labels, question.rdtype, query.opt is None)
        known = self._answers.get(key)
        if known is None:
            if len(self._answers) >= ANSWERS_MAX:
                self._answers.clear()
                self._cut.clear()
            response = self.answer(query)
            known = self._answers[key] = response, _octets_at_most(response)
        response, octets = known
        if octets <= OCTETS_MIN or octets <= (octets_max := _octets_max(query, tcp=tcp)):
            return response
        if (*key, octets_max) not in self._cut:
            self._cut[*key, octets_max] = dns.message.from_wire(_octets(response, octets_max))
        return self._cut[*key, octets_max]

    def _put(self, origin: str, text: str) -> None:
        self._zones[dns.name.from_text(origin)] = _zone(origin, text)
        self._answers.clear()
        self._cut.clear()

    def respond(self, query: bytes, *, tcp: bool) -> bytes | None:
        """The answer's octets; None for what is no query, which a server drops."""
        try:
            question = dns.message.from_wire(query)
        except dns.exception.DNSException:
            return None
        if not question.question:
            return None
        return _octets(self.answer(question), _octets_max(question, tcp=tcp))

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        """NXDOMAIN and no data carry the zone's SOA (RFC 2308 2); a name outside every zone is a SERVFAIL."""
        response = _response(query)
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

    def _zone_of(self, name: dns.name.Name) -> _ReadZone | None:
        """The one with the longest origin."""
        while name not in self._zones:
            if name == dns.name.root:
                return None
            name = name.parent()
        return self._zones[name]

    def _look_up(
        self, zone: _ReadZone, name: dns.name.Name, rdtype: dns.rdatatype.RdataType, response: dns.message.Message
    ) -> dns.name.Name | None:
        """Adds what the zone holds; returns the target where that is a CNAME which leads on."""
        source = zone.source(name)
        if source is None:
            response.set_rcode(dns.rcode.NXDOMAIN)
            response.authority.append(zone.start_of_authority)
            return None
        records = zone.records(source, rdtype)
        if records:
            response.answer += [_rrset(name, one) for one in records]
            return None
        alias = zone.data.get_rdataset(source, dns.rdatatype.CNAME)
        if alias is not None:
            response.answer.append(_rrset(name, alias))
            target: dns.name.Name = alias[0].target
            return target
        response.authority.append(zone.start_of_authority)
        return None


def refuse(query: dns.message.Message, rcode: dns.rcode.Rcode) -> dns.message.Message:
    """An answer that says nothing but that there is none."""
    response = _response(query)
    response.set_rcode(rcode)
    return response


def _response(query: dns.message.Message) -> dns.message.Message:
    return dns.message.make_response(query, recursion_available=True, our_payload=UDP_OCTETS_MAX)


# A lesson runs its world again with every line that is typed, the UI with every record that is changed: most zones are
# as they were. Some megabytes at most.
@functools.lru_cache(maxsize=256)
def _zone(origin: str, text: str) -> _ReadZone:
    return _ReadZone(dns.name.from_text(origin), text)


class _ReadZone:
    """A zone of a world, read when somebody asks for something in it: of a thousand, a short run asks for few."""

    def __init__(self, origin: dns.name.Name, text: str) -> None:
        self._origin = origin
        self._text = text

    @functools.cached_property
    def data(self) -> dns.zone.Zone:
        return dns.zone.from_text(self._text, self._origin, relativize=False)

    @functools.cached_property
    def start_of_authority(self) -> dns.rrset.RRset:
        """The SOA with the time for which "there is none" may be kept (RFC 2308 3)."""
        records = self.data.find_rdataset(self._origin, dns.rdatatype.SOA)
        found = _rrset(self._origin, records)
        found.ttl = min(records.ttl, records[0].minimum)
        return found

    def records(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> list[dns.rdataset.Rdataset]:
        """Of a name: those of the type, and for ANY all that there are, as nobody abuses it here (RFC 8482 4)."""
        if rdtype == dns.rdatatype.ANY:
            return list(self.data.get_node(name) or ())
        found = self.data.get_rdataset(name, rdtype)
        return [] if found is None else [found]

    def source(self, name: dns.name.Name) -> dns.name.Name | None:
        """The name whose records answer: itself, the wildcard of its closest encloser (RFC 4592 3.3.1), or none."""
        existing = self._existing
        if name in existing:
            return name
        encloser = name.parent()
        while encloser not in existing:
            encloser = encloser.parent()
        wildcard = dns.name.Name((b"*", *encloser.labels))
        return wildcard if self.data.get_node(wildcard) is not None else None

    @functools.cached_property
    def _existing(self) -> frozenset[dns.name.Name]:
        """A name without records of its own exists where one below it has some (RFC 4592 2.2.2)."""
        found = {self._origin}
        for owner in self.data.nodes:
            name = owner
            while name not in found:
                found.add(name)
                name = name.parent()
        return frozenset(found)


def _rrset(name: dns.name.Name, records: dns.rdataset.Rdataset) -> dns.rrset.RRset:
    found = dns.rrset.RRset(name, records.rdclass, records.rdtype)
    # The zone's own records, which nobody changes: adding them one by one makes octets of each, to compare them.
    found.ttl, found.items = records.ttl, records.items
    return found


_HEADER_OCTETS = 12
_RECORD_OCTETS = 10
"""RFC 1035 4.1.3: type, class, TTL and length, between a record's name and its data."""


def _octets_at_most(response: dns.message.Message) -> int:
    """How long it would be if no name were compressed."""
    found = _HEADER_OCTETS + (_EDNS_OCTETS if response.edns >= 0 else 0)
    for section in response.sections:
        for rrset in section:
            each = sum([len(label) + 1 for label in rrset.name.labels]) + _RECORD_OCTETS
            found += sum([each + len(rdata.to_digestable()) for rdata in rrset]) or each
    return found


_EDNS_OCTETS = 11
"""RFC 6891 6.1.2, without options."""


def _octets_max(query: dns.message.Message, *, tcp: bool) -> int:
    """What the asker can take."""
    return TCP_OCTETS_MAX if tcp else min(UDP_OCTETS_MAX, max(OCTETS_MIN, query.payload))


def _octets(response: dns.message.Message, octets_max: int) -> bytes:
    # dnspython would shuffle the records of a set, by a chance that is not ours.
    return response.to_wire(max_size=octets_max, prefer_truncation=True, want_shuffle=False)
