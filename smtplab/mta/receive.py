"""The server's driver: carries bytes between a wire and the sans-IO server, asks the rules, hands messages on."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable

import msgspec

from smtplab.events import Authenticated, Disconnected, Ender, TlsEstablished, TlsFailed, TlsStarted
from smtplab.journal import Scope
from smtplab.mta.arrival import Accept, Arrival
from smtplab.mta.completion import missing_lines
from smtplab.mta.envelope import make_envelope, with_parameters
from smtplab.mta.login import Login
from smtplab.mta.rules import Caller, Rules, Word, answer, greeting, honoured
from smtplab.mta.trace import has_endless_header, is_looping, protocol_of
from smtplab.net.ports import Lost, Net, TlsFacts, TlsTrouble, Wire
from smtplab.smtp.server import Asked, AuthAnswered, ContentReceived, Server
from smtplab.smtp.states import HELLO_VERBS
from smtplab.wire.address import Mailbox
from smtplab.wire.command import Auth, Command, Ehlo, Helo, Lhlo, Mail, Parameters, Rcpt, XClient
from smtplab.wire.reply import Reply, make_reply
from smtplab.wire.xclient import Attributes

__all__ = ["Accept", "Arrival", "Receiver"]

UNSENT_OCTETS_MAX = 65536
"""A client that reads no replies has its commands left unanswered from here on; TCP itself holds about as much."""

EARLY_S = 0.002
"""What was sent with the connection is here by then; nobody notices so short a wait."""

_IDLE = frozenset({"NOOP", "RSET", "VRFY", "EXPN", "HELP", "ETRN"})

Decision = Word | tuple[Reply, ...]
TakeContent = Callable[[Arrival], Decision | Awaitable[Decision]]
"""As `Accept`, which always waits; what takes nothing over can answer at once."""

_Request = Asked | AuthAnswered | ContentReceived | None
"""None for the greeting, for which nobody asked."""


class Receiver:
    """A `net.ports.Handler` for one connection; make one for each. A decision is a reply or something to wait for."""

    def __init__(self, rules: Rules, net: Net, scope: Scope, accept: TakeContent) -> None:
        self._rules = rules
        self._net = net
        self._scope = scope
        self._accept = accept
        self._core = Server(
            dialect=rules.dialect,
            limits=rules.limits,
            line_endings=rules.line_endings,
            emit=scope,
            monotonic=net.clock.monotonic,
        )
        self._caller = Caller("")
        self._login = Login(rules, net.chance("sasl-challenge"))
        self._reverse_path: Mailbox | None = None
        self._smtputf8 = False
        self._parameters: Parameters = {}
        self._rcpt_parameters: dict[str, Parameters] = {}
        self._recipients: list[Mailbox] = []
        self._errors = 0
        self._idle = 0
        """Commands since the last message that bring none nearer."""
        self._delays = bool(rules.reply_delay_s)
        self._hooks = rules.hooks
        self._deciding: asyncio.Task[Decision] | None = None
        self._blocked = False
        """The client does not read our replies, so we read nothing more of what it says."""
        self._heard_at = 0.0
        self._answered_at = 0.0
        self._leaving = False
        """Nothing more is taken: we end it."""
        self._timer: asyncio.TimerHandle | None = None
        self._over = ""
        """Why we ended it, where we did."""
        self._lost: Lost | None = None
        self._clean = False
        self._handshaking = False
        self._wire: Wire
        self._loop: asyncio.AbstractEventLoop

    # Handler

    def connected(self, wire: Wire) -> None:
        self._wire = wire
        self._loop = asyncio.get_running_loop()
        self._caller.address = wire.peer.address
        self._heard_at = self._answered_at = self._loop.time()
        self._watch_the_clock()
        if self._rules.notices_early_talkers and not self._rules.implicit_tls:
            self._loop.call_later(EARLY_S, self._greet_late)
        elif not self._rules.implicit_tls:
            self._greet()

    def received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        self._core.receive(data)
        self._pump()

    def secured(self, outcome: TlsFacts | TlsTrouble) -> None:
        match outcome:
            case TlsTrouble(reason):
                self._scope(TlsFailed(reason))
                self._over = reason
                self._wire.close()
            case TlsFacts(version, cipher, chain, verified_by, problem):
                own = chain[0] if chain else None
                self._scope(TlsEstablished(version, cipher, own, verified_by, problem))
                self._core.tls_established()
                self._login.secured(outcome)
                # RFC 3207 4.2: what the client said in clear is forgotten.
                self._caller = Caller(self._caller.address, secure=True, tls=f"{version} {cipher}", tls_facts=outcome)
                self._forget_transaction()
                if self._rules.implicit_tls:
                    self._greet()

    def drained(self) -> None:
        if self._blocked:
            self._blocked = False
            self._listen_again()
        self._pump()

    def _listen_again(self) -> None:
        if not self._blocked and self._deciding is None:
            self._wire.resume()

    def ended(self, lost: Lost | None) -> None:
        """A decision under way is still carried out: its message may be taken already, its reply may still arrive."""
        if self._timer is not None:
            self._timer.cancel()
        self._clean = self._core.state == "closed"
        self._lost = lost or Lost("closed")
        self._core.receive(b"")
        self._core.next_event()
        if self._deciding is None:
            self._tell_end()

    def shut_down(self) -> None:
        """421 as soon as no decision is under way, then the end (RFC 5321 3.8). A message half received is not ours."""
        self._leaving = True
        if self._deciding is None:
            self._part("shut-down", make_reply(421, "Service shutting down", enhanced="4.3.2"))

    def _part(self, reason: str, farewell: Reply) -> None:
        """Of our own accord."""
        self._over = self._over or reason
        if self._core.state not in ("tls", "closed", "connected"):
            self._wire.write(self._core.reply(farewell))
        self._wire.close()

    def _tell_end(self) -> None:
        # A client that closed its own half still holds ours open.
        self._wire.close()
        lost = self._lost or Lost("closed")
        by: Ender = "us" if self._over or self._clean else "them" if lost.reason == "closed" else "network"
        reason = self._over or ("" if self._clean else lost.reason)
        self._scope(Disconnected(by, clean=self._clean and not reason, reason=reason))

    # Requests and decisions

    def _greet_late(self) -> None:
        if self._core.state == "connected" and not (self._leaving or self._over or self._lost):
            self._greet()

    def _greet(self) -> None:
        word = self._rules.greet(self._caller) if self._rules.greet is not None else None
        if inspect.isawaitable(word):
            self._begin(self._greeting_unless(word), None)
        else:
            self._begin(word or greeting(self._rules), None)

    async def _greeting_unless(self, word: Awaitable[Word | None]) -> Word:
        return await word or greeting(self._rules)

    def _pump(self) -> None:
        """Answers all that was asked so far, or as much as can be decided at once; what leaves is read, or nothing more
        is listened to."""
        wire = self._wire
        while wire.unsent_octets <= UNSENT_OCTETS_MAX:
            if not self._answer_some():
                return
        if not self._blocked:
            self._blocked = True
            wire.pause()

    def _answer_some(self) -> bool:
        """In one write. Is there more?"""
        core, out = self._core, b""
        while self._deciding is None and not self._leaving and len(out) <= UNSENT_OCTETS_MAX:
            request = core.next_event()
            decision: Decision | Awaitable[Decision]
            if type(request) is Asked:
                decision = request.refusal or self._answer(request.command)
                if type(decision) is Reply and not self._delays:
                    # As nearly everything is.
                    out += self._settle_command(decision, request.command)
                    continue
            elif type(request) is ContentReceived:
                decision = self._take_content(request)
            elif type(request) is AuthAnswered:
                decision = self._login.go_on(request)
            else:
                break
            out += self._begin_or_settle(decision, request)
        if out:
            self._wire.write(out)
        if core.state in ("tls", "closed") or self._handshaking:
            self._follow_state()
        return len(out) > UNSENT_OCTETS_MAX

    def _begin(self, decision: Decision | Awaitable[Decision], request: _Request) -> None:
        if out := self._begin_or_settle(decision, request):
            self._wire.write(out)
            self._pump()

    def _begin_or_settle(self, decision: Decision | Awaitable[Decision], request: _Request) -> bytes:
        if not self._delays and (type(decision) is Reply or not inspect.isawaitable(decision)):
            return self._settle(decision, request)
        self._wire.pause()
        self._deciding = self._loop.create_task(self._think(decision), name="decision")
        self._deciding.add_done_callback(lambda task: self._decided(task, request))
        return b""

    def _answer(self, command: Command) -> Word | Awaitable[Word]:
        hook = self._hooks.get(command.verb)
        word = hook(command, self._caller) if hook is not None else None
        if word is None:
            return self._ordinary(command)
        return self._ordinary_unless(word, command) if inspect.isawaitable(word) else word

    async def _ordinary_unless(self, word: Awaitable[Word | None], command: Command) -> Word:
        given = await word
        ordinary = given or self._ordinary(command)
        return await ordinary if inspect.isawaitable(ordinary) else ordinary

    def _ordinary(self, command: Command) -> Reply | Awaitable[Reply]:
        if command.verb == "AUTH" and isinstance(command, Auth):
            return self._login.begin(command)
        return answer(self._rules, self._caller, command, self._net.clock.now())

    def _take_content(self, content: ContentReceived) -> Decision | Awaitable[Decision]:
        refusal = content.refusal
        if refusal is None and is_looping(content.content, self._rules.received_max):
            refusal = make_reply(554, "Too many hops, a loop", enhanced="5.4.6")
        if refusal is None and has_endless_header(content.content, self._rules.header_octets_max):
            refusal = make_reply(552, "The header is too large", enhanced="5.3.4")
        if refusal is not None:
            return refusal
        return self._accept(self._arrival(content.content, is_ascii=content.is_ascii))

    def _arrival(self, content: bytes, *, is_ascii: bool) -> Arrival:
        envelope = make_envelope(self._reverse_path, self._recipients, content, is_ascii=is_ascii)
        if envelope.smtputf8 != self._smtputf8:
            # What the client declared holds: it is not for us to promise more or less on its behalf.
            envelope = msgspec.structs.replace(envelope, smtputf8=self._smtputf8)
        if self._parameters or self._rcpt_parameters:
            now = self._net.clock.now()
            envelope = with_parameters(envelope, self._parameters, self._rcpt_parameters, now)
        protocol = protocol_of(self._caller, self._rules.dialect, smtputf8=self._smtputf8)
        arrival = Arrival(envelope, msgspec.structs.replace(self._caller), protocol, self._scope.hop)
        if not self._rules.submission:
            return arrival
        added = missing_lines(content, self._rules.hostname, self._net.clock.now(), self._net.chance("message-id"))
        return msgspec.structs.replace(arrival, additions=added)

    # Waiting

    async def _think(self, decision: Decision | Awaitable[Decision]) -> Decision:
        if self._rules.reply_delay_s:
            await asyncio.sleep(self._rules.reply_delay_s)
        return await decision if inspect.isawaitable(decision) else decision

    def _decided(self, task: asyncio.Task[Decision], request: _Request) -> None:
        self._deciding = None
        if task.cancelled():
            return
        if task.exception() is not None:
            # A bug of ours: the client may try again, and the loop's handler shows the bug.
            self._over = "failed"
            self._wire.abort()
        if out := self._settle(task.result(), request):
            self._wire.write(out)
        self._listen_again()
        if self._leaving and self._lost is None:
            self.shut_down()
        self._pump()
        if self._lost is not None and self._deciding is None:
            self._wire.close()
            self._tell_end()

    # What an answer makes true

    def _settle(self, decision: Decision, request: _Request) -> bytes:
        """The bytes of the answer; none where the connection is dropped instead."""
        if isinstance(decision, str):
            self._over = "dropped"
            (self._wire.abort if decision == "drop" else self._wire.close)()
            return b""
        if type(request) is Asked and type(decision) is Reply:
            return self._settle_command(decision, request.command)
        self._answered_at = self._loop.time()
        replies = decision if isinstance(decision, tuple) else (decision,)
        if request is None:
            return self._core.greet(replies[0])
        if isinstance(request, ContentReceived):
            if self._rules.dialect == "lmtp" and len(replies) == 1:
                replies *= max(1, len(self._recipients))  # RFC 2033 4.2
            self._forget_transaction()
            self._idle = 0
        out = b"".join(map(self._core.reply, replies))
        if replies[0].code == 235:
            self._note_login()
        return out + self._end_where_hopeless(replies[0])

    def _settle_command(self, reply: Reply, command: Command) -> bytes:
        self._answered_at = self._loop.time()
        severity, verb = (reply.code or 0) // 100, command.verb
        if severity == 2 and verb in HELLO_VERBS:
            # RFC 5321 4.1.4: HELO, which announces nothing, takes back what an EHLO before it was told.
            self._core.offer(honoured(self._rules, self._caller, reply.lines[1:]))
        out = self._core.reply(reply)
        if severity == 2:
            self._note(command)
            if reply.code == 235:
                self._note_login()
        if verb in _IDLE:
            self._idle += 1
            self._errors += self._idle > self._rules.idle_commands_max
        if severity == 5 or verb in _IDLE:
            out += self._end_where_hopeless(reply)
        return out

    def _note(self, command: Command) -> None:
        """It was welcome."""
        # By the verb first: to ask a struct for a class that it isn't takes longer than all the rest.
        verb = command.verb
        if verb == "RCPT" and isinstance(command, Rcpt):
            self._recipients.append(command.forward_path)
            if command.parameters:
                self._rcpt_parameters.setdefault(str(command.forward_path), command.parameters)
        elif verb == "MAIL" and isinstance(command, Mail):
            self._forget_transaction()
            self._reverse_path, self._parameters = command.reverse_path, command.parameters
            self._smtputf8 = "SMTPUTF8" in command.parameters
        elif verb in HELLO_VERBS and isinstance(command, Ehlo | Lhlo | Helo):
            self._caller.helo, self._caller.extended = command.domain, verb != "HELO"
            self._forget_transaction()
        elif verb == "XCLIENT" and isinstance(command, XClient):
            self._become(command.attributes)
        elif self._core.state == "ready":
            self._forget_transaction()

    def _note_login(self) -> None:
        if self._login.user:
            self._caller.user = self._login.user
            self._scope(Authenticated(self._login.mechanism, self._login.user))

    def _become(self, attributes: Attributes) -> None:
        """XCLIENT: what it does not name stays as it was (Postfix's XCLIENT_README)."""
        old, self._caller = self._caller, msgspec.structs.replace(self._caller, claimed=True)
        self._caller.address = attributes.get("ADDR", old.address) or "unknown"
        self._caller.name = attributes.get("NAME", old.name) or ""
        self._caller.helo = attributes.get("HELO", old.helo) or ""
        self._caller.user = attributes.get("LOGIN", old.user) or ""
        self._login.forget()
        self._forget_transaction()
        self._core.begin_anew()
        if self._caller.user != old.user and self._caller.user:
            self._scope(Authenticated("XCLIENT", self._caller.user))

    def _end_where_hopeless(self, reply: Reply) -> bytes:
        self._errors += reply.severity == 5
        if self._errors < self._rules.errors_max or self._core.state == "closed":
            return b""
        self._over = "too-many-errors"
        return self._core.reply(make_reply(421, "Too many errors", enhanced="4.7.0"))

    def _forget_transaction(self) -> None:
        self._reverse_path, self._smtputf8, self._recipients = None, False, []
        self._parameters, self._rcpt_parameters = {}, {}

    def _follow_state(self) -> None:
        if self._core.state == "closed":
            self._wire.close()
        elif self._core.state != "tls":
            self._handshaking = False
        elif not self._handshaking and self._rules.tls is not None:
            self._handshaking = True
            self._scope(TlsStarted(""))
            self._wire.start_tls(self._rules.tls)

    # Time

    def _watch_the_clock(self) -> None:
        """A command must be whole in the time that one may wait for it: a client that drips is as silent as one that
        says nothing. Content may drip as long as something comes, up to a bound of its own."""
        until = self._answered_at + self._rules.command_timeout_s
        if self._core.in_message:
            until = min(
                self._heard_at + self._rules.command_timeout_s, self._answered_at + self._rules.message_timeout_s
            )
        left_s = until - self._loop.time()
        if left_s > 0 or self._deciding is not None:
            self._timer = self._loop.call_later(max(left_s, 1.0), self._watch_the_clock)
            return
        self._part("timed-out", make_reply(421, "Timed out waiting for a command", enhanced="4.4.2"))
