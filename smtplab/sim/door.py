"""The door of a server: it waits to see who comes, and lets a world interfere between the wire and the engine."""

from __future__ import annotations

from collections.abc import Callable

from smtplab.mta.behaviour.interference import Interference
from smtplab.net.ports import Handler, Lost, ServerTls, TlsFacts, TlsTrouble, Wire

Enter = Callable[["Door", Wire], Handler]


class Door:
    """A `Handler` that gets its own handler from `enter` once it knows who comes."""

    def __init__(self, enter: Enter, leave: Callable[[], None], tls: ServerTls | None = None) -> None:
        """With `tls` the handshake begins here, so that a world can interfere with it too."""
        self._enter = enter
        self._leave = leave
        self._tls = tls
        self._handler: Handler
        self.interference: Interference | None = None

    received: Callable[[bytes], None]
    """Straight into the handler where nothing interferes, for it is every packet's way."""

    def connected(self, wire: Wire) -> None:
        self._handler = self._enter(self, wire)
        self.received = self._handler.received if self.interference is None else self._tampered
        if self.interference is not None:
            self.interference.secured = self.secured
        inner = self.interference or wire
        self._handler.connected(inner)
        if self._tls is not None:
            inner.start_tls(self._tls)

    def _tampered(self, data: bytes) -> None:
        assert self.interference is not None
        # No octets would be the client's end.
        if heard := self.interference.heard(data):
            self._handler.received(heard)

    def secured(self, outcome: TlsFacts | TlsTrouble) -> None:
        self._handler.secured(outcome)

    def drained(self) -> None:
        self._handler.drained()

    def ended(self, lost: Lost | None) -> None:
        if self.interference is not None:
            self.interference.end()
        self._handler.ended(lost)
        # The wire holds the door, and these hold the wire.
        del self._handler, self.received
        self.interference = None
        self._leave()
