"""Runs the page in a thread with a loop of its own, beside a server that takes mail: it can neither slow nor end it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from smtplab.net.bound import bound_socket
from smtplab.net.ports import Endpoint
from smtplab.web.app import Page, PageRequest

CONNECTIONS_MAX = 200
"""All together: a browser opens six. Mail needs the file descriptors more."""
HEAD_S = 20.0
"""For a request's head to come on a fresh connection: who takes longer holds a place for nothing."""
HEAD_OCTETS_MAX = 32768
KEEP_ALIVE_S = 30
END_S = 3.0
"""At the end, for answers that are under way; mail that waits for its own end does not wait longer than this."""


@asynccontextmanager
async def page_at(request: PageRequest, where: Endpoint, tell: Callable[[str], None]) -> AsyncIterator[Endpoint]:
    """Where it listens, from now on until the end. Raises OSError where it can't."""
    socket = bound_socket(where.address, where.port, CONNECTIONS_MAX)
    found = Endpoint(*socket.getsockname()[:2])
    access = msgspec.structs.replace(request.access, cookie=f"smtplab-{found.port}")
    running = _Running(msgspec.structs.replace(request, access=access), socket, tell)
    thread = threading.Thread(target=running.run, name="inbox page", daemon=True)
    thread.start()
    try:
        yield found
    finally:
        running.stop()
        await asyncio.to_thread(thread.join, 2 * END_S)


class _Running:
    def __init__(self, request: PageRequest, socket: Any, tell: Callable[[str], None]) -> None:
        self._request = request
        self._socket = socket
        self._tell = tell
        self._server: uvicorn.Server | None = None
        self._page: Page | None = None
        self._loop = asyncio.new_event_loop()
        self._over = False

    def run(self) -> None:
        """In the thread. An error costs the page, and is told."""
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._serve())
        except Exception as trouble:  # noqa: BLE001 (whatever it is, mail goes on)
            self._tell(f"it has ended: {type(trouble).__name__}: {trouble}")

    def stop(self) -> None:
        """From another thread."""
        try:
            self._loop.call_soon_threadsafe(self._end)
        except RuntimeError:
            pass  # It has ended before.

    async def _serve(self) -> None:
        page = self._page = Page(self._request, self._tell)
        server = self._server = uvicorn.Server(_config(page))
        try:
            if not self._over:
                await server.serve(sockets=[self._socket])
        finally:
            page.close()

    def _end(self) -> None:
        self._over = True
        if self._page is not None and self._server is not None:
            self._page.news.close()
            self._server.should_exit = True


def _config(page: Page) -> uvicorn.Config:
    # What it has to say is said by the guard; a request may put no line into anybody's log.
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL + 1)
    return uvicorn.Config(
        page.app,
        http=BoundedHttp,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=CONNECTIONS_MAX + 1,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(END_S),
        h11_max_incomplete_event_size=HEAD_OCTETS_MAX,
    )


class BoundedHttp(H11Protocol):
    """uvicorn's own, that lets nobody in beyond the bound, and nobody take for ever over the head of a request."""

    _hurry: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """One too many ends without a word."""
        if len(self.connections) >= CONNECTIONS_MAX:
            transport.abort()
            return
        super().connection_made(transport)
        self._hurry = self.loop.call_later(HEAD_S, transport.abort)

    def data_received(self, data: bytes) -> None:
        """From the first octet of a head to its last."""
        super().data_received(data)
        if self._hurry is not None:
            self._hurry.cancel()
        cycle: RequestResponseCycle | None = self.cycle
        waits = cycle is None or cycle.response_complete
        self._hurry = self.loop.call_later(HEAD_S, self.transport.abort) if waits else None

    def connection_lost(self, exc: Exception | None) -> None:
        """Also of one that was not let in."""
        if self._hurry is not None:
            self._hurry.cancel()
        if self.transport is not None:
            super().connection_lost(exc)
