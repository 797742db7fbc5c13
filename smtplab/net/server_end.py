"""The server's end of a connection: what comes is pushed into a `Handler`, over any asyncio transport."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import Callable
from typing import cast

from smtplab.net.lost import lost_by
from smtplab.net.ports import Endpoint, Handler, Lost, ServerTls, TlsTrouble
from smtplab.net.tls import TlsLayer

HANDSHAKE_S_MAX = 60.0
"""A handshake is a few round trips; a client that stays silent in it must not hold a connection."""

LINGER_S_MAX = 2.0
"""After close, how long the peer may still read and send: closing over unread bytes resets the last reply away."""

HALF_OPEN_S_MAX = 60.0
"""After the peer's end of stream, how long answers may still be owed to it before the connection is ended for it."""


FULL_READ_OCTETS = 250_000
"""What uvloop reads at most in one go is as much, and then libuv reads the same connection up to 32 times before it
looks at another (`uv__read`): 8 MB, which take a tenth of a second."""

# `struct linger`: on, zero seconds. Windows' has shorts.
_LINGER_NOT = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class ServerEnd(asyncio.Protocol):
    """A `Wire`. It stands among its `siblings` until its transport is gone."""

    def __init__(self, handler: Handler, tls: ServerTls | None, siblings: OpenEnds) -> None:
        self.local = Endpoint("", 0)
        self.peer = Endpoint("", 0)
        self._handler = handler
        self._implicit_tls = tls
        self._siblings = siblings
        self._tls: TlsLayer | None = None
        self._until_secured: list[bytes] | None = None
        """Not None in a handshake: what was written meanwhile, to leave inside the session."""
        self.made = False
        """It has its transport."""
        self.full = False
        self.closing = False
        """It was ended, by us or by itself; the transport may still have bytes of ours."""
        self._ended = False
        self._paused = False
        self._timer: asyncio.TimerHandle | None = None

    # Wire

    def write(self, data: bytes) -> None:
        """In a handshake it waits for its end and leaves encrypted."""
        if self.closing:
            return
        if self._until_secured is not None:
            self._until_secured.append(data)
        elif self._tls is None:
            self._transport.write(data)
        else:
            self._tls.write(data)
            self._send_tls()

    def start_tls(self, tls: ServerTls) -> None:
        """`Handler.secured` tells the end of the handshake."""
        self._tls = TlsLayer.server(tls)
        self._until_secured = []
        self._set_timer(HANDSHAKE_S_MAX, self._handshake_timed_out)

    def unread(self, data: bytes) -> None:
        """As if it had come just now."""
        self.data_received(data)

    def close(self) -> None:
        """What was written still leaves; what still comes is thrown away. In a handshake the connection just ends."""
        if self.closing:
            return
        self.closing = True
        if self._tls is not None:
            self._tls.close()
            self._send_tls()
        if self._ended or self._transport.is_closing() or not self._transport.can_write_eof():
            self._transport.close()
            return
        try:
            self._transport.write_eof()
        except OSError:
            # The peer has reset the connection, which the loop has not told us yet.
            self._transport.abort()
            return
        self._transport.resume_reading()
        self._set_timer(LINGER_S_MAX, self._transport.abort)

    def abort(self) -> None:
        """A reset; nothing more leaves."""
        self.closing = True
        if (sock := self._transport.get_extra_info("socket")) is not None:
            # Without it a socket that is closed early ends like one that is done.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self._transport.abort()

    def pause(self) -> None:
        """Stop reading from the peer; a piece that is on its way up may still come."""
        self._paused = True
        if not self.closing and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        self._paused = False
        if not self._transport.is_closing():
            self._transport.resume_reading()

    @property
    def unsent_octets(self) -> int:
        """What was written and has not left."""
        unsent = self._transport.get_write_buffer_size()
        return unsent + sum(map(len, self._until_secured)) if self._until_secured else unsent

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """From the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self.local = Endpoint(*transport.get_extra_info("sockname")[:2])
        self.peer = Endpoint(*transport.get_extra_info("peername")[:2])
        self.made = True
        if self._siblings.closed:
            self._ended = True  # It never began: the listener was closed while the connection was being made.
            self.abort()
            return
        if self._implicit_tls is not None:
            self.start_tls(self._implicit_tls)
        self._handler.connected(self)

    def data_received(self, data: bytes) -> None:
        """From the transport: the whole buffer is handed on, for splitting it is the reader's to do."""
        if self.closing or self._ended:
            return
        if self._paused:
            self._transport.pause_reading()  # uvloop forgets a pause that was asked for while it was connecting.
        if len(data) >= FULL_READ_OCTETS:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._read_on)
        if self._tls is None:
            received = self._handler.received
            received(data)
        else:
            self._decrypt(data)

    def _read_on(self) -> None:
        """Others have had their turn."""
        if not (self._paused or self._transport.is_closing()):
            self._transport.resume_reading()

    def eof_received(self) -> bool:
        """From the transport; True as long as what was asked before may still be answered."""
        if self._tls is not None and self._tls.state == "handshaking":
            self._tls.feed_eof()
            self._secured()
            return False
        return self._peer_finished()

    def connection_lost(self, exc: Exception | None) -> None:
        """From the transport."""
        self.closing = True
        self._set_timer(0.0, None)
        if self._tls is not None and self._until_secured is not None:
            self._until_secured = None
            self._handler.secured(TlsTrouble("closed", str(exc or "")))
        self._end(lost_by(exc) if exc is not None else None)
        self._siblings.remove(self)

    def pause_writing(self) -> None:
        """From the transport, which holds as much as it should."""
        self.full = True

    def resume_writing(self) -> None:
        """From the transport."""
        self.full = False
        if not self._ended:
            self._handler.drained()

    # Inside

    def _decrypt(self, cipher: bytes) -> None:
        assert self._tls is not None
        plain = self._tls.feed(cipher)
        self._send_tls()
        if self._until_secured is not None and self._tls.state != "handshaking":
            self._secured()
        if plain and not self.closing:
            self._handler.received(plain)
        if self.closing or self._transport.is_closing():
            return
        if self._tls.state == "ended":
            self._peer_finished()
        elif self._tls.trouble is not None:
            self._end(Lost("tls-broken", self._tls.trouble.detail))
            self._transport.close()

    def _secured(self) -> None:
        """The handshake is over, well or not."""
        assert self._tls is not None
        waiting, self._until_secured = self._until_secured or [], None
        self._set_timer(0.0, None)
        if self._tls.trouble is not None:
            self._handler.secured(self._tls.trouble)
            self.closing = True
            # Half closing lets the alert that says why reach the peer.
            self._transport.close()
            return
        self._handler.secured(self._tls.facts())
        for data in waiting:
            self.write(data)

    def _handshake_timed_out(self) -> None:
        self._until_secured = None
        self._handler.secured(TlsTrouble("timed-out"))
        self.abort()

    def _peer_finished(self) -> bool:
        self._end(None)
        if self.closing:
            self._transport.close()
            return False
        self._set_timer(HALF_OPEN_S_MAX, self._transport.abort)
        return True

    def _end(self, lost: Lost | None) -> None:
        if not self._ended:
            self._ended = True
            self._handler.ended(lost)

    def _send_tls(self) -> None:
        assert self._tls is not None
        if (cipher := self._tls.outgoing()) and not self._transport.is_closing():
            self._transport.write(cipher)

    def _set_timer(self, delay_s: float, action: Callable[[], None] | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if action is not None:
            self._timer = asyncio.get_running_loop().call_later(delay_s, action)


class OpenEnds:
    """The connections that one listener has open."""

    def __init__(self, make_handler: Callable[[], Handler], tls: ServerTls | None) -> None:
        self._make_handler = make_handler
        self._tls = tls
        # A dict, for its order: a set's follows addresses in memory and differs from run to run.
        self._ends: dict[ServerEnd, None] = {}
        self.closed = False
        self._all_gone = asyncio.Event()
        self._all_gone.set()

    def make(self) -> ServerEnd:
        """A protocol for the next connection."""
        end = ServerEnd(self._make_handler(), self._tls, self)
        self._ends[end] = None
        self._all_gone.clear()
        return end

    def remove(self, end: ServerEnd) -> None:
        """It is gone."""
        self._ends.pop(end, None)
        if not self._ends:
            self._all_gone.set()

    async def abort(self) -> None:
        """Resets what is open and whatever comes; what is closing already gets its time. Returns when all is gone."""
        self.closed = True
        for end in list(self._ends):
            if end.made and not end.closing:
                end.abort()
        await self._all_gone.wait()
