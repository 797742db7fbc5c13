"""A POP3 dialogue over a stream: each command waits for its response, and each wait has its limit."""

from __future__ import annotations

import asyncio

from smtplab.events import Disconnected, Ender, TlsEstablished, TlsFailed, TlsStarted
from smtplab.journal import Emit
from smtplab.mta.timeouts import Timeouts
from smtplab.net.ports import ClientTls, Lost, Stream, TlsFacts, TlsTrouble
from smtplab.pop3.client import Client, Closed
from smtplab.pop3.command import Command, List, Retr, Top, Uidl
from smtplab.pop3.response import Response


class CollectTalk:
    """Once `over`, every step ends at once with `Lost`: a late response must never answer the next command."""

    def __init__(self, stream: Stream, client: Client, timeouts: Timeouts, emit: Emit) -> None:
        self.client = client
        self._stream = stream
        self._timeouts = timeouts
        self._emit = emit
        self._lost: Lost | None = None

    @property
    def over(self) -> bool:
        """Lost, or closed by QUIT or by a greeting that refuses."""
        return self._lost is not None or self.client.state == "closed"

    async def greeting(self) -> Response | Lost:
        return await self._response(self._timeouts.greeting_s)

    async def ask(self, command: Command) -> Response | Lost:
        """Send one command and wait for its response, a message or a listing with all of it."""
        self._hear_out()
        if self.over:
            return self._end()
        return await self._write(self.client.send(command)) or await self._response(self._limit_s(command))

    async def respond(self, response: bytes) -> Response | Lost:
        """Answer a challenge of AUTH."""
        if self.over:
            return self._end()
        return await self._write(self.client.send_auth(response)) or await self._response(self._timeouts.command_s)

    async def start_tls(self, tls: ClientTls) -> TlsFacts | TlsTrouble:
        """The handshake, after the `+OK` or at once; any trouble ends the dialogue."""
        self._emit(TlsStarted(tls.server_name))
        try:
            async with asyncio.timeout(self._timeouts.tls_s):
                outcome = await self._stream.start_tls(tls)
        except TimeoutError:
            outcome = TlsTrouble("timed-out")
        match outcome:
            case TlsTrouble(reason, detail):
                self._emit(TlsFailed(reason))
                self._lost = Lost(reason, detail)
            case TlsFacts(version, cipher, chain, verified_by, problem):
                own = chain[0] if chain else None
                self._emit(TlsEstablished(version, cipher, own, verified_by, problem, chain[1:]))
                self.client.tls_established()
        return outcome

    async def close(self) -> None:
        """Ends the connection and says how it ended."""
        await self._stream.close()
        if self._lost is None:
            self._emit(Disconnected("us", clean=self.client.state == "closed"))
        else:
            self._emit(Disconnected(_ender(self._lost.reason), clean=False, reason=self._lost.reason))

    def _limit_s(self, command: Command) -> float:
        """What brings a message or a listing may take as long as SMTP gives a content."""
        long = isinstance(command, Retr | Top | List | Uidl)
        return self._timeouts.content_s if long else self._timeouts.command_s

    async def _write(self, data: bytes) -> Lost | None:
        try:
            async with asyncio.timeout(self._timeouts.block_s):
                self._lost = await self._stream.write(data)
        except TimeoutError:
            self._lost = Lost("timed-out")
        return self._lost

    async def _response(self, limit_s: float) -> Response | Lost:
        """The limit is for the whole response: a trickle does not extend it."""
        try:
            async with asyncio.timeout(limit_s):
                return await self._next_response()
        except TimeoutError:
            self._lost = Lost("timed-out")
            return self._lost

    async def _next_response(self) -> Response | Lost:
        while not self.over:
            event = self.client.next_event()
            if event is None:
                data = await self._stream.read()
                if isinstance(data, Lost):
                    self._lost = data
                else:
                    self.client.receive(data)
            elif isinstance(event, Closed):
                self._lost = Lost(event.reason or "closed")
            elif event.verb != "*":
                return event.response
        return self._end()

    def _hear_out(self) -> None:
        """What came before a command can't be its answer, so it is taken as asked for by nobody."""
        while not self.over and (event := self.client.next_event()) is not None:
            if isinstance(event, Closed):
                self._lost = Lost(event.reason or "closed")

    def _end(self) -> Lost:
        return self._lost or Lost("closed")


def _ender(reason: str) -> Ender:
    if reason == "closed":
        return "them"
    return "network" if reason in ("reset", "unreachable") else "us"
