"""DNS questions and answers as the UDP packets that carried them, written again from what the records tell."""

from __future__ import annotations

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from smtplab import events as ev
from smtplab.capture.addresses import AddressBook, IpAddress, read_address
from smtplab.capture.packets import UDP_OCTETS_MAX, Socket, udp_packet
from smtplab.capture.tcp import Packet
from smtplab.journal import Record

DNS_PORT = 53
PORT_FIRST, PORTS = 49152, 16384
"""The dynamic ports (RFC 6335 6)."""

UDP_PAYLOAD_OCTETS = 1232
"""As our resolver announces it (DNS flag day 2020)."""


class DnsWriter:
    """Given the records in their order. What was answered from a cache or a pin was on no wire."""

    def __init__(self, book: AddressBook) -> None:
        self._book = book
        self._asked: dict[tuple[str, str, str, str], tuple[Socket, dns.message.QueryMessage]] = {}
        """Questions by node, name, type and server."""
        self._count = 0
        self.packets: list[Packet] = []

    def write(self, place: int, record: Record) -> None:
        """A record of any kind; those of DNS become packets where they can."""
        match record.event:
            case ev.DnsQueried() as queried:
                self._query(place, record, queried)
            case ev.DnsAnswered(cached=False) as answered:
                self._answer(place, record, answered)
            case ev.DnsFailed(name=name, rrtype=rrtype, server=server):
                self._asked.pop((record.node, name, rrtype, server), None)
            case _:
                pass

    def _query(self, place: int, record: Record, queried: ev.DnsQueried) -> None:
        server = server_socket(queried.server)
        if server is None:
            return
        self._count += 1
        try:
            query = dns.message.make_query(
                queried.name, queried.rrtype, use_edns=0, payload=UDP_PAYLOAD_OCTETS, id=self._count % 2**16
            )
            query.flags |= dns.flags.AD
            wire = query.to_wire()
        except _UNWRITABLE:
            return
        client = Socket(self._book.of(record.node, server.address), PORT_FIRST + self._count % PORTS)
        self._asked[record.node, queried.name, queried.rrtype, queried.server] = client, query
        self.packets.append(Packet(record.time_us, udp_packet(client, server, wire), (place,), place))

    def _answer(self, place: int, record: Record, answered: ev.DnsAnswered) -> None:
        server = server_socket(answered.server)
        asked = self._asked.pop((record.node, answered.name, answered.rrtype, answered.server), None)
        if server is None or asked is None:
            return
        client, query = asked
        wire = _response(query, answered)
        if wire is not None and len(wire) <= UDP_OCTETS_MAX:
            self.packets.append(Packet(record.time_us, udp_packet(server, client, wire), (place,), place))


_UNWRITABLE = (dns.exception.DNSException, ValueError, OverflowError)


def server_socket(text: str) -> Socket | None:
    """A server as events name it, its port mapped to 53 so that its words are read as DNS; None for `pinned`, `local`
    and the like, which are no servers."""
    address: IpAddress | None = read_address(text)
    if address is None:
        address = read_address(text.rpartition(":")[0].strip("[]"))
    return None if address is None else Socket(address, DNS_PORT)


def _response(query: dns.message.QueryMessage, answered: ev.DnsAnswered) -> bytes | None:
    response = dns.message.make_response(query, recursion_available=True)
    # What the records tell are aliases first, as `CNAME target`, then the data at their end.
    try:
        if answered.authentic:
            response.flags |= dns.flags.AD
        response.set_rcode(dns.rcode.from_text(answered.rcode))
        owner = query.question[0].name
        ttl = min(max(answered.ttl or 0, 0), 2**31 - 1)  # RFC 2181 8
        for text in answered.records:
            alias, _, target = text.partition(" ")
            of_alias = alias == "CNAME" and answered.rrtype != "CNAME"
            kind = dns.rdatatype.CNAME if of_alias else query.question[0].rdtype
            data = dns.rdata.from_text(dns.rdataclass.IN, kind, target if of_alias else text)
            response.find_rrset(response.answer, owner, dns.rdataclass.IN, kind, create=True).add(data, ttl)
            if of_alias:
                owner = dns.name.from_text(target)
        return response.to_wire(max_size=UDP_OCTETS_MAX)
    except _UNWRITABLE:
        return None
