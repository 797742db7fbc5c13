"""Connections that are no TCP: a local socket's file, and a program that speaks on its standard input and output."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
from typing import cast

from smtplab.net.client_end import ClientEnd
from smtplab.net.lost import lost_by
from smtplab.net.ports import Lost, Stream

EXIT_S_MAX = 2.0
"""For a program to end by itself once its input has ended; then it is told to."""


_REPLY = re.compile(rb"\d\d\d(?:[ \r-]|\Z)")
"""What belongs to the dialogue. A program in a testing mode says other things beside it, as `exim -bh` does: they go
where its standard error goes."""

PARTIAL_OCTETS_MAX = 65536
"""Of a line without end: then it is the reader's to judge."""

STANDARD_ERROR = 2


class SocketDialer:
    """A `Dialer` that always connects to one local socket, whatever the address."""

    def __init__(self, path: str) -> None:
        self._path = path

    async def dial(self, address: str, port: int, *, source: str | None = None) -> Stream | Lost:
        """As `Dialer.dial`."""
        del address, port, source
        try:
            _, stream = await asyncio.get_running_loop().create_unix_connection(ClientEnd, self._path)
        except (OSError, ValueError) as error:
            return lost_by(error)
        return stream


class ProgramDialer:
    """A `Dialer` that starts a program and speaks with it; its standard error is ours."""

    def __init__(self, command: str) -> None:
        """Parted into words as a shell does, with no shell in between. Raises ValueError for quotes left open."""
        self._words = shlex.split(command)
        if not self._words:
            raise ValueError("no program is named")

    async def dial(self, address: str, port: int, *, source: str | None = None) -> Stream | Lost:
        """As `Dialer.dial`."""
        del address, port, source
        loop = asyncio.get_running_loop()
        try:
            _, program = await loop.subprocess_exec(_Program, *self._words, stderr=None)
        except (OSError, ValueError) as error:
            return lost_by(error)
        return program.end


class _Program(asyncio.SubprocessProtocol):
    """Hands on between a program's two pipes and the client's end of what it takes for one connection."""

    def __init__(self) -> None:
        self.end = ClientEnd()
        self._pipes: _Pipes | None = None
        self._partial = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The program has been started."""
        self._pipes = _Pipes(cast("asyncio.SubprocessTransport", transport))
        self.end.connection_made(self._pipes)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """From the program's output."""
        del fd
        if self.end.secure:
            self.end.data_received(data)
            return
        *lines, self._partial = (self._partial + data).split(b"\n")
        replies = [line for line in lines if _REPLY.match(line)]
        if len(self._partial) > PARTIAL_OCTETS_MAX:
            replies, self._partial = [*replies, self._partial], b""
        if replies:
            self.end.data_received(b"".join(line + b"\n" for line in replies))
        for line in lines:
            if not _REPLY.match(line):
                os.write(STANDARD_ERROR, line + b"\n")

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """Of one of the two."""
        del exc
        if fd == 1:
            if self._partial:
                self.end.data_received(self._partial)
            self.end.eof_received()

    def pause_writing(self) -> None:
        """From the transport of the program's input."""
        self.end.pause_writing()

    def resume_writing(self) -> None:
        """From the transport of the program's input."""
        self.end.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The program has ended and its pipes are closed."""
        assert self._pipes is not None
        self._pipes.ended()
        self.end.connection_lost(exc)


class _Pipes(asyncio.Transport):
    """A program's input and output as one transport."""

    def __init__(self, program: asyncio.SubprocessTransport) -> None:
        super().__init__()
        self._program = program
        self._closing = False
        self._timer: asyncio.TimerHandle | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._input.write(data)

    def is_closing(self) -> bool:
        return self._closing or self._input.is_closing()

    def close(self) -> None:
        """Ends its input, upon which a program ends by itself, as inetd's do."""
        if not self._closing:
            self._closing = True
            self._input.close()
            self._timer = asyncio.get_running_loop().call_later(EXIT_S_MAX, self.abort)

    def abort(self) -> None:
        """Ends the program."""
        self._program.close()

    def ended(self) -> None:
        """It has: nothing is left open."""
        if self._timer is not None:
            self._timer.cancel()
        self._program.close()

    def pause_reading(self) -> None:
        self._output.pause_reading()

    def resume_reading(self) -> None:
        self._output.resume_reading()

    @property
    def _input(self) -> asyncio.WriteTransport:
        return cast("asyncio.WriteTransport", self._program.get_pipe_transport(0))

    @property
    def _output(self) -> asyncio.ReadTransport:
        return cast("asyncio.ReadTransport", self._program.get_pipe_transport(1))
