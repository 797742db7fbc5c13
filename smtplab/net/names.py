"""Names and server addresses as people and systems write them, brought into the form that DNS asks with."""

from __future__ import annotations

import functools
import ipaddress
import socket
import threading
from pathlib import Path

from smtplab.net.ports import Endpoint

DNS_PORT = 53

OWN_NAME_S_MAX = 1.0
"""A walk waits no longer to know its own name; a short one will do."""

SERVERS_MAX = 3
"""resolv.conf(5): MAXNS."""


# Every lookup asks for it, and a name keeps its form.
@functools.lru_cache(maxsize=4096)
def a_label_name(name: str) -> str | None:
    """Lower case, no final dot, U-labels as A-labels (RFC 5891); None where it can't be a domain name (RFC 1035)."""
    # dnspython takes a while to import, and many a session goes to an address.
    import dns.exception  # noqa: PLC0415
    import dns.name  # noqa: PLC0415

    try:
        if not name.isascii():
            # The tables of IDNA are large and wanted only for such names.
            import idna  # noqa: PLC0415

            name = idna.encode(name, uts46=True).decode("ascii")
        return dns.name.from_text(name).to_text(omit_final_dot=True).lower()
    except (dns.exception.DNSException, UnicodeError):
        return None


def own_full_name() -> str:
    """This system's name with its domain where it knows one, lower case, without the final dot."""
    name = socket.gethostname()
    if "." not in name:
        # The resolver of the system is asked, which may wait for a DNS server that is not there.
        found: list[str] = []
        asking = threading.Thread(target=lambda: found.append(socket.getfqdn(name)), daemon=True)
        asking.start()
        asking.join(OWN_NAME_S_MAX)
        name = found[0] if found else name
    return name.lower().rstrip(".")


def parse_endpoint(text: str, port: int = DNS_PORT) -> Endpoint | None:
    """`ADDRESS`, `ADDRESS:PORT` or `[IPV6]:PORT`, numeric only; None where it is none of them."""
    address, number = text, str(port)
    if text.startswith("["):
        address, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            return None
        number = rest[1:] or number
    elif text.count(":") == 1:
        address, _, number = text.partition(":")
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return None
    if not (number.isascii() and number.isdigit() and 0 < int(number) < 65536):
        return None
    return Endpoint(address, int(number))


def parse_pin(text: str) -> tuple[str, str] | None:
    """`HOST:ADDRESS` as a host and an address; an IPv6 address may stand in brackets; None where it is none."""
    host, _, address = text.partition(":")
    address = address.removeprefix("[").removesuffix("]")
    name = a_label_name(host) if host else None
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return None
    return (name, address) if name else None


def show_server(server: Endpoint) -> str:
    """As events name a server: `address`, or `address:port` where it is not port 53."""
    if server.port == DNS_PORT:
        return server.address
    return f"[{server.address}]:{server.port}" if ":" in server.address else f"{server.address}:{server.port}"


def system_servers(path: Path = Path("/etc/resolv.conf")) -> tuple[Endpoint, ...]:
    """The servers that this system asks; empty where none is known."""
    try:
        text = path.read_text("ascii", "replace")
    except OSError:
        return _servers_of_registry()
    words = (line.split() for line in text.splitlines())
    found = (parse_endpoint(line[1]) for line in words if len(line) > 1 and line[0] == "nameserver")
    return tuple(server for server in found if server is not None)[:SERVERS_MAX]


def _servers_of_registry() -> tuple[Endpoint, ...]:
    # dnspython reads Windows' registry; its import takes 0.1 s, so only where there is no resolv.conf.
    import dns.exception  # noqa: PLC0415
    import dns.resolver  # noqa: PLC0415

    try:
        servers = dns.resolver.Resolver().nameservers
    except dns.exception.DNSException:
        return ()
    found = (parse_endpoint(str(server)) for server in servers)
    return tuple(server for server in found if server is not None)[:SERVERS_MAX]


def service_port(name: str) -> int | None:
    """The TCP port of a service by its name in the system's list (getservbyname(3)); None where it is unknown."""
    try:
        return socket.getservbyname(name, "tcp")
    except (OSError, UnicodeError):
        return None


def local_address(name: str) -> str | None:
    """The first address of a name of this system, by its own means; None where it has none."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return None
    return str(found[0][4][0]) if found else None
