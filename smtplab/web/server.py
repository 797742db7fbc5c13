"""The page's own process: uvicorn on a socket that is bound already, until the server that began it lets go of it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from typing import Any

import msgspec
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from smtplab.net.bound import bound_socket
from smtplab.net.ports import Endpoint
from smtplab.web.app import Page
from smtplab.web.running import END_S, Bound, Order, Refused, Said

CONNECTIONS_MAX = 200
"""All together: a browser opens six."""
HEAD_S = 20.0
"""For a request's head to come on a fresh connection: who takes longer holds a place for nothing."""
HEAD_OCTETS_MAX = 32768
KEEP_ALIVE_S = 30
NICENESS = 5
"""Where the processor is short, mail goes first."""


def main() -> int:
    """The order comes as a line on standard input; what is answered, and said later, goes to standard output."""
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    # The terminal's Ctrl-C is for the server, which then lets go of our standard input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        os.nice(NICENESS)
    try:
        sock = bound_socket(order.host, order.port, CONNECTIONS_MAX)
    except (OSError, OverflowError, UnicodeError) as trouble:
        _say(Refused(getattr(trouble, "strerror", None) or str(trouble)))
        return 1
    found = Endpoint(*sock.getsockname()[:2])
    page = Page(order.page_request(found.port), lambda line: _say(Said(line[:2000])))
    _say(Bound(found.address, found.port))
    asyncio.run(_serve(page, sock))
    return 0


def _say(answer: Bound | Refused | Said) -> None:
    try:
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()
    except OSError:
        pass  # Nobody listens any more, and the end is near.


async def _serve(page: Page, sock: Any) -> None:
    server = uvicorn.Server(_config(page))

    def end() -> None:
        page.news.close()
        server.should_exit = True

    loop = asyncio.get_running_loop()
    threading.Thread(target=_wait_for_the_end, args=(loop, end), daemon=True).start()
    try:
        await server.serve(sockets=[sock])
    finally:
        page.close()


def _wait_for_the_end(loop: asyncio.AbstractEventLoop, end: Any) -> None:
    """Standard input ends when the other process closes it, or is no more, however it went."""
    while sys.stdin.buffer.read(4096):
        pass
    try:
        loop.call_soon_threadsafe(end)
    except RuntimeError:
        pass  # We have ended before.


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
