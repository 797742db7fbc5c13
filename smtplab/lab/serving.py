"""`smtplab serve`: from what was asked for to listeners that are ready, and to a clean end."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from smtplab.lab.bad_input import BadInput
from smtplab.lab.conduct import OnNotice
from smtplab.lab.exits import DONE, INTERRUPTED
from smtplab.lab.house import House, furnish, reload, server_tls_of
from smtplab.lab.reception import handlers
from smtplab.lab.serve_request import Place, ServeRequest, shown
from smtplab.net.ports import Listening
from smtplab.net.refusal import bind_refusal

OnListening = Callable[[Place], None]

Beside = Callable[[House], AbstractAsyncContextManager[Place]]
"""A listener of a layer above that shows what is received: where it listens, as long as it is open. Raises BadInput."""


def _nobody(notice: BadInput) -> None:
    del notice


def serve(
    request: ServeRequest, on_listening: OnListening, beside: Sequence[Beside] = (), *, on_notice: OnNotice = _nobody
) -> int:
    """The exit code. Each listener is told of once all of them stand, and `on_notice` of what goes wrong without being
    an end. Raises BadInput."""
    with asyncio.Runner(loop_factory=_fastest_loop()) as runner:
        return runner.run(_serve(request, on_listening, beside, on_notice))


def _fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's where it is installed (the extra `fast`); it does not exist for Windows."""
    if sys.platform == "win32":
        return None
    try:
        import uvloop  # noqa: PLC0415 - an extra, and imported only where a server starts
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def _serve(
    request: ServeRequest, on_listening: OnListening, beside: Sequence[Beside], on_notice: OnNotice
) -> int:
    stop: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    tls = server_tls_of(request)
    async with AsyncExitStack() as stack:
        house = await furnish(request, tls, stack, on_notice)
        _on_signals(stop, lambda: reload(house))
        # Closed after the listeners of mail, whose clients wait for nothing but their own end.
        shows = [await stack.enter_async_context(one(house)) for one in beside]
        found = [await _listen(house, place, stack) for place in request.places]
        stack.push_async_callback(house.entrance.close)
        # What is there now stays: to look through it again and again for garbage would be in vain.
        gc.freeze()
        for place in (*found, *shows):
            on_listening(place)
        return await stop


@asynccontextmanager
async def standing(request: ServeRequest) -> AsyncIterator[tuple[Place, ...]]:
    """The same listeners beside other work, for as long as they are needed; signals stay whose they are.

    Raises BadInput.
    """
    tls = server_tls_of(request)
    async with AsyncExitStack() as stack:
        house = await furnish(request, tls, stack, _nobody)
        found = [await _listen(house, place, stack) for place in request.places]
        stack.push_async_callback(house.entrance.close)
        yield tuple(found)


def _on_signals(stop: asyncio.Future[int], on_hangup: Callable[[], None]) -> None:
    def end(code: int) -> None:
        if not stop.done():
            stop.set_result(code)

    if sys.platform == "win32":
        return  # The interpreter's own handlers end it there.
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, end, DONE)
    loop.add_signal_handler(signal.SIGINT, end, INTERRUPTED)
    loop.add_signal_handler(signal.SIGHUP, on_hangup)


# Listeners


async def _listen(house: House, place: Place, stack: AsyncExitStack) -> Place:
    assert house.net.listener is not None
    # A conduct begins the handshake itself, for it may have to spoil it.
    tls = house.tls if place.protocol == "smtps" and house.conduct is None else None
    door = handlers(house, place, _too_many(house, place), tls)
    if house.request.proxy_protocol:
        tls = None  # Behind the header.
    try:
        listening: Listening = await house.net.listener.listen(place.host, place.port, door, tls=tls)
    except (OSError, OverflowError, UnicodeError) as trouble:
        raise BadInput("serve.cannot-listen", place=shown(place), reason=bind_refusal(trouble)) from trouble
    stack.push_async_callback(listening.close)
    return Place(place.protocol, listening.endpoint.address, listening.endpoint.port)


def _too_many(house: House, place: Place) -> bytes:
    if place.protocol == "pop3":
        return b"-ERR [SYS/TEMP] Too many sessions\r\n"
    return f"421 4.7.0 {house.hostname} Too many sessions\r\n".encode()
