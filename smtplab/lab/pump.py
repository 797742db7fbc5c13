"""Many messages over one session as bytes, with neither facts nor commands made of them: for where nobody listens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from smtplab.mta.outcome import Setback
from smtplab.mta.session import Session
from smtplab.net.ports import Lost
from smtplab.wire.command import Command, format_command
from smtplab.wire.reply import Reply, ReplyReader

BLOCK_OCTETS = 262_144
"""Of a content, handed on at a time, each with a limit of its own (RFC 5321 4.5.3.2.5): a line that brings less than
1.5 KB a second through is of no use."""

SMALL_OCTETS = 65_536
"""Pieces that together are no more leave in one write; above that, joining them costs more than the call it saves."""

Answers = Sequence[Reply | Lost]


class Source(Protocol):
    """Who knows what is to be sent, and is told what became of it."""

    def take_now(self) -> bool: ...

    async def take(self) -> bool: ...

    def give_back(self) -> None: ...

    def next_wire(self) -> Sequence[bytes]:
        """The next content as it goes on the wire, its final dot included, in pieces."""
        ...

    def handed_over(self) -> None: ...

    def answered(self, answer: Reply | Lost, started: float, host: str) -> None: ...

    def refused(self, setback: Setback, started: float, host: str) -> None: ...


class Pump:
    """Each content leaves with the envelope of the next message (RFC 2920 3.1)."""

    def __init__(self, source: Source, session: Session, envelope: Sequence[Command], now: Callable[[], float]) -> None:
        """`envelope`: MAIL, the RCPTs and DATA."""
        self._source = source
        self._session = session
        self._talk = session.talk
        self._stream = session.talk.stream
        self._head = b"".join(format_command(command) + b"\r\n" for command in envelope)
        self._commands = len(envelope)
        self._now = now
        self._reader = ReplyReader()
        limit = session.talk.client.extensions.limits.get("MAILMAX")
        self._left = limit or 0
        """Transactions that this session may still hold (RFC 9422); 0 where there is no such limit."""
        self._limited = bool(limit)

    async def run(self) -> None:
        """Until nothing is left to send, or the session ends."""
        if not await self._source.take():
            return
        started = self._now()
        answers: Answers = await self._ask((self._head,), self._commands)
        while True:
            setback = _setback(answers)
            if _lost(answers):
                self._source.give_back()
                return
            if setback is None:
                begun, answers = await self._hand_over(started)
            else:
                self._source.refused(setback, started, self._session.place.host)
                if not await self._clear(answers[-1]):
                    return
                begun = False
            started = self._now()
            if begun:
                continue
            if self._spent() or self._talk.over or not await self._source.take():
                return
            started = self._now()
            answers = await self._ask((self._head,), self._commands)

    async def _hand_over(self, started: float) -> tuple[bool, Answers]:
        """One content; whether another message was begun with it, and what was answered to that."""
        source = self._source
        begun = not self._spent() and source.take_now()
        pieces = source.next_wire()
        source.handed_over()
        answers = await self._ask((*pieces, self._head) if begun else pieces, 1 + (self._commands if begun else 0))
        source.answered(answers[0], started, self._session.place.host)
        if isinstance(answers[0], Lost) or answers[0].code == 421:
            return begun, answers[-1:] if begun else ()
        return begun, answers[1:]

    async def _clear(self, answer: Reply | Lost) -> bool:
        """Out of a transaction that came to nothing; a 354 without recipients wants at least a dot."""
        wanted = (b".\r\n", b"RSET\r\n") if isinstance(answer, Reply) and answer.code == 354 else (b"RSET\r\n",)
        return not any([_lost(await self._ask((line,), 1)) for line in wanted])

    async def _ask(self, pieces: Sequence[bytes], replies: int) -> list[Reply | Lost]:
        """As many answers as replies are due; after a loss it stands for all that are missing."""
        self._left -= self._head in pieces
        talk = self._talk
        try:
            lost = await self._write(pieces)
            if lost is None:
                with talk.patience.within(talk.timeouts.content_s):
                    return await self._read(replies)
        except TimeoutError:
            lost = Lost("timed-out")
        talk.lose(lost)
        # A server may refuse and close before it has read everything: then its words are already here.
        spoken = self._reader.next_reply()
        return [spoken[0] if spoken is not None else lost, *([lost] * (replies - 1))]

    async def _write(self, pieces: Sequence[bytes]) -> Lost | None:
        """Small ones together, for each write is a call to the system; large ones by the block."""
        if sum(map(len, pieces)) <= SMALL_OCTETS:
            pieces = (b"".join(pieces),)
        for piece in pieces:
            for start in range(0, len(piece), BLOCK_OCTETS):
                with self._talk.patience.within(self._talk.timeouts.block_s):
                    lost = await self._stream.write(piece[start : start + BLOCK_OCTETS])
                if lost is not None:
                    return lost
        return None

    async def _read(self, replies: int) -> list[Reply | Lost]:
        found: list[Reply | Lost] = []
        while len(found) < replies:
            read = self._reader.next_reply()
            if read is not None and not self._reader.broken:
                found.append(read[0])
                if read[0].code == 421:
                    self._talk.lose(Lost("closed"))
                    break
                continue
            data = await self._stream.read() if read is None else Lost("reply-too-long")
            if not isinstance(data, bytes) or not data:
                lost = data if isinstance(data, Lost) else Lost("closed")
                self._talk.lose(lost)
                found.append(lost)
                break
            self._reader.receive(data)
        return found + [found[-1]] * (replies - len(found))

    def _spent(self) -> bool:
        return self._limited and self._left <= 0


def _lost(answers: Answers) -> bool:
    """Or told so by a 421."""
    return any(isinstance(answer, Lost) or answer.code == 421 for answer in answers)


def _setback(answers: Answers) -> Setback | None:
    """One recipient refused of several is a message refused: each is one and the same every time, and half a success
    would count as a whole one."""
    for answer in answers[:-1]:
        if isinstance(answer, Lost) or answer.severity != 2:
            return Setback("envelope", answer)
    last = answers[-1]
    return None if isinstance(last, Reply) and last.code == 354 else Setback("data", last)
