"""A world moved onto the loopback interface: other addresses, the same names, and pauses divided by a speed.

Every /24 network of the world becomes one of 127.0.0.0/8 and keeps the last octet of its addresses, so that 10.1.0.25
is still known by its 25. Only IPv4 has more than one loopback address (RFC 4291 2.5.3), so IPv6 addresses stay behind.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
import zlib

import msgspec

from smtplab.mta.behaviour.faults import Delay, DnsChange, Drip, Fault, When
from smtplab.mta.behaviour.pattern import network_of
from smtplab.sim.world import Host, Link, Site, World, Zone

FIRST_OCTETS = range(64, 192)
"""The second octet of a world's addresses: systems use the lowest networks themselves (127.0.0.53, 127.0.1.1)."""

NETWORKS_MAX = 64 * 256
"""So many /24 fit between the highest of `FIRST_OCTETS` and the end of 127.0.0.0/8."""

_WHOLE = 24
"""Networks that stay together, by the length of their prefix."""

_QUAD = r"\d{1,3}(?:\.\d{1,3}){3}"
_REVERSED_OWNER = re.compile(rf"^{_QUAD}(?=\s|\.in-addr)", re.MULTILINE | re.IGNORECASE)
"""A name of a blocklist (RFC 5782 2.1) or of a reverse zone (RFC 1035 3.5)."""
_ADDRESS = re.compile(rf"(?<![\w.-]){_QUAD}(?![\w-]|\.\w)")


class Unservable(Exception):  # noqa: N818 - the world is sound, it only can't stand here
    """A world that has no place on the loopback interface; the message is a host's name."""


class Addresses:
    """The loopback address of each address of one world; always the same for the same world."""

    def __init__(self, world: World) -> None:
        self._second = FIRST_OCTETS[zlib.crc32(world.name.encode()) % len(FIRST_OCTETS)]
        self._networks: dict[str, int] = {}
        self._moved: set[str] = set()
        for host in world.hosts:
            for address in _version_4(host.addresses):
                self.move(address)

    def move(self, address: str) -> str:
        """What is no IPv4 address, or a loopback one already (an answer of a blocklist), stays as it is."""
        if not _version_4((address,)) or address.startswith("127."):
            return address
        network, _, last = address.rpartition(".")
        number = self._networks.setdefault(network, len(self._networks)) % NETWORKS_MAX
        moved = f"127.{self._second + number // 256}.{number % 256}.{last}"
        self._moved.add(moved)
        return moved

    def move_network(self, network: str) -> str:
        """Of clients, `10.1.0.0/24`; an address too. One that is wider than /24 becomes the smallest that holds all of
        its parts which are known by now."""
        wide = network_of(network)
        if wide is None or wide.version != 4:
            return network
        if wide.prefixlen >= _WHOLE:
            return f"{self.move(str(wide.network_address))}/{wide.prefixlen}"
        parts = [self.move(f"{known}.0") for known in self._networks if ipaddress.IPv4Address(f"{known}.0") in wide]
        if not parts:
            return network
        around = ipaddress.IPv4Network(f"{parts[0]}/{_WHOLE}")
        while not all(ipaddress.IPv4Address(part) in around for part in parts):
            around = around.supernet()
        return str(around)

    def holds(self, moved: str) -> bool:
        """It stands for an address of the world, be it one that nobody has; others belong to the machine."""
        return moved in self._moved

    def move_text(self, text: str) -> str:
        """A master file, in whose owners addresses stand in reverse."""
        lines = []
        for line in text.split("\n"):
            owner = _REVERSED_OWNER.match(line)
            head = _reversed(self.move(_reversed(owner[0]))) if owner else ""
            rest = line[owner.end() :] if owner else line
            lines.append(head + _ADDRESS.sub(lambda found: self.move(found[0]), rest))
        return "\n".join(lines)


def served(world: World, addresses: Addresses, *, speed: float, start: dt.datetime) -> World:
    """The same world on loopback, `speed` times as quick, its clock at `start`. Raises Unservable."""
    return msgspec.structs.replace(
        world,
        start=start,
        hosts=tuple(_host(host, addresses, speed) for host in world.hosts),
        zones=tuple(Zone(zone.origin, addresses.move_text(zone.text)) for zone in world.zones),
        sites=tuple(Site(site.name, site.latency_ms / speed) for site in world.sites),
        links=tuple(_link(link, speed) for link in world.links),
        faults=tuple(_fault(fault, addresses, speed) for fault in world.faults),
    )


def _host(host: Host, addresses: Addresses, speed: float) -> Host:
    moved = tuple(addresses.move(address) for address in _version_4(host.addresses))
    if not moved:
        raise Unservable(host.name)
    greylisting, rate_limit, reply_ms = host.greylisting, host.rate_limit, host.software.reply_ms
    replace = msgspec.structs.replace
    if greylisting is not None:
        greylisting = replace(
            greylisting, delay_s=greylisting.delay_s / speed, lifetime_s=greylisting.lifetime_s / speed
        )
    if rate_limit is not None:
        rate_limit = replace(rate_limit, per_s=rate_limit.per_s / speed)
    return replace(
        host,
        addresses=moved,
        resolver=addresses.move(host.resolver),
        greylisting=greylisting,
        rate_limit=rate_limit,
        software=replace(host.software, reply_ms=None if reply_ms is None else reply_ms / speed),
        retry_s=tuple(pause_s / speed for pause_s in host.retry_s),
        lifetime_s=host.lifetime_s / speed,
        warning_s=None if host.warning_s is None else host.warning_s / speed,
    )


def _link(link: Link, speed: float) -> Link:
    rate = None if link.bits_per_s is None else link.bits_per_s * speed
    return msgspec.structs.replace(link, latency_ms=link.latency_ms / speed, bits_per_s=rate)


def _fault(fault: Fault, addresses: Addresses, speed: float) -> Fault:
    when = fault.when
    moved = msgspec.structs.replace(fault, when=_when(when, addresses, speed))
    match moved:
        case Delay(seconds=seconds):
            return msgspec.structs.replace(moved, seconds=seconds / speed)
        case Drip(every_s=every_s):
            return msgspec.structs.replace(moved, every_s=every_s / speed)
        case DnsChange(text=text):
            return msgspec.structs.replace(moved, text=addresses.move_text(text))
        case _:
            return moved


def _when(when: When, addresses: Addresses, speed: float) -> When:
    return msgspec.structs.replace(
        when,
        from_s=when.from_s / speed,
        until_s=None if when.until_s is None else when.until_s / speed,
        client=addresses.move_network(when.client),
    )


def _version_4(addresses: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(address for address in addresses if _is_version_4(address))


def _is_version_4(address: str) -> bool:
    try:
        ipaddress.IPv4Address(address)
    except ValueError:
        return False
    return True


def _reversed(quad: str) -> str:
    return ".".join(reversed(quad.split(".")))
