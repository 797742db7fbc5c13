"""Has a lesson's world played in a process of its own, so that whoever waits for keys is never kept waiting."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from smtplab.capture.codec import decode_record
from smtplab.journal import Record
from smtplab.lesson.lesson import Action
from smtplab.told import Told, Unfit, tell

LINE_OCTETS_MAX = 64 * 1024 * 1024
"""A record may hold a whole message; the world is ours, so this only keeps a mistake from eating all memory."""
_RECORDS_AT_ONCE = 200
"""Decoded between two turns of the event loop: a few milliseconds, which no key notices."""
_OVER = b'{"over":'


class Unplayable(Unfit):
    """An action that can't be done in this world: the student's to mend."""


class _Over(msgspec.Struct, frozen=True):
    """The last line of an answer."""

    trouble: Told | None = None


class Runner:
    """Give it an action, and it gives the records, from the world's start to its end. What was run before is kept."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._seed = seed
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._kept: dict[bytes, Sequence[Record]] = {}

    async def start(self) -> None:
        """Ahead of the first order: Python and the engine take some 0.4 s to come up."""
        async with self._turn:
            await self._ready()

    def kept(self, action: Action) -> Sequence[Record] | None:
        """Where it was run before."""
        return self._kept.get(msgspec.json.encode(action))

    async def run(self, action: Action, *, keep: bool = False) -> Sequence[Record]:
        """Raises Unplayable. Whoever stops waiting leaves the order to be finished, for the sake of the next one."""
        found = self.kept(action)
        if found is not None:
            return found
        order = asyncio.ensure_future(self._run(action, keep=keep))
        # Where nobody waits any more, nobody wants to hear of a failure either.
        order.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(order)

    async def close(self) -> None:
        """The process ends with its input, and is made to where it is busy."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    async def _run(self, action: Action, *, keep: bool) -> Sequence[Record]:
        async with self._turn:
            process = await self._ready()
            assert process.stdin is not None
            order = {"action": action, "seed": self._seed}
            try:
                process.stdin.write(msgspec.json.encode(order) + b"\n")
                await process.stdin.drain()
                records = await _answer(process)
            except (BrokenPipeError, ConnectionResetError, EOFError) as trouble:
                await self.close()
                raise Unplayable(tell("lesson.flaw.playing-ended")) from trouble
        if keep:
            self._kept[msgspec.json.encode(action)] = records
        return records

    async def _ready(self) -> asyncio.subprocess.Process:
        if self._process is None:
            pipe, nowhere = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
            arguments = ("-m", "smtplab.lesson.workshop", str(self._folder))
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, stdin=pipe, stdout=pipe, stderr=nowhere, limit=LINE_OCTETS_MAX
            )
        return self._process


async def _answer(process: asyncio.subprocess.Process) -> list[Record]:
    """Raises EOFError and Unplayable."""
    assert process.stdout is not None
    records: list[Record] = []
    while True:
        line = await process.stdout.readline()
        if not line:
            raise EOFError
        if line.startswith(_OVER):
            trouble = msgspec.json.decode(line, type=_Over).trouble
            if trouble is not None:
                raise Unplayable(trouble)
            return records
        if isinstance(record := decode_record(line), Record):
            records.append(record)
        if len(records) % _RECORDS_AT_ONCE == 0:
            await asyncio.sleep(0)
