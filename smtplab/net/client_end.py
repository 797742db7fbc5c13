"""The client's end of a connection: a `Stream` to be pulled, over any asyncio transport."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, cast

import msgspec

from smtplab.net.lost import lost_by
from smtplab.net.ports import WRITTEN, ClientTls, Endpoint, Lost, TlsFacts, TlsTrouble

if TYPE_CHECKING:
    from smtplab.net.tls import TlsLayer

READ_OCTETS = 65536
"""As `Stream.read` promises."""

UNREAD_OCTETS_MAX = 262144
"""A peer that sends faster than we read is made to wait from here on: what asyncio reads at a time."""

WRITE_OCTETS = 262144
"""Handed on at a time, so that a large message is not held twice over."""

CLOSE_S_MAX = 2.0
"""A peer that takes nothing more gets this long for our last bytes; then the connection is reset."""


class ClientEnd(asyncio.Protocol):
    """Made by a dialer, which gives it to a transport. One reader and one writer at a time."""

    def __init__(self) -> None:
        self.local = Endpoint("", 0)
        self.peer = Endpoint("", 0)
        self._loop = asyncio.get_running_loop()
        self._unread = b""
        self._eof = False
        self._lost: Lost | None = None
        self._closing = False
        self._reading = True
        self._writable = True
        self._tls: TlsLayer | None = None
        self._news: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._gone = False
        """The transport is."""

    # Stream

    async def read(self) -> bytes | Lost:
        """What has come, at most 64 KiB; `b""` at the end of stream, `Lost` once everything before it was read."""
        while not self._unread:
            if self._lost is not None:
                return self._lost
            if self._eof:
                return b""
            # A future of asyncio's own: a task waits for one without a call in Python. No set ever holds it, in which
            # the virtual loop's have an order.
            self._news = asyncio.Future(loop=self._loop)
            await self._news
        data, self._unread = self._unread, b""
        if len(data) > READ_OCTETS:
            data, self._unread = data[:READ_OCTETS], data[READ_OCTETS:]
        if not self._reading and len(self._unread) < UNREAD_OCTETS_MAX and not self._eof:
            self._reading = True
            self._transport.resume_reading()
        return data

    def write(self, data: bytes) -> Awaitable[Lost | None]:
        """Returns once the transport can take more."""
        if self._tls is None and len(data) <= WRITE_OCTETS and not self._closing and not self._transport.is_closing():
            self._transport.write(data)
            return WRITTEN if self._writable and self._lost is None else self._write_out(b"")
        return self._write_out(data)

    async def _write_out(self, data: bytes) -> Lost | None:
        for start in range(0, len(data), WRITE_OCTETS):
            if self._closing or self._transport.is_closing():
                return self._lost or Lost("closed", "written after the connection's end")
            piece = data[start : start + WRITE_OCTETS]
            if self._tls is None:
                self._transport.write(piece)
            elif self._tls.state in ("open", "ended"):
                self._tls.write(piece)
                self._send_tls()
            else:
                return Lost("closed", "there is no TLS session")
            await self._until_there_is_room()
        await self._until_there_is_room()
        return self._lost

    async def _until_there_is_room(self) -> None:
        while not self._writable and self._lost is None:
            await self._next_room()

    async def start_tls(self, tls: ClientTls) -> TlsFacts | TlsTrouble:
        """Clear text that came before and was not read fails the handshake (CVE-2011-0411)."""
        if self._lost is not None or self._eof:
            return TlsTrouble("closed", "the connection had ended")
        # OpenSSL and what reads certificates take a tenth of a second to import.
        from smtplab.net.tls import TlsLayer  # noqa: PLC0415

        layer = self._tls = TlsLayer.client(tls)
        self._send_tls()
        early, self._unread = self._unread, b""
        if early:
            self._decrypt(early)
        while layer.state == "handshaking":
            await self._next_news()
        if layer.trouble is not None:
            return self._why_not(layer.trouble)
        verified_by, problem = tls.trust.judge(layer.chain_der(), tls.server_name)
        facts = layer.facts()
        return msgspec.structs.replace(facts, verified_by=verified_by, problem=problem)

    async def close(self) -> None:
        """Never raises, never hangs; closing twice is nothing."""
        if not self._closing:
            self._closing = True
            if self._tls is not None and not self._transport.is_closing():
                self._tls.close()
                self._send_tls()
            self._transport.close()
        if not self._gone:
            # A timer that resets is cheaper than a time-out that cancels, and this ends every session.
            timer = self._loop.call_later(CLOSE_S_MAX, self._transport.abort)
            try:
                while not self._gone:
                    await self._next_news()
            finally:
                timer.cancel()

    @property
    def secure(self) -> bool:
        """TLS has begun: what comes is no longer text."""
        return self._tls is not None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """From the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self.local = _endpoint(transport.get_extra_info("sockname"))
        self.peer = _endpoint(transport.get_extra_info("peername"))

    def data_received(self, data: bytes) -> None:
        """From the transport."""
        if self._closing:
            return
        if self._tls is not None:
            self._decrypt(data)
        else:
            self._unread = self._unread + data if self._unread else data
        if self._reading and len(self._unread) >= UNREAD_OCTETS_MAX:
            self._reading = False
            self._transport.pause_reading()
        news = self._news
        if news is not None and not news.done():
            news.set_result(None)

    def eof_received(self) -> bool:
        """From the transport; True, for we may still write."""
        self._eof = True
        if self._tls is not None:
            self._tls.feed_eof()
        self._wake()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """From the transport."""
        if exc is not None:
            self._lost = lost_by(exc)
        self._eof = True
        if self._tls is not None:
            self._tls.feed_eof()
        self._gone = True
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        """From the transport."""
        self._writable = False

    def resume_writing(self) -> None:
        """From the transport."""
        self._writable = True
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    # Inside

    def _decrypt(self, cipher: bytes) -> None:
        assert self._tls is not None
        self._unread += self._tls.feed(cipher)
        self._send_tls()
        if self._tls.state == "ended":
            self._eof = True
        elif self._tls.trouble is not None:
            self._lost = Lost("tls-broken", self._tls.trouble.detail)
            self._transport.close()

    def _why_not(self, trouble: TlsTrouble) -> TlsTrouble:
        """Of a connection that ended in the handshake we may know more."""
        if trouble.reason == "closed" and self._lost is not None:
            return TlsTrouble(self._lost.reason, self._lost.detail)
        return trouble

    def _send_tls(self) -> None:
        assert self._tls is not None
        if (cipher := self._tls.outgoing()) and not self._transport.is_closing():
            self._transport.write(cipher)

    def _next_news(self) -> asyncio.Future[None]:
        """Done once something has come, or has ended."""
        self._news = self._loop.create_future()
        return self._news

    def _next_room(self) -> asyncio.Future[None]:
        """Done once the transport takes more."""
        self._room = self._loop.create_future()
        return self._room

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)


def _endpoint(name: object) -> Endpoint:
    """Of a socket; one that is no IP socket has a path, a pipe nothing."""
    return Endpoint(*name[:2]) if isinstance(name, tuple) else Endpoint(str(name or ""), 0)
