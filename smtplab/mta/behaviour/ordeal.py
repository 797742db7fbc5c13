"""What befalls one session at a server: its faults, its policies and its manner, as the engine's hooks."""

from __future__ import annotations

import inspect
import random
from collections.abc import Awaitable

import msgspec

from smtplab.journal import Scope
from smtplab.mta.arrival import Arrival
from smtplab.mta.behaviour.announcing import announced_as, with_size
from smtplab.mta.behaviour.faults import Announce, Fault, SizeLie, Stage
from smtplab.mta.behaviour.injector import Injector, Occasion
from smtplab.mta.behaviour.manner import Behaviour, Verdict, reword
from smtplab.mta.behaviour.manner import Occasion as Moment
from smtplab.mta.behaviour.policy import Policies
from smtplab.mta.behaviour.suffering import Suffering, is_welcome
from smtplab.mta.receive import Decision, TakeContent
from smtplab.mta.rules import Caller, Hook, Rules, Word, answer
from smtplab.net.ports import Clock
from smtplab.smtp.refusals import too_large
from smtplab.wire.command import Command, Ehlo, Helo, Lhlo, Mail, Rcpt
from smtplab.wire.reply import Reply

_STAGE_OF_VERB: dict[str, Stage] = {
    "EHLO": "ehlo",
    "HELO": "ehlo",
    "LHLO": "ehlo",
    "STARTTLS": "tls",
    "AUTH": "auth",
    "MAIL": "mail",
    "RCPT": "rcpt",
    "DATA": "data",
    "BDAT": "data",
    "QUIT": "quit",
    "RSET": "other",
    "NOOP": "other",
    "VRFY": "other",
    "EXPN": "other",
    "HELP": "other",
    "ETRN": "other",
}

_ENGINES_OWN = frozenset({"AUTH", "NOOP", "VRFY", "EXPN", "HELP", "ETRN"})
"""No manner has words for their answers."""


class Ward(msgspec.Struct, frozen=True):
    """What all sessions of one server share."""

    name: str
    place: str
    """How the faults call this server."""
    behaviour: Behaviour
    policies: Policies
    injector: Injector
    clock: Clock
    chance: random.Random
    """For noise."""
    start_s: float = 0.0
    """On the clock, since when the faults count their time."""


class Ordeal:
    """One session's; `suffering` does to it what the faults want."""

    def __init__(self, ward: Ward, rules: Rules, scope: Scope, client: str) -> None:
        self.suffering = Suffering(ward.name, ward.chance, scope)
        self._ward = ward
        self._plain_rules = rules
        self._emit = scope
        self._client = client
        self._sender = ""
        self._recipients: tuple[str, ...] = ()
        self._judged = False
        """For the message at hand."""
        self._reputed = False
        """Nothing was found against the client."""
        self._errors = 0
        """Refusals since the last message that was taken."""
        self._waiting: tuple[Fault, ...] = ()
        """At `connect`, for the greeting to come after."""
        self._dishonoured: frozenset[str] = frozenset()
        self._size_octets_max: int | None = None
        self._faulty = ward.injector.touches(ward.place)

    def rules(self) -> Rules:
        """Those of the server, with this session's hooks."""
        hooks: dict[str, Hook] = {**self._plain_rules.hooks, **dict.fromkeys(_STAGE_OF_VERB, self._answer)}
        greet = self._greet if self._faulty else None
        return msgspec.structs.replace(
            self._plain_rules, hooks=hooks, greet=greet, phrase=self._phrased, dishonoured=lambda: self._dishonoured
        )

    def accept(self, accept: TakeContent) -> TakeContent:
        """The same, after what is done to contents here."""

        async def take(arrival: Arrival) -> Decision:
            return await self._take(arrival, accept)

        return take

    def meet(self) -> bool:
        """Is the connection reset at once? To be asked where nothing but this server makes a connection difficult; a
        delay or a silence comes before the greeting."""
        faults = self._faults("connect", Caller(self._client)) if self._faulty else ()
        if self.suffering.meets(faults):
            return True
        self._waiting = faults
        return False

    # Hooks

    def _greet(self, caller: Caller) -> Awaitable[Word | None] | None:
        waiting, faults = self._waiting, self._faults("greeting", caller)
        return self._greet_late(waiting, faults) if waiting or faults else None

    async def _greet_late(self, waiting: tuple[Fault, ...], faults: tuple[Fault, ...]) -> Word | None:
        return await self.suffering.suffer(waiting, "connect") or await self.suffering.suffer(faults, "greeting")

    def _answer(self, command: Command, caller: Caller) -> Word | Awaitable[Word | None] | None:
        self._client = caller.address
        stage = _STAGE_OF_VERB[command.verb]
        if isinstance(command, Mail):
            self._judged = False
            self._sender = "<>" if command.reverse_path is None else str(command.reverse_path)
        if self._faulty and (faults := self._faults(stage, caller, command)):
            return self._suffer_or_answer(faults, stage, command, caller)
        word = self._ordinary(command, caller)
        return self._note_later(command, word) if inspect.isawaitable(word) else self._note(command, word)

    async def _suffer_or_answer(
        self, faults: tuple[Fault, ...], stage: Stage, command: Command, caller: Caller
    ) -> Word | None:
        word = await self.suffering.suffer(faults, stage)
        if word is not None and not is_welcome(word):
            return self._note(command, word)
        ordinary = self._ordinary(command, caller)
        if inspect.isawaitable(ordinary):
            ordinary = await ordinary
        # A welcome takes the place of a welcome only: a fault opens no relay, and logs nobody in.
        return self._note(command, word if word is not None and is_welcome(ordinary) else ordinary)

    async def _take(self, arrival: Arrival, accept: TakeContent) -> Decision:
        behaviour, policies = self._ward.behaviour, self._ward.policies
        faults = self._faults("content", arrival.caller) if self._faulty else ()
        self._recipients = ()
        word = await self.suffering.suffer(faults, "content") if faults else None
        if word is not None and not is_welcome(word):
            return word
        if behaviour.content_ms:
            await self.suffering.pause(behaviour.content_ms / 1000)
        if (refusal := await self._judge_client("content")) is not None:
            return refusal
        if self._size_octets_max is not None and len(arrival.envelope.content) > self._size_octets_max:
            return self._phrased(".", too_large())
        taken = accept(arrival)
        reply = await taken if inspect.isawaitable(taken) else taken
        if not isinstance(reply, Reply) or reply.severity != 2:
            return reply
        self._ward.injector.count_message(self._ward.place, self._occasion(arrival.caller))
        policies.count_message(self._client)
        self._errors = 0
        queue_id = reply.lines[-1].rpartition(" ")[2]
        return word or reword(behaviour, ".", reply, id=queue_id, host=self._ward.name)

    # What this server is by itself

    def _ordinary(self, command: Command, caller: Caller) -> Word | Awaitable[Word | None] | None:
        if self._must_judge(command.verb.lower(), caller):
            return self._judge_first(command, caller)
        word = self._reply(command, caller)
        return word if inspect.isawaitable(word) else self._told(word)

    def _must_judge(self, moment: str, caller: Caller) -> bool:
        judges = self._ward.policies.judges_clients and not caller.user
        return judges and moment == self._ward.behaviour.judges_at and not self._judged

    async def _judge_first(self, command: Command, caller: Caller) -> Word | None:
        word = await self._judge_client(self._ward.behaviour.judges_at) or self._reply(command, caller)
        told = self._told(await word if inspect.isawaitable(word) else word)
        return await told if inspect.isawaitable(told) else told

    async def _judge_client(self, moment: Moment) -> Reply | None:
        """Once for a message, and for the client's reputation once a session; again where something was found."""
        policies, behaviour = self._ward.policies, self._ward.behaviour
        if not policies.judges_clients or moment != behaviour.judges_at or self._judged:
            return None
        opinion = await policies.judge_client(self._client, self._emit, reputed=self._reputed)
        self._judged = opinion is None
        self._reputed = self._reputed or self._judged
        if opinion is None:
            return None
        word = behaviour.verdicts[opinion.verdict]
        return word.reply(client=self._client, zone=opinion.zone, why=opinion.why)

    def _reply(self, command: Command, caller: Caller) -> Word | Awaitable[Word | None] | None:
        hook = self._plain_rules.hooks.get(command.verb)
        word = hook(command, caller) if hook is not None else None
        if word is None:
            return self._own_reply(command, caller)
        return self._own_unless(word, command, caller) if inspect.isawaitable(word) else self._worded(command, word)

    async def _own_unless(self, word: Awaitable[Word | None], command: Command, caller: Caller) -> Word | None:
        said = await word
        return self._own_reply(command, caller) if said is None else self._worded(command, said)

    def _worded(self, command: Command, word: Word) -> Word:
        if not isinstance(word, Reply):
            return word
        who = str(command.forward_path) if isinstance(command, Rcpt) else ""
        return reword(self._ward.behaviour, command.verb, word, who=who, host=self._ward.name)

    def _own_reply(self, command: Command, caller: Caller) -> Reply | None:
        if command.verb in _ENGINES_OWN and (command.verb == "AUTH" or self._ward.behaviour.enhanced):
            return None
        reply = answer(self._plain_rules, caller, command, self._ward.clock.now)
        if isinstance(command, Ehlo | Lhlo) and self._faulty:
            reply = self._announced(reply, command, caller)
        who = str(command.forward_path) if isinstance(command, Rcpt) else ""
        if who and reply.severity == 2 and not caller.user and (verdict := self._greylisted(who)):
            return self._ward.behaviour.verdicts[verdict].reply()
        return reword(self._ward.behaviour, command.verb, reply, who=who, host=self._ward.name)

    def _greylisted(self, recipient: str) -> Verdict | None:
        """Asked last: a recipient who does not exist would only fill the memory."""
        sender = "" if self._sender == "<>" else self._sender
        return self._ward.policies.judge_triplet(self._client, sender, recipient, self._emit)

    def _phrased(self, verb: str, refusal: Reply) -> Reply:
        self._errors += 1
        return reword(self._ward.behaviour, verb, refusal, host=self._ward.name)

    def _told(self, word: Word | None) -> Word | Awaitable[Word | None] | None:
        """At once, or after the tarpit."""
        if not isinstance(word, Reply):
            return word
        behaviour, pause_s = self._ward.behaviour, 0.0
        if behaviour.errors_borne is not None and self._errors >= behaviour.errors_borne:
            pause_s = behaviour.weary_s
        elif word.severity == 5:
            pause_s = behaviour.refusal_s
        if word.severity in (4, 5):
            self._errors += 1
        return self._after(pause_s, word) if pause_s else word

    async def _after(self, pause_s: float, reply: Reply) -> Reply:
        await self.suffering.pause(pause_s)
        return reply

    # What goes wrong

    def _announced(self, reply: Reply, command: Command, caller: Caller) -> Reply:
        occasion = self._occasion(caller, command)
        self._dishonoured, self._size_octets_max = frozenset(), None
        for fault in self._at("ehlo", occasion, only=Announce):
            if isinstance(fault, Announce):
                self.suffering.tell(fault, "ehlo")
                self._dishonoured = frozenset(keyword.upper() for keyword in fault.dishonour)
                reply = announced_as(reply, fault)
        for fault in self._at("ehlo", occasion, only=SizeLie):
            if isinstance(fault, SizeLie):
                self.suffering.tell(fault, "ehlo")
                self._size_octets_max = fault.real
                reply = with_size(reply, fault.announced)
        return reply

    def _faults(self, stage: Stage, caller: Caller, command: Command | None = None) -> tuple[Fault, ...]:
        return self._at(stage, self._occasion(caller, command))

    def _at(self, stage: Stage, occasion: Occasion, only: type | None = None) -> tuple[Fault, ...]:
        ward = self._ward
        return ward.injector.at(ward.place, stage, ward.clock.monotonic() - ward.start_s, occasion, only=only)

    def _occasion(self, caller: Caller, command: Command | None = None) -> Occasion:
        return Occasion(
            client=caller.address,
            recipients=(str(command.forward_path),) if isinstance(command, Rcpt) else self._recipients,
            sender=self._sender,
            helo=command.domain if isinstance(command, Ehlo | Helo | Lhlo) else caller.helo,
            user=caller.user,
            secure=caller.secure,
            session=self._emit.span,
        )

    # Where the transaction stands

    async def _note_later(self, command: Command, word: Awaitable[Word | None]) -> Word | None:
        return self._note(command, await word)

    def _note(self, command: Command, word: Word | None) -> Word | None:
        if isinstance(word, Reply) and word.severity == 2:
            if isinstance(command, Rcpt):
                self._recipients += (str(command.forward_path),)
            elif _STAGE_OF_VERB[command.verb] in ("ehlo", "mail") or command.verb == "RSET":
                self._recipients = ()
        return word
