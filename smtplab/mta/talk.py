"""A dialogue over a stream: each command passes the gate and waits for its reply, and each wait has its limit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from smtplab.events import (
    CommandSent,
    Disconnected,
    Ender,
    GateHeld,
    GateReleased,
    TlsEstablished,
    TlsFailed,
    TlsStarted,
)
from smtplab.journal import Emit
from smtplab.mta.patience import Patience
from smtplab.mta.release import Release
from smtplab.mta.timeouts import Timeouts
from smtplab.net.ports import WRITTEN, ClientTls, Lost, Stream, TlsFacts, TlsTrouble
from smtplab.smtp.client import PRDR_BEGINS, Answered, Client, Closed, RawLine
from smtplab.smtp.replies import UNASKED
from smtplab.smtp.shown import shown_line
from smtplab.wire.command import Bdat, Command, Data, Quit, Rset, format_command
from smtplab.wire.reply import Reply

if TYPE_CHECKING:
    from smtplab.smtp.scram import Binding

GROUP_MAX = 100
"""Commands written in one go. A window of 64 KiB each way holds them and their replies, so that neither side blocks
while the other one writes (RFC 2920 3.1)."""

BLOCK_OCTETS = 65536
"""Content leaves in such pieces, each with a limit of its own (RFC 5321 4.5.3.2.5)."""


Gate = Callable[[str], Awaitable[Release] | None]
"""Given the line that is about to leave, without CR LF and with secrets as `***`; None where nobody holds it."""


class Skipped(msgspec.Struct, frozen=True):
    """The gate let nothing out, or nothing that is answered."""


Outcome = Reply | Lost | Skipped


class Talk:
    """Once `over`, every step ends at once with `Lost`: a late reply must never answer the next command."""

    def __init__(
        self,
        stream: Stream,
        client: Client,
        timeouts: Timeouts,
        emit: Emit,
        gate: Gate | None = None,
        patience: Patience | None = None,
    ) -> None:
        """`patience` is that of the connection's making, whose timer goes on."""
        self.client = client
        self.timeouts = timeouts
        self.gated = gate is not None
        self._stream = stream
        self._emit = emit
        self._gate = gate
        self._lost: Lost | None = None
        self._ahead: Answered | Closed | None = None
        """Read already, not used yet."""
        self._patience = patience or Patience()
        self.binding: Binding | None = None
        """What an exchange of SCRAM can be bound to, inside TLS."""

    @property
    def stream(self) -> Stream:
        """For whoever speaks for itself for a while, and says nothing here meanwhile."""
        return self._stream

    @property
    def patience(self) -> Patience:
        """Likewise."""
        return self._patience

    def tell_to(self, emit: Emit) -> None:
        """From now on."""
        self._emit = emit
        self.client.tell_to(emit)

    def lose(self, lost: Lost) -> None:
        """Whoever spoke for itself came to this end: nothing more is said or heard."""
        self._lost = lost

    @property
    def over(self) -> bool:
        """Lost, or closed by QUIT or 421."""
        return self._lost is not None or self.client.state == "closed"

    @property
    def lost(self) -> Lost | None:
        """Why it is over, where nobody said goodbye."""
        return self._lost

    async def greeting(self) -> Reply | Lost:
        return await self._reply(self.timeouts.greeting_s)

    async def preface(self, data: bytes) -> Lost | None:
        """Bytes before the dialogue, to which nothing is answered."""
        end = b"\r\n" if data.endswith(b"\r\n") else b""
        line, raw = shown_line(data.removesuffix(end), end, show_secrets=True)
        self._emit(CommandSent("PROXY", line if raw is None else "PROXY", raw))
        return await self._write(data)

    async def ask(self, command: Command | RawLine) -> Outcome:
        """Send one command and wait for its reply. A `RawLine` is a person's own and passes no gate; it is `Skipped`
        where nothing answers it, as within a content."""
        client = self.client
        told = self._gate is None and self._ahead is None and not client.unread and type(command) is not RawLine
        if not told or self._lost is not None or client.state == "closed":
            return (await self._ask_group((command,)))[0]
        # As there, for the one command that nearly every group is; nothing has come that could answer it.
        writing = self._stream.write(client.send(command))
        lost = None if writing is WRITTEN else await self._written(writing)
        return lost or await self._wait(self._limit_s(command))

    def ask_all(self, commands: Sequence[Command | RawLine]) -> Awaitable[list[Outcome]]:
        """Send them without waiting in between (RFC 2920), then collect the reply to each."""
        return self._ask_group(commands) if len(commands) <= GROUP_MAX else self._ask_in_groups(commands)

    async def _ask_in_groups(self, commands: Sequence[Command | RawLine]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for start in range(0, len(commands), GROUP_MAX):
            outcomes += await self._ask_group(commands[start : start + GROUP_MAX])
        return outcomes

    async def respond(self, response: bytes | None) -> Reply | Lost:
        """Answer a 334; None cancels with `*` (RFC 4954 4)."""
        if self.over:
            return self._end()
        data = self.client.send(RawLine(b"*\r\n")) if response is None else self.client.send_auth(response)
        return await self._write(data) or await self._reply(self.timeouts.command_s)

    async def say(self, data: bytes) -> Lost | None:
        """By hand: any bytes, in any order; what they call forth is heard with `hear`."""
        if self._lost is not None:
            return self._lost
        return await self._write(self.client.send(RawLine(data)))

    async def hear(self, limit_s: float, *, unasked: bool = False) -> Reply | Lost:
        """The next reply, to whatever it answers; with `unasked` also one that answers nothing."""
        return self._heard(unasked=unasked) or await self._wait(limit_s, unasked=unasked)

    async def send_content(self, content: bytes) -> list[Reply | Lost]:
        """After 354. One reply, or in LMTP one for each accepted recipient; with PRDR a 353, each, and one for all."""
        if self.over:
            return [self._end()]
        return await self._replies_to_content(self.client.send_content(content))

    async def send_content_with(
        self, content: bytes, commands: Sequence[Command]
    ) -> tuple[list[Reply | Lost], list[Reply | Lost]]:
        """After 354: the content and, in the same write, what begins the next transaction (RFC 2920 3.1).

        The replies to both; no gate is asked, for nobody holds what is sent in bulk.
        """
        if self.over:
            return [self._end()], [self._end() for _ in commands]
        data = [self.client.send_content(content)]
        owed = max(1, self.client.pending)
        data += [self.client.send(command) for command in commands]
        if lost := await self._write(b"".join(data)):
            return [lost], [lost for _ in commands]
        replies = [await self._reply(self.timeouts.content_s) for _ in range(owed)]
        return replies, [await self._reply(self._limit_s(command)) for command in commands]

    async def send_chunk(self, chunk: bytes, *, last: bool) -> list[Reply | Lost] | Skipped:
        """BDAT; replies as `send_content`."""
        if self.over:
            return [self._end()]
        release = await self._pass(Bdat(len(chunk), last))
        match release.by:
            case "skipped":
                return Skipped()
            case "sent":
                data = self.client.send_chunk(chunk, last=last)
            case "edited" | "replaced":
                data = self.client.send(RawLine(release.data + chunk))
        return await self._replies_to_content(data)

    async def start_tls(self, tls: ClientTls) -> TlsFacts | TlsTrouble:
        """The handshake, after the 220 or at once; any trouble ends the dialogue."""
        self._emit(TlsStarted(tls.server_name))
        try:
            async with asyncio.timeout(self.timeouts.tls_s):
                outcome = await self._stream.start_tls(tls)
        except TimeoutError:
            outcome = TlsTrouble("timed-out")
        match outcome:
            case TlsTrouble(reason):
                self._emit(TlsFailed(reason))
                self._lost = Lost(reason, outcome.detail)
            case TlsFacts(version, cipher, chain, verified_by, problem):
                own = chain[0] if chain else None
                self._emit(TlsEstablished(version, cipher, own, verified_by, problem, chain[1:]))
                from smtplab.smtp.scram import Binding  # noqa: PLC0415 (only where there is TLS)

                self.binding = Binding("tls-server-end-point", outcome.end_point) if outcome.end_point else None
                self.client.tls_established()
        return outcome

    async def close(self) -> None:
        """Ends the connection and says how it ended."""
        self._patience.end()
        await self._stream.close()
        if self._lost is None:
            self._emit(Disconnected("us", clean=self.client.state == "closed"))
        else:
            self._emit(Disconnected(_ender(self._lost.reason), clean=False, reason=self._lost.reason))

    # One group of commands

    async def _ask_group(self, commands: Sequence[Command | RawLine]) -> list[Outcome]:
        if self.client.unread or self._ahead is not None:
            self._hear_out()
        if self._gate is not None or RawLine in map(type, commands):
            return await self._ask_by_hand(commands)
        # Nobody may change what leaves: each command has its one reply.
        if self.over:
            return [self._end()] * len(commands)
        writing = self._stream.write(b"".join([self.client.send(command) for command in commands]))
        lost = None if writing is WRITTEN else await self._written(writing)
        if lost is not None:
            return [lost] * len(commands)
        return [self._heard() or await self._wait(self._limit_s(command)) for command in commands]

    async def _ask_by_hand(self, commands: Sequence[Command | RawLine]) -> list[Outcome]:
        counts: list[int] = []
        data = b""
        for command in commands:
            before = self.client.pending
            data += await self._bytes_of(command)
            counts.append(self.client.pending - before)
        if data and (lost := await self._write(data)):
            return [lost] * len(commands)
        return [await self._last_of(command, count) for command, count in zip(commands, counts, strict=True)]

    async def _bytes_of(self, command: Command | RawLine) -> bytes:
        if self.over:
            return b""
        if isinstance(command, RawLine):
            return self.client.send(command)
        release = await self._pass(command)
        match release.by:
            case "skipped":
                return b""
            case "sent":
                return self.client.send(command)
            case "edited" | "replaced":
                return self.client.send(RawLine(release.data))

    async def _pass(self, command: Command) -> Release:
        if self._gate is None:
            return Release("sent")
        line, _ = shown_line(format_command(command), b"\r\n", show_secrets=False)
        waiting = self._gate(line)
        if waiting is None:
            return Release("sent")
        self._emit(GateHeld(line))
        release = await waiting
        shown = line if release.by == "sent" else _shown(release.data)
        self._emit(GateReleased(shown, release.by))
        return release

    async def _last_of(self, command: Command | RawLine, replies: int) -> Outcome:
        """One command has one reply; what a person put in its place may have none or several."""
        outcome: Outcome = self._end() if self.over else Skipped()
        for _ in range(replies):
            outcome = await self._reply(self._limit_s(command))
        return outcome

    def _limit_s(self, command: Command | RawLine) -> float:
        kind = type(command)
        if kind is Data:
            return self.timeouts.data_s
        return self.timeouts.quit_s if kind is Quit or kind is Rset else self.timeouts.command_s

    # Bytes

    async def _replies_to_content(self, data: bytes) -> list[Reply | Lost]:
        owed = max(1, self.client.pending)
        lost = None
        for block in _blocks(data):
            writing = self._stream.write(block)
            if writing is not WRITTEN and (lost := await self._written(writing)) is not None:
                break
        if lost is not None and lost.reason == "cut":
            return [lost]
        if lost is not None:
            # A server may refuse and close before it has read everything: then its words are already here.
            self._lost = None
            spoken = await self._reply(self.timeouts.quit_s)
            self._lost = lost
            return [spoken if isinstance(spoken, Reply) else lost]
        content_s = self.timeouts.content_s
        replies = [self._heard() or await self._wait(content_s) for _ in range(owed)]
        if isinstance(replies[0], Reply) and replies[0].code == PRDR_BEGINS:
            more = self.client.pending + (self._ahead is not None)
            replies += [await self._reply(content_s) for _ in range(more)]
        return replies

    async def _write(self, data: bytes) -> Lost | None:
        return await self._written(self._stream.write(data))

    async def _written(self, writing: Awaitable[Lost | None]) -> Lost | None:
        try:
            with self._patience.within(self.timeouts.block_s):
                self._lost = await writing
        except TimeoutError:
            self._lost = Lost("timed-out")
        return self._lost

    async def _reply(self, limit_s: float) -> Reply | Lost:
        """The limit is for the whole reply: a trickle does not extend it."""
        return self._heard() or await self._wait(limit_s)

    async def _wait(self, limit_s: float, *, unasked: bool = False) -> Reply | Lost:
        """For a reply of which something has not come yet."""
        try:
            with self._patience.within(limit_s):
                while True:
                    data = await self._stream.read()
                    if type(data) is Lost:
                        self._lost = data
                    else:
                        self.client.receive(data)
                    if (heard := self._heard(unasked=unasked)) is not None:
                        return heard
        except TimeoutError:
            self._lost = Lost("timed-out")
            return self._lost

    def _heard(self, *, unasked: bool = False) -> Reply | Lost | None:
        """The next reply, or the end, in what has come so far; None where more must come."""
        client = self.client
        while self._ahead is not None or (self._lost is None and client.state != "closed"):
            event = self._ahead or (client.next_event() if client.unread else None)
            if event is None:
                return None
            self._ahead = None
            if not isinstance(event, Answered):
                self._lost = Lost(event.reason or "closed")
            elif unasked or event.verb != UNASKED or event.reply.code == 421:
                return self._unless_endless(event.reply) if client.unread else event.reply
        return self._end()

    def _unless_endless(self, reply: Reply) -> Reply | Lost:
        """A reply that was cut off at its bound is told as it stands, and then its reader closes: it is no answer."""
        self._ahead = self.client.next_event()
        if isinstance(self._ahead, Closed) and self._ahead.reason:
            self._lost, self._ahead = Lost(self._ahead.reason), None
            return self._lost
        return reply

    def _hear_out(self) -> None:
        """What came before a command can't be its answer: all but a 421 was said to nobody."""
        while not self.over and not self.client.pending and (event := self._ahead or self.client.next_event()):
            self._ahead = None
            if isinstance(event, Closed):
                self._lost = Lost(event.reason or "closed")
            elif event.reply.code == 421:
                self._ahead = event

    def _end(self) -> Reply | Lost:
        """Why no command can be answered any more: the server's 421 where it said one."""
        if isinstance(self._ahead, Answered) and self._ahead.reply.code == 421:
            return self._ahead.reply
        return self._lost or Lost("closed")


def _blocks(data: bytes) -> Iterable[bytes]:
    if len(data) <= BLOCK_OCTETS:
        return (data,)
    return (data[start : start + BLOCK_OCTETS] for start in range(0, len(data), BLOCK_OCTETS))


def _ender(reason: str) -> Ender:
    if reason == "closed":
        return "them"
    return "network" if reason in ("reset", "unreachable") else "us"


def _shown(data: bytes) -> str:
    return data.rstrip(b"\r\n").decode("utf-8", "replace")
