"""The real world's door: sockets, the system's resolver settings, clock and chance in one `Net`."""

from __future__ import annotations

import random
from collections.abc import Iterable

from smtplab.net.late import LateResolver
from smtplab.net.ports import Endpoint, Net, Resolver


def live_net(
    *, dns: Endpoint | None = None, resolve: Iterable[tuple[str, str]] = (), dns_timeout_s: float | None = None
) -> Net:
    """`dns` replaces the system's servers; `resolve` pins hosts, a pair (host, address) for each address.

    `names.parse_endpoint` and `names.parse_pin` read both from text.
    """
    # Sockets take a while to import: only where the real world is wanted. The resolver takes longer, and is made when
    # something is first looked up.
    from smtplab.net.clock import SystemClock  # noqa: PLC0415
    from smtplab.net.tcp import TcpDialer, TcpListener  # noqa: PLC0415

    clock, pins = SystemClock(), tuple(resolve)

    def make_resolver() -> Resolver:
        from smtplab.net.dns import Bounds, DnsResolver  # noqa: PLC0415
        from smtplab.net.exchange import NetworkExchange  # noqa: PLC0415
        from smtplab.net.hosts import PinnedResolver  # noqa: PLC0415
        from smtplab.net.names import system_servers  # noqa: PLC0415

        bounds = Bounds() if dns_timeout_s is None else Bounds(timeout_s=dns_timeout_s)
        servers = system_servers() if dns is None else (dns,)
        resolver = DnsResolver(servers, NetworkExchange(), clock, unforeseeable, bounds)
        return PinnedResolver(pins, resolver) if pins else resolver

    return Net(TcpDialer(), LateResolver(make_resolver), clock, unforeseeable, TcpListener())


def unforeseeable(purpose: str) -> random.Random:
    """`Chance` in the real world: the system's own randomness for every purpose (RFC 5452 9.2 asks it of ids)."""
    del purpose
    return random.SystemRandom()
