"""Does faults to one session: it waits, puts another word in the place of an answer, and has the next reply spoilt."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from smtplab.events import FaultInjected
from smtplab.journal import Scope
from smtplab.mta.behaviour.faults import (
    BrokenReply,
    Delay,
    DiskFull,
    Drip,
    Drop,
    Fault,
    Garble,
    Refuse,
    Reset,
    Shutdown,
    Silence,
    Stage,
    WrongReply,
    name_of,
)
from smtplab.mta.behaviour.spoil import Spoil, spoil_of
from smtplab.mta.rules import Word
from smtplab.wire.reply import Reply, make_reply

_BUSY = make_reply(451, "Local trouble", enhanced="4.3.0")
_CLOSING = make_reply(421, "Enough for now, closing", enhanced="4.3.2")
_DISK_FULL = make_reply(452, "Insufficient storage", enhanced="4.3.1")

_REFUSALS: dict[Stage, Word] = {
    "connect": "drop",  # Whoever listens can't refuse a connection that is there.
    "greeting": make_reply(554, "No mail service here"),
    "ehlo": make_reply(550, "Your name is not welcome"),
    "tls": make_reply(454, "TLS not available", enhanced="4.7.0"),
    "auth": make_reply(535, "Authentication failed", enhanced="5.7.8"),
    "mail": make_reply(550, "Sender refused", enhanced="5.7.1"),
    "rcpt": make_reply(550, "Recipient refused", enhanced="5.7.1"),
    "data": make_reply(554, "No message wanted", enhanced="5.5.0"),
    "content": make_reply(554, "Content refused", enhanced="5.6.0"),
    "quit": make_reply(502, "Stay a while", enhanced="5.5.1"),
    "other": make_reply(502, "Not for you", enhanced="5.5.1"),
}


class Suffering:
    """One session's. `spoil` is what is to be done to the next reply on its way out; the wire takes it from here."""

    def __init__(self, server: str, chance: random.Random, emit: Scope) -> None:
        """`chance` is for noise."""
        self.spoil: Spoil | None = None
        self.listen: Callable[[], None] = _already_listening
        """Reads on from the client, whom the engine leaves unheard while it decides: a silence must notice its end."""
        self._server = server
        self._chance = chance
        self._emit = emit
        self._gone = asyncio.Event()
        """The client has left, so that a silence has an end."""
        self._pause: asyncio.Future[None] | None = None
        self._leaving = False

    def end(self) -> None:
        """The client has gone. A delay goes on: the server that it stands for would not notice either (RFC 1047)."""
        self._gone.set()

    def leave(self) -> None:
        """The server is going: nothing is waited for any more."""
        self._leaving = True
        self._gone.set()
        if self._pause is not None and not self._pause.done():
            self._pause.set_result(None)

    def tell(self, fault: Fault, stage: Stage) -> None:
        """It acts."""
        self._emit(FaultInjected(name_of(fault), f"{self._server}/{stage}"))

    def meets(self, faults: tuple[Fault, ...]) -> bool:
        """At `connect`: is there one that resets it? The others are for `suffer`."""
        resets = [fault for fault in faults if isinstance(fault, Refuse | Reset | Drop)]
        for fault in resets:
            self.tell(fault, "connect")
        return bool(resets)

    async def pause(self, seconds: float) -> None:
        """Not beyond the server's own end."""
        if seconds <= 0 or self._leaving:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        self._pause = waiting = loop.create_future()
        timer = loop.call_later(seconds, _over, waiting)
        try:
            await waiting
        finally:
            timer.cancel()
            self._pause = None

    async def suffer(self, faults: tuple[Fault, ...], stage: Stage) -> Word | None:
        """None where the ordinary answer follows, late or spoilt as it may be."""
        word: Word | None = None
        for fault in faults:
            self.tell(fault, stage)
            match fault:
                case Delay(seconds=seconds):
                    await self.pause(seconds)
                case Silence():
                    self.listen()
                    await self._gone.wait()
                    return "drop"
                case _:
                    word = self._word_of(fault, stage)
        return word

    def _word_of(self, fault: Fault, stage: Stage) -> Word | None:
        match fault:
            case Reset():
                return "drop"
            case Drop():
                return "close"
            case Refuse():
                return _REFUSALS[stage]
            case WrongReply(code=code, text=text, enhanced=enhanced):
                return make_reply(code, *(text.splitlines() or [""]), enhanced=enhanced or None)
            case Shutdown():
                return _CLOSING
            case DiskFull():
                return _DISK_FULL
            case Drip() | Garble() | BrokenReply():
                self.spoil = spoil_of(fault, self._chance)
                # A reply that may not be understood must not be one that took a recipient or the message: the client
                # would try again what was done already.
                return _BUSY if stage in ("rcpt", "content") and not isinstance(fault, Drip) else None
            case _:
                return None


def is_welcome(word: Word | None) -> bool:
    """2xx or 3xx: what lets a client go on."""
    return isinstance(word, Reply) and word.severity in (2, 3)


def _over(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


def _already_listening() -> None:
    pass
