"""A session that goes through an ordeal: a guest between the entrance and the engine, which knows nothing of it."""

from __future__ import annotations

from smtplab.events import Disconnected
from smtplab.journal import Scope
from smtplab.mta.behaviour.interference import Interference
from smtplab.mta.behaviour.ordeal import Ordeal
from smtplab.mta.entrance import Guest
from smtplab.net.ports import Lost, ServerTls, TlsFacts, TlsTrouble, Wire


class Trial:
    """A `Guest`. With `implicit_tls` the handshake is begun here, so that it can be spoilt too."""

    def __init__(
        self, guest: Guest, ordeal: Ordeal, interference: Interference, scope: Scope, implicit_tls: ServerTls | None
    ) -> None:
        self._guest = guest
        self._ordeal = ordeal
        self._interference = interference
        interference.secured = guest.secured
        self._emit = scope
        self._implicit_tls = implicit_tls
        self._refused = False

    def connected(self, wire: Wire) -> None:
        if self._ordeal.meet():
            self._refused = True
            wire.abort()
            return
        self._guest.connected(self._interference)
        if self._implicit_tls is not None:
            self._interference.start_tls(self._implicit_tls)

    def received(self, data: bytes) -> None:
        if heard := self._interference.heard(data):
            self._guest.received(heard)

    def secured(self, outcome: TlsFacts | TlsTrouble) -> None:
        self._guest.secured(outcome)

    def drained(self) -> None:
        self._guest.drained()

    def ended(self, lost: Lost | None) -> None:
        if self._refused:
            self._emit(Disconnected("us", clean=False, reason="dropped"))
            return
        self._interference.end()
        self._guest.ended(lost)

    def shut_down(self) -> None:
        if not self._refused:
            self._interference.hurry()
            self._ordeal.suffering.leave()
            self._guest.shut_down()
