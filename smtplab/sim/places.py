"""Where the services of a world are found on the loopback interface, and whose the other end of a connection is."""

from __future__ import annotations

import errno

from smtplab.net.ports import Endpoint
from smtplab.net.refusal import bind_refusal
from smtplab.sim.hops import Meet
from smtplab.sim.loopback import Addresses
from smtplab.told import Unfit, tell

SERVICES = {25: "smtp", 587: "submission", 465: "submissions", 110: "pop3", 53: "dns"}
"""By the port that IANA gave them."""

HIGH_PORTS = {25: 2525, 587: 2587, 465: 2465, 110: 2110, 53: 2053}
"""Where a person who is not root may listen."""

FIRST_SHARED_PORT = 22500
"""From here on, one after the other, where all hosts share 127.0.0.1: below every system's ephemeral ports."""

SHARED = "127.0.0.1"


class CannotListen(Unfit):
    """An address and port that can't be had, with the system's own words."""

    def __init__(self, real: Endpoint, trouble: OSError) -> None:
        text = _TEXT_OF_ERROR.get(trouble.errno or 0, "sim.cannot-listen")
        super().__init__(tell(text, place=f"{real.address}:{real.port}", reason=bind_refusal(trouble)))


_TEXT_OF_ERROR = {errno.EADDRINUSE: "sim.place-taken", errno.EACCES: "sim.port-forbidden"}


class Places:
    """Where the hosts of a world are really found, and who of them is at the other end of a connection."""

    def __init__(self, addresses: Addresses, *, privileged: bool = False, shared: bool | int = False) -> None:
        """`shared` where the system has no loopback address but one: then each service has a port of its own, the first
        of which may be said.
        """
        self.shared = bool(shared)
        self._first_port = FIRST_SHARED_PORT if isinstance(shared, bool) else shared
        self.meet: Meet | None = None
        """What a stranger's connection meets before it arrives; None where no fault is near."""
        self._addresses = addresses
        self._privileged = privileged
        self._ports: dict[Endpoint, int] = {}
        self._owners: dict[int, str] = {}

    def holds(self, address: str) -> bool:
        """It belongs to the world, not to a real server beside it."""
        return self._addresses.holds(address)

    def real(self, address: str, port: int) -> Endpoint:
        """Of one of the world's services."""
        if self.shared and self.holds(address):
            service = Endpoint(address, port)
            return Endpoint(SHARED, self._ports.setdefault(service, self._first_port + len(self._ports)))
        return Endpoint(address, port if self._privileged else HIGH_PORTS.get(port, port))

    def source(self, address: str) -> str:
        """From where a host's connections really come."""
        return SHARED if self.shared else address

    def claim(self, client: Endpoint, address: str) -> Endpoint:
        """This end is that host's; the host's own view of it."""
        if self.shared:
            self._owners[client.port] = address
        return Endpoint(address, client.port)

    def owner(self, client: Endpoint) -> Endpoint:
        """The view of the world on a client's end: a host's, or that of a stranger."""
        return Endpoint(self._owners.pop(client.port, client.address), client.port) if self.shared else client
