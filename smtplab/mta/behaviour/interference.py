"""What is done to the octets of a session between the wire and the engine, which knows nothing of it."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable

from smtplab.journal import Scope
from smtplab.mta.behaviour.faults import Handshake
from smtplab.mta.behaviour.suffering import Suffering
from smtplab.net.ports import UNSENT_OCTETS_MAX, Endpoint, ServerTls, TlsTrouble, Wire

_STARTTLS = re.compile(rb"^250([ -])STARTTLS\r\n", re.MULTILINE | re.IGNORECASE)
_BARE_DOT = re.compile(rb"(?<!\r)\n\.\r?\n")

# No TLS record begins so (RFC 8446 5.1): any client sees at once that this is none.
_NO_TLS = b"\xff\xfe\xfd TLS was promised, and this is none \xfc\xfb\r\n" * 4

BROKEN_HANDSHAKE_S_MAX = 60.0
"""As long as an honest handshake may take here."""


class Tampering:
    """What may be done to the octets of a session, and asked when they pass."""

    def __init__(
        self,
        strips_starttls: Callable[[Scope], bool],
        takes_bare_dots: Callable[[Scope], bool],
        certificate: Callable[[Scope], ServerTls | None],
        handshake: Callable[[Scope], Handshake | None],
    ) -> None:
        self.strips_starttls = strips_starttls
        self.takes_bare_dots = takes_bare_dots
        self.certificate = certificate
        self.handshake = handshake


class Interference:
    """A `Wire` over another one. What drips holds back whatever is written after it, a handshake and the end
    included."""

    def __init__(self, wire: Wire, suffering: Suffering, tampering: Tampering, scope: Scope) -> None:
        self.local: Endpoint = wire.local
        self.peer: Endpoint = wire.peer
        self._wire = wire
        self._suffering = suffering
        suffering.listen = wire.resume
        self.secured: Callable[[TlsTrouble], None] = _to_nobody
        """Told of a handshake that was broken here."""
        self._tampering = tampering
        self._scope = scope
        self._held: deque[bytes] = deque()
        self._pause_s = 0.0
        self._tls_after: ServerTls | None = None
        self._close_after = False
        self._timer: asyncio.TimerHandle | None = None
        self._broken: Handshake | None = None
        """Whose octets nobody reads."""
        self._hurried = False

    def heard(self, data: bytes) -> bytes:
        """What the server makes of what came; nothing where it does not listen any more."""
        if self._broken is not None:
            if self._broken.how == "garbage":
                self._end_handshake(TlsTrouble("broken"))
            return b""
        if _BARE_DOT.search(data) and self._tampering.takes_bare_dots(self._scope):
            return _BARE_DOT.sub(b"\r\n.\r\n", data)
        return data

    def end(self) -> None:
        """The client has gone."""
        self._suffering.end()
        if self._timer is not None:
            self._timer.cancel()

    def hurry(self) -> None:
        """The server is going: what drips leaves at once."""
        self._hurried = True
        if self._timer is not None:
            self._timer.cancel()
        if self._held:
            self._wire.write(b"".join(self._held))
            self._held.clear()
        if self._close_after or self._broken is not None:
            self._wire.close()
        elif self._tls_after is not None:
            self._shake_hands(self._tls_after)

    # Wire

    def write(self, data: bytes) -> None:
        if _STARTTLS.search(data) and self._tampering.strips_starttls(self._scope):
            data = _STARTTLS.sub(rb"250\1XXXXXXXA\r\n", data)
        spoil, self._suffering.spoil = self._suffering.spoil, None
        pieces, pause_s = spoil(data) if spoil is not None else ([data], 0.0)
        if self._held:
            self._held.extend(pieces)
        elif pause_s and not self._hurried:
            self._pause_s = pause_s
            self._held.extend(pieces)
            self._drip()
        else:
            for piece in pieces:
                self._wire.write(piece)

    def unread(self, data: bytes) -> None:
        self._wire.unread(data)

    def start_tls(self, tls: ServerTls) -> None:
        if self._held:
            self._tls_after = tls
        else:
            self._shake_hands(tls)

    def close(self) -> None:
        if self._held:
            self._close_after = True
        elif self._broken is None:
            self._wire.close()

    def abort(self) -> None:
        self.end()
        self._wire.abort()

    def pause(self) -> None:
        self._wire.pause()

    def resume(self) -> None:
        self._wire.resume()

    @property
    def full(self) -> bool:
        return self._wire.full or (bool(self._held) and self.unsent_octets > UNSENT_OCTETS_MAX)

    @property
    def unsent_octets(self) -> int:
        return self._wire.unsent_octets + sum(map(len, self._held))

    def _drip(self) -> None:
        self._wire.write(self._held.popleft())
        if self._held:
            self._timer = asyncio.get_running_loop().call_later(self._pause_s, self._drip)
        elif self._close_after:
            self._wire.close()
        elif self._tls_after is not None:
            self._shake_hands(self._tls_after)

    def _shake_hands(self, tls: ServerTls) -> None:
        self._tls_after = None
        self._broken = broken = self._tampering.handshake(self._scope)
        if broken is None:
            self._wire.start_tls(self._tampering.certificate(self._scope) or tls)
        elif broken.how == "reset":
            self._end_handshake(TlsTrouble("dropped"))
        else:
            # Garbage is the answer to a ClientHello: what came before it would be clear text that a client throws away.
            self._timer = asyncio.get_running_loop().call_later(
                BROKEN_HANDSHAKE_S_MAX, self._end_handshake, TlsTrouble("timed-out")
            )

    def _end_handshake(self, trouble: TlsTrouble) -> None:
        """It is we who end it, and that is what our server tells."""
        if self._timer is not None:
            self._timer.cancel()
        self.secured(trouble)
        if trouble.reason == "broken":
            self._wire.write(_NO_TLS)
            self._wire.close()
        else:
            self._wire.abort()


def _to_nobody(trouble: TlsTrouble) -> None:
    del trouble
