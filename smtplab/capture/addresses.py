"""Which node has which address: as the records tell, else invented from the networks of documentation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

from smtplab import events as ev
from smtplab.journal import Record

IpAddress = IPv4Address | IPv6Address

INVENTED_MAX = 250
"""A /24 holds no more; nodes beyond share the last address."""


class AddressBook:
    """Learns from all the records before it is asked. Asked for the same node again it gives the same address."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._by_name: dict[str, list[IpAddress]] = {}
        self._names: dict[IpAddress, list[str]] = {}
        self._invented = 0
        clients: dict[int, set[str]] = {}
        callers: dict[int, IpAddress] = {}
        for record in records:
            for name, address in _told(record.event):
                self._learn(name, address)
            if isinstance(record.event, ev.ConnectStarted | ev.CommandSent):
                clients.setdefault(record.hop, set()).add(record.node)
            elif (caller := caller_of(record.span)) is not None:
                callers.setdefault(record.hop, caller)
        for hop, caller in callers.items():
            # Where several nodes call in one hop, nothing says which of them this one was.
            if len(nodes := clients.get(hop, set())) == 1:
                self._learn(next(iter(nodes)), caller)

    def of(self, node: str, beside: IpAddress) -> IpAddress:
        """The node's address of the same family as its peer's, `beside`."""
        if beside.is_loopback:
            # Whoever talks to a loopback address does so from one.
            return _LOOPBACK[beside.version]
        for known in self._by_name.get(node, ()):
            if known.version == beside.version and known != beside:
                return known
        self._invented = min(self._invented + 1, INVENTED_MAX)
        made = _DOCUMENTATION[beside.version] + self._invented
        self._learn(node, made)
        return made

    def known(self, name: str) -> IpAddress | None:
        """The first address that was told for a name."""
        return next(iter(self._by_name.get(name, ())), None)

    def names(self) -> dict[IpAddress, list[str]]:
        """What each address is called, in the order in which it was told."""
        return self._names

    def _learn(self, name: str, address: IpAddress) -> None:
        if not name or not name.isprintable() or name.startswith("["):
            return
        if address not in (known := self._by_name.setdefault(name, [])):
            known.append(address)
            self._names.setdefault(address, []).append(name)


_DOCUMENTATION: dict[int, IpAddress] = {4: IPv4Address("192.0.2.0"), 6: IPv6Address("2001:db8::")}
"""RFC 5737 3 and RFC 3849 2."""

_LOOPBACK: dict[int, IpAddress] = {4: IPv4Address("127.0.0.1"), 6: IPv6Address("::1")}


def read_address(text: str) -> IpAddress | None:
    """None for what is no IP address; a zone (`fe80::1%eth0`) is no part of a packet and is left out."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return address


def is_of_server(span: str) -> bool:
    """A server's view of a session: `receive/1/10.2.0.101`, and `collect/4/10.1.0.101` where mail is collected."""
    return span.startswith(("receive/", "collect/"))


def caller_of(span: str) -> IpAddress | None:
    """The client's address, which a server's span ends with."""
    return read_address(span.rpartition("/")[2]) if is_of_server(span) else None


def _told(event: ev.Event) -> Iterator[tuple[str, IpAddress]]:
    match event:
        case ev.ConnectStarted(host=host, address=address) | ev.Connected(host=host, address=address):
            pairs = [(host, address)]
        case ev.DnsAnswered(name=name, rrtype="A" | "AAAA", records=records):
            pairs = [(name, record) for record in records]
        case ev.RouteFound(hosts=hosts):
            pairs = [(found.host, address) for found in hosts for address in found.addresses]
        case _:
            pairs = []
    for name, text in pairs:
        address_read = read_address(text)
        if address_read is not None:
            yield name, address_read
