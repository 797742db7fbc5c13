"""What befalls one session at a server of a world: its faults, its policies and its manner, as the engine's hooks."""

from __future__ import annotations

import asyncio
import inspect
import random
from collections.abc import Awaitable, Callable

import msgspec

from smtplab.events import FaultInjected
from smtplab.journal import Scope
from smtplab.mta.arrival import Accept, Arrival
from smtplab.mta.behaviour.faults import (
    BrokenReply,
    Delay,
    DiskFull,
    Drip,
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
from smtplab.mta.behaviour.injector import Injector, Occasion
from smtplab.mta.behaviour.manner import Behaviour, Verdict, reword
from smtplab.mta.behaviour.manner import Occasion as Moment
from smtplab.mta.behaviour.policy import Policies
from smtplab.mta.behaviour.spoil import Spoil, spoil_of
from smtplab.mta.rules import Caller, Rules, Word, answer
from smtplab.net.ports import Clock
from smtplab.wire.command import Auth, Command, Mail, Rcpt
from smtplab.wire.reply import Reply, make_reply

_STAGE_OF_VERB: dict[str, Stage] = {
    "EHLO": "ehlo",
    "HELO": "ehlo",
    "STARTTLS": "tls",
    "AUTH": "auth",
    "MAIL": "mail",
    "RCPT": "rcpt",
    "DATA": "data",
    "BDAT": "data",
    "QUIT": "quit",
}
VERBS = (*_STAGE_OF_VERB, "RSET")

_BUSY = make_reply(451, "Local trouble", enhanced="4.3.0")

_REFUSALS: dict[Stage, Reply] = {
    "greeting": make_reply(554, "No mail service here"),
    "ehlo": make_reply(550, "Your name is not welcome"),
    "tls": make_reply(454, "TLS not available", enhanced="4.7.0"),
    "auth": make_reply(535, "Authentication failed", enhanced="5.7.8"),
    "mail": make_reply(550, "Sender refused", enhanced="5.7.1"),
    "rcpt": make_reply(550, "Recipient refused", enhanced="5.7.1"),
    "data": make_reply(554, "No message wanted", enhanced="5.5.0"),
    "content": make_reply(554, "Content refused", enhanced="5.6.0"),
    "quit": make_reply(502, "Stay a while", enhanced="5.5.1"),
}


class Ward(msgspec.Struct, frozen=True):
    """What all sessions of one server share."""

    name: str
    behaviour: Behaviour
    policies: Policies
    injector: Injector
    clock: Clock
    chance: random.Random
    """For noise."""
    local_hook: Callable[[Command, Caller], Reply | None]
    """Answers for what this very host is: a full mailbox, a server of 1982."""


class Ordeal:
    """One session's. `spoil` is what is to be done to the next reply on its way out; the wire takes it from here."""

    def __init__(self, ward: Ward, rules: Rules, scope: Scope, client: str) -> None:
        self.gone = asyncio.Event()
        """To be set once the client has left, so that a silence has an end."""
        self.spoil: Spoil | None = None
        self.listen: Callable[[], None] = _already_listening
        """Reads on from the client, whom the engine leaves unheard while it decides: a silence must notice its end."""
        self._ward = ward
        self._plain_rules = rules
        self._emit = scope
        self._client = client
        self._sender = ""
        self._judged = False
        self._faulty = ward.injector.touches(ward.name)

    def rules(self) -> Rules:
        """Those of the server, with this session's hooks."""
        greet = self._greet if self._faulty else None
        return msgspec.structs.replace(self._plain_rules, hooks=dict.fromkeys(VERBS, self._answer), greet=greet)

    def accept(self, accept: Accept) -> Accept:
        """The same, after what is done to contents here."""

        async def take(arrival: Arrival) -> Word | tuple[Reply, ...]:
            return await self._take(arrival, accept)

        return take

    # Hooks

    def _greet(self, caller: Caller) -> Awaitable[Word | None] | None:
        del caller
        faults = self._faults("greeting")
        return self._suffer(faults, "greeting") if faults else None

    def _answer(self, command: Command, caller: Caller) -> Word | Awaitable[Word | None] | None:
        stage = _STAGE_OF_VERB.get(command.verb)
        if self._faulty and stage is not None:
            recipient = str(command.forward_path) if isinstance(command, Rcpt) else ""
            if faults := self._faults(stage, recipient):
                return self._suffer_or_answer(faults, stage, command, caller)
        return self._ordinary(command, caller)

    async def _suffer_or_answer(
        self, faults: tuple[Fault, ...], stage: Stage, command: Command, caller: Caller
    ) -> Word | None:
        word = await self._suffer(faults, stage)
        if word is not None:
            return word
        ordinary = self._ordinary(command, caller)
        return await ordinary if inspect.isawaitable(ordinary) else ordinary

    async def _take(self, arrival: Arrival, accept: Accept) -> Word | tuple[Reply, ...]:
        behaviour, policies = self._ward.behaviour, self._ward.policies
        faults = self._faults("content") if self._faulty else ()
        if faults and (word := await self._suffer(faults, "content")) is not None:
            return word
        if behaviour.content_ms:
            await asyncio.sleep(behaviour.content_ms / 1000)
        if (refusal := await self._judge_client("content")) is not None:
            return refusal
        reply = await accept(arrival)
        if not isinstance(reply, Reply) or reply.severity != 2:
            return reply
        self._ward.injector.count_message(self._ward.name)
        policies.count_message(self._client)
        queue_id = reply.lines[-1].rpartition(" ")[2]
        return reword(behaviour, ".", reply, id=queue_id, host=self._ward.name)

    # What this server is by itself

    def _ordinary(self, command: Command, caller: Caller) -> Word | Awaitable[Word | None] | None:
        if isinstance(command, Auth):
            return None
        if isinstance(command, Mail):
            self._sender = "" if command.reverse_path is None else str(command.reverse_path)
        if self._must_judge(command.verb.lower(), caller):
            return self._judge_first(command, caller)
        return self._told(command, self._reply(command, caller))

    def _must_judge(self, moment: str, caller: Caller) -> bool:
        judges = self._ward.policies.judges_clients and not caller.user
        return judges and moment == self._ward.behaviour.judges_at and not self._judged

    async def _judge_first(self, command: Command, caller: Caller) -> Word:
        refusal = await self._judge_client(self._ward.behaviour.judges_at)
        word = self._told(command, refusal or self._reply(command, caller))
        return await word if inspect.isawaitable(word) else word

    async def _judge_client(self, moment: Moment) -> Reply | None:
        """Once a session, and only where nothing was found against it."""
        policies, behaviour = self._ward.policies, self._ward.behaviour
        if not policies.judges_clients or moment != behaviour.judges_at or self._judged:
            return None
        verdict = await policies.judge_client(self._client, self._emit)
        self._judged = verdict is None
        return None if verdict is None else behaviour.verdicts[verdict].reply()

    def _reply(self, command: Command, caller: Caller) -> Reply:
        special = self._ward.local_hook(command, caller)
        if special is not None:
            return special
        reply = answer(self._plain_rules, caller, command)
        who = str(command.forward_path) if isinstance(command, Rcpt) else ""
        if who and reply.severity == 2 and not caller.user and (verdict := self._greylisted(who)):
            return self._ward.behaviour.verdicts[verdict].reply()
        return reword(self._ward.behaviour, command.verb, reply, who=who, host=self._ward.name)

    def _greylisted(self, recipient: str) -> Verdict | None:
        """Asked last: a recipient who does not exist would only fill the memory."""
        return self._ward.policies.judge_triplet(self._client, self._sender, recipient, self._emit)

    def _told(self, command: Command, reply: Reply) -> Reply | Awaitable[Reply]:
        """At once, or after the tarpit."""
        del command
        pause_s = self._ward.behaviour.refusal_s
        return _after(pause_s, reply) if reply.severity == 5 and pause_s else reply

    # What goes wrong

    def _faults(self, stage: Stage, recipient: str = "") -> tuple[Fault, ...]:
        ward = self._ward
        return ward.injector.at(ward.name, stage, ward.clock.monotonic(), Occasion(self._client, recipient))

    async def _suffer(self, faults: tuple[Fault, ...], stage: Stage) -> Word | None:
        """None where the ordinary answer follows, late or spoilt as it may be."""
        word: Word | None = None
        for fault in faults:
            self._emit(FaultInjected(name_of(fault), f"{self._ward.name}/{stage}"))
            match fault:
                case Delay(seconds=seconds):
                    await asyncio.sleep(seconds)
                case Silence():
                    self.listen()
                    await self.gone.wait()
                    return "drop"
                case _:
                    word = self._word_of(fault, stage)
        return word

    def _word_of(self, fault: Fault, stage: Stage) -> Word | None:
        match fault:
            case Reset():
                return "drop"
            case Refuse():
                return _REFUSALS[stage]
            case WrongReply(code=code, text=text, enhanced=enhanced):
                return make_reply(code, text, enhanced=enhanced or None)
            case Shutdown():
                return make_reply(421, "Enough for now, closing", enhanced="4.3.2")
            case DiskFull():
                return make_reply(452, "Insufficient storage", enhanced="4.3.1")
            case Drip() | Garble() | BrokenReply():
                self.spoil = spoil_of(fault, self._ward.chance)
                # A reply that may not be understood must not be one that took a recipient or the message: the client
                # would try again what was done already.
                return _BUSY if stage in ("rcpt", "content") and not isinstance(fault, Drip) else None
            case _:
                return None


def _already_listening() -> None:
    pass


async def _after(pause_s: float, reply: Reply) -> Reply:
    await asyncio.sleep(pause_s)
    return reply
