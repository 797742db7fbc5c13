"""The server's driver: carries bytes between a wire and the sans-IO server, asks the rules, hands messages on."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable

from smtplab.events import Disconnected, Ender, TlsEstablished, TlsFailed, TlsStarted
from smtplab.journal import Scope
from smtplab.mta.arrival import Accept, Arrival
from smtplab.mta.rules import Caller, Rules, Word, answer, greeting
from smtplab.mta.trace import has_endless_header, is_looping
from smtplab.mta.visit import Visit
from smtplab.net.ports import Lost, Net, TlsFacts, TlsTrouble, Wire
from smtplab.smtp.server import Asked, AuthAnswered, ContentReceived, Request, Server
from smtplab.wire.command import Auth, Command
from smtplab.wire.reply import Reply, make_reply

__all__ = ["Accept", "Arrival", "Receiver"]

EARLY_S = 0.002
"""What was sent with the connection is here by then; nobody notices so short a wait."""

Decision = Word | tuple[Reply, ...]
TakeContent = Callable[[Arrival], Decision | Awaitable[Decision]]
"""As `Accept`, which always waits; what takes nothing over can answer at once."""

TURN_OCTETS = 8192
"""Of replies in one turn of the loop, some three hundred: ten milliseconds, and then others have theirs."""

_FOLLOWED = frozenset({"tls", "closed"})
"""States in which there is something to do."""

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
        self._visit = Visit(rules, self._core, net, scope)
        self._delays = bool(rules.reply_delay_s)
        self._hooks = rules.hooks
        self._now = net.clock.now
        self._deciding: asyncio.Task[Decision] | None = None
        self._blocked = False
        """The client does not read our replies, or has had its turn, so we read nothing more of what it says."""
        self._leaving = False
        """Nothing more is taken: we end it."""
        self._timer: asyncio.TimerHandle | None = None
        self._lost: Lost | None = None
        self._clean = False
        self._handshaking = False
        self._wire: Wire
        self._loop: asyncio.AbstractEventLoop

    # Handler

    def connected(self, wire: Wire) -> None:
        self._wire = wire
        self._loop = asyncio.get_running_loop()
        self._visit.caller = Caller(wire.peer.address)
        self._watch_the_clock()
        if self._rules.notices_early_talkers and not self._rules.implicit_tls:
            self._loop.call_later(EARLY_S, self._greet_late)
        elif not self._rules.implicit_tls:
            self._greet()

    def received(self, data: bytes) -> None:
        if self._deciding or self._leaving or self._blocked:
            self._core.receive(data)
        elif self._answer_some(self._core.hear(data)):
            self._let_others()

    def secured(self, outcome: TlsFacts | TlsTrouble) -> None:
        match outcome:
            case TlsTrouble(reason):
                self._scope(TlsFailed(reason))
                if reason != "closed":
                    self._visit.over = reason
                self._wire.close()
            case TlsFacts(version, cipher, chain, verified_by, problem):
                own = chain[0] if chain else None
                self._scope(TlsEstablished(version, cipher, own, verified_by, problem))
                self._core.tls_established()
                self._handshaking = False
                self._visit.secured(outcome)
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
        if not (self._visit.over or self._handshaking):
            # Whoever was sent away, or hangs up in a handshake, can't say QUIT.
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
        self._visit.over = self._visit.over or reason
        if self._core.state not in ("tls", "closed", "connected"):
            self._wire.write(self._core.reply(farewell))
        self._wire.close()

    def _tell_end(self) -> None:
        # A client that closed its own half still holds ours open.
        self._wire.close()
        lost = self._lost or Lost("closed")
        by: Ender = "us" if self._visit.over or self._clean else "them" if lost.reason == "closed" else "network"
        reason = self._visit.over or ("" if self._clean else lost.reason)
        self._scope(Disconnected(by, clean=self._clean and not reason, reason=reason))

    # Requests and decisions

    def _greet_late(self) -> None:
        if self._core.state == "connected" and not (self._leaving or self._visit.over or self._lost):
            self._greet()

    def _greet(self) -> None:
        word = self._rules.greet(self._visit.caller) if self._rules.greet is not None else None
        if inspect.isawaitable(word):
            self._begin(self._greeting_unless(word), None)
        else:
            self._begin(word or greeting(self._rules), None)

    async def _greeting_unless(self, word: Awaitable[Word | None]) -> Word:
        return await word or greeting(self._rules)

    def _pump(self) -> None:
        """Answers what was asked so far, where nothing stands against it now."""
        if self._deciding or self._leaving or self._blocked:
            return
        if self._answer_some(self._core.next_event()):
            self._let_others()

    def _let_others(self) -> None:
        """There is more than is answered in one turn of the loop."""
        if not self._blocked:
            self._hold_back()
            self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        if self._lost is None:
            self.drained()

    def _answer_some(self, request: Request | None) -> bool:
        """This and what else was asked so far, or as much as can be decided at once, in one write; what leaves is read,
        or nothing more is listened to. Is there more?"""
        core, visit, out = self._core, self._visit, b""
        while request is not None:
            decision: Decision | Awaitable[Decision]
            if type(request) is Asked:
                refusal = request.refusal
                decision = self._answer(request) if refusal is None else self._phrased(request.verb, refusal)
            elif type(request) is ContentReceived:
                decision = self._take_content(request)
            elif type(request) is AuthAnswered:
                decision = visit.login.go_on(request)
            else:
                break
            if type(decision) is Reply and not self._delays:
                # As nearly everything is.
                out += visit.settle(decision, request, True)
            else:
                out += self._begin_or_settle(decision, request)
            if len(out) > TURN_OCTETS:
                self._write(out)
                return True
            request = core.next_event()  # None as long as a decision is waited for
        if out:
            wire = self._wire
            wire.write(out)
            if wire.full:
                self._hold_back()
        if core.state in _FOLLOWED:
            self._follow_state()
        return False

    def _write(self, out: bytes) -> None:
        self._wire.write(out)
        if self._wire.full:
            self._hold_back()

    def _hold_back(self) -> None:
        if not self._blocked:
            self._blocked = True
            self._wire.pause()

    def _begin(self, decision: Decision | Awaitable[Decision], request: _Request) -> None:
        if out := self._begin_or_settle(decision, request):
            self._write(out)
            self._pump()

    def _begin_or_settle(self, decision: Decision | Awaitable[Decision], request: _Request) -> bytes:
        if not self._delays and (type(decision) is Reply or not inspect.isawaitable(decision)):
            return self._settle(decision, request, True)
        self._wire.pause()
        self._deciding = self._loop.create_task(self._think(decision), name="decision")
        self._deciding.add_done_callback(lambda task: self._decided(task, request))
        return b""

    def _answer(self, asked: Asked) -> Word | Awaitable[Word]:
        command, hook = asked.command, self._hooks.get(asked.verb)
        word = hook(command, self._visit.caller) if hook is not None else None
        if word is None:
            if type(command) is Auth:
                return self._visit.login.begin(command)
            return answer(self._rules, self._visit.caller, command, self._now)
        return self._ordinary_unless(word, command) if inspect.isawaitable(word) else word

    async def _ordinary_unless(self, word: Awaitable[Word | None], command: Command) -> Word:
        given = await word
        if given is None and type(command) is Auth:
            begun = self._visit.login.begin(command)
            return await begun if inspect.isawaitable(begun) else begun
        return given or answer(self._rules, self._visit.caller, command, self._now)

    def _take_content(self, content: ContentReceived) -> Decision | Awaitable[Decision]:
        refusal = content.refusal
        if refusal is None and is_looping(content.content, self._rules.received_max):
            refusal = make_reply(554, "Too many hops, a loop", enhanced="5.4.6")
        if refusal is None and has_endless_header(content.content, self._rules.header_octets_max):
            refusal = make_reply(552, "The header is too large", enhanced="5.3.4")
        if refusal is not None:
            return self._phrased(".", refusal)
        return self._accept(self._visit.arrival(content))

    def _phrased(self, verb: str, refusal: Reply) -> Reply:
        return refusal if self._rules.phrase is None else self._rules.phrase(verb, refusal)

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
            self._visit.over = "failed"
            self._wire.abort()
        if out := self._settle(task.result(), request):
            self._write(out)
        self._listen_again()
        if self._leaving and self._lost is None:
            self.shut_down()
        self._pump()
        if self._lost is not None and self._deciding is None:
            self._wire.close()
            self._tell_end()

    def _settle(self, decision: Decision, request: _Request, at_once: bool = False) -> bytes:
        """The bytes of the answer; none where the connection is dropped instead."""
        if isinstance(decision, str):
            if self._lost is None:
                self._visit.over = "dropped"
            (self._wire.abort if decision == "drop" else self._wire.close)()
            return b""
        replies = decision if isinstance(decision, tuple) else (decision,)
        if request is None:
            return self._core.greet(replies[0])
        if type(request) is ContentReceived and len(replies) > 1:
            return self._visit.settle_content(replies, at_once)
        return self._visit.settle(replies[0], request, at_once)

    def _follow_state(self) -> None:
        if self._core.state == "closed":
            self._wire.close()
        elif not self._handshaking and self._rules.tls is not None:
            self._handshaking = True
            self._scope(TlsStarted(""))
            self._wire.start_tls(self._rules.tls)

    # Time

    def _watch_the_clock(self) -> None:
        """A command must be whole in the time that one may wait for it: a client that drips is as silent as one that
        says nothing. Content may drip as long as something comes, up to a bound of its own."""
        core, rules = self._core, self._rules
        until = core.answered_at + rules.command_timeout_s
        if core.in_message:
            heard_at = max(core.heard_at, core.answered_at)
            until = min(heard_at + rules.command_timeout_s, core.answered_at + rules.message_timeout_s)
        left_s = until - self._net.clock.monotonic()
        if left_s > 0 or self._deciding is not None:
            self._timer = self._loop.call_later(max(left_s, 1.0), self._watch_the_clock)
            return
        self._part("timed-out", make_reply(421, "Timed out waiting for a command", enhanced="4.4.2"))
