"""Starts the page in a process of its own, beside a server that takes mail, so that it can neither slow nor end it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from smtplab.net.ports import Endpoint
from smtplab.told import Told, tell
from smtplab.view.texts import Language
from smtplab.web.access import Access
from smtplab.web.request import PageRequest

END_S = 3.0
"""At the end, for answers that are under way."""
START_S_MAX = 60.0
"""A second, on a machine that has little else to do."""


class Order(msgspec.Struct, frozen=True):
    """What the process is asked for, on its standard input: a token has no place on a command line."""

    host: str
    port: int
    home: str
    names: tuple[str, ...]
    token: str | None
    language: Language
    release_to: str | None

    def page_request(self, port: int) -> PageRequest:
        access = Access(frozenset(self.names), self.token, cookie=f"smtplab-{port}")
        return PageRequest(home=Path(self.home), access=access, language=self.language, release_to=self.release_to)


class Bound(msgspec.Struct, frozen=True, tag="bound"):
    """It listens."""

    address: str
    port: int


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """It can't listen."""

    reason: str


class Said(msgspec.Struct, frozen=True, tag="said"):
    """A mistake of ours, for the log."""

    line: str


_decode = msgspec.json.Decoder(Bound | Refused | Said).decode


@asynccontextmanager
async def page_at(
    request: PageRequest, where: Endpoint, on_trouble: Callable[[str | Told], None]
) -> AsyncIterator[Endpoint]:
    """Where it listens, from now on until the end. Raises OSError where it can't."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "smtplab.web",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        # The terminal's Ctrl-C and hang-up are for the server.
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    telling: asyncio.Task[None] | None = None
    try:
        process.stdin.write(msgspec.json.encode(_order(request, where)) + b"\n")
        found = await _found(process.stdout)
        telling = asyncio.create_task(_tell_on(process.stdout, on_trouble), name="inbox page")
        yield found
    finally:
        if telling is not None:
            telling.cancel()
        await _end(process)


def _order(request: PageRequest, where: Endpoint) -> Order:
    access = request.access
    return Order(
        where.address,
        where.port,
        str(request.home.absolute()),
        tuple(sorted(access.names)),
        access.token,
        request.language,
        request.release_to,
    )


async def _found(out: asyncio.StreamReader) -> Endpoint:
    try:
        async with asyncio.timeout(START_S_MAX):
            line = await out.readline()
    except TimeoutError as trouble:
        raise OSError("the page's process does not begin") from trouble
    match _decode(line) if line else None:
        case Bound(address=address, port=port):
            return Endpoint(address, port)
        case Refused(reason=reason):
            raise OSError(reason)
        case _:
            raise OSError("the page's process has ended")


async def _tell_on(out: asyncio.StreamReader, on_trouble: Callable[[str | Told], None]) -> None:
    while line := await out.readline():
        said = _decode(line)
        if isinstance(said, Said):
            on_trouble(said.line)
    on_trouble(tell("serve.web-ended"))


async def _end(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(2 * END_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
