"""Puts a lesson's world on loopback, in a process of its own, and hands on what other programs do there."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from smtplab.capture.codec import decode_record
from smtplab.journal import Record
from smtplab.lesson.lesson import Action
from smtplab.lesson.running import LINE_OCTETS_MAX, Unplayable
from smtplab.told import Told, tell


class Place(msgspec.Struct, frozen=True):
    """Where one service of a host is found."""

    node: str
    protocol: str
    host: str
    port: int


class Stood(msgspec.Struct, frozen=True):
    """Where all of them are, and with what they can be asked."""

    opened: tuple[Place, ...] = ()
    commands: tuple[str, ...] = ()
    trouble: Told | None = None


class Outside:
    """One world standing; `read` hands each record on within milliseconds of the event."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    async def open(self, step: str, action: Action) -> Stood:
        """For the task of this name, in the world as the action leaves it. Raises Unplayable."""
        pipe, nowhere = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        arguments = ("-m", "smtplab.lesson.standing", str(self._folder))
        process = self._process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stdin=pipe, stdout=pipe, stderr=nowhere, limit=LINE_OCTETS_MAX
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(msgspec.json.encode({"step": step, "action": action}) + b"\n")
            await process.stdin.drain()
            told = await process.stdout.readline()
            stood = msgspec.json.decode(told, type=Stood)
        except (BrokenPipeError, ConnectionResetError, msgspec.DecodeError) as trouble:
            await self.close()
            raise Unplayable(tell("lesson.flaw.standing-ended")) from trouble
        if stood.trouble is not None:
            await self.close()
            raise Unplayable(stood.trouble)
        return stood

    async def read(self, on_record: Callable[[Record], None]) -> None:
        """Until it is closed."""
        process = self._process
        if process is None or process.stdout is None:
            return
        while line := await process.stdout.readline():
            if isinstance(record := decode_record(line), Record):
                on_record(record)

    async def close(self) -> None:
        """At once; what was taken is forgotten."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()
