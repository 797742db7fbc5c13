"""The POP3 server's driver: carries bytes between a wire and the sans-IO server, knows users, opens maildrops."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable

from smtplab.events import Authenticated, Disconnected, Ender, MailCollected, TlsEstablished, TlsFailed, TlsStarted
from smtplab.journal import Scope
from smtplab.mta.mailbox_port import MailboxPort, NotLocked
from smtplab.mta.maildrop.login import LoginStep, MaildropLogin
from smtplab.mta.maildrop.rules import MaildropRules, capabilities
from smtplab.mta.scan import Answerable, Scan
from smtplab.net.ports import Lost, Net, TlsFacts, TlsTrouble, Wire
from smtplab.pop3.capability import Capabilities
from smtplab.pop3.command import Apop, Auth, Capa, Command, Noop, Pass, Quit, Retr, Stls, Top, User
from smtplab.pop3.response import LONG_OCTETS, LongContent, Response, err, of_lines, ok
from smtplab.pop3.server import Asked, AuthAnswered, ClientGone, Server
from smtplab.smtp.sasl_steps import Denied, Identified

__all__ = ["MaildropRules", "MaildropServer"]

UNSENT_OCTETS_MAX = 65536
"""A client that reads no responses has its commands left unanswered from here on; TCP itself holds about as much."""

TURN_OCTETS = 2048
"""Of responses in one turn of the loop, four hundred of the shortest: then others have theirs."""

Decision = Response | Awaitable[Response]


class MaildropServer:
    """A `net.ports.Handler` for one connection; make one for each. Its facts all stand in the stage `collect`."""

    def __init__(self, rules: MaildropRules, mailboxes: MailboxPort, net: Net, scope: Scope) -> None:
        self._rules = rules
        self._mailboxes = mailboxes
        self._scope = scope.all_in("collect")
        self._core = Server(limits=rules.limits, emit=self._scope, monotonic=net.clock.monotonic)
        nonce = net.chance("pop3-timestamp").getrandbits(64)
        self._timestamp = f"<{nonce:x}@{rules.hostname}>"
        self._login = MaildropLogin(rules, self._timestamp)
        self._user = ""
        self._scan: Scan | None = None
        """Once somebody was let in."""
        self._failures = 0
        self._errors = 0
        self._blocked = False
        """The client does not read our responses, or has had its turn, so we read nothing more of what it says."""
        self._deciding: asyncio.Task[Response] | None = None
        self._sending: LongContent | None = None
        """A response whose content has not all left yet."""
        self._collected: MailCollected | None = None
        """To be told once it has."""
        self._heard_at = 0.0
        self._unsent_octets = 0
        self._timer: asyncio.TimerHandle | None = None
        self._over = ""
        """Why we ended it, where we did."""
        self._lost: Lost | None = None
        self._handshaking = False
        self._wire: Wire

    # Handler

    def connected(self, wire: Wire) -> None:
        self._wire = wire
        self._heard_at = asyncio.get_running_loop().time()
        self._watch_the_clock()
        self._offer()
        if not self._rules.implicit_tls:
            self._greet()

    def received(self, data: bytes) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        self._core.receive(data)
        self._pump()

    def secured(self, outcome: TlsFacts | TlsTrouble) -> None:
        match outcome:
            case TlsTrouble(reason):
                self._scope(TlsFailed(reason))
                self._end(reason)
            case TlsFacts(version, cipher, chain, verified_by, problem):
                own = chain[0] if chain else None
                self._scope(TlsEstablished(version, cipher, own, verified_by, problem))
                self._core.tls_established()
                # RFC 2595 4: what the client said in clear is forgotten.
                self._login.forget()
                self._offer()
                if self._rules.implicit_tls:
                    self._greet()

    def drained(self) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        if self._blocked:
            self._blocked = False
            self._listen_again()
        if self._sending is not None:
            self._send_on()
        else:
            self._pump()

    def ended(self, lost: Lost | None) -> None:
        """A decision under way is still carried out: after QUIT, what was marked is removed whoever still listens."""
        if self._timer is not None:
            self._timer.cancel()
        self._lost, self._sending = lost or Lost("closed"), None
        self._core.receive(b"")
        self._core.next_event()
        if self._deciding is None:
            self._tell_end()

    def shut_down(self) -> None:
        """As soon as nothing is under way; what was marked stays (RFC 1939 6)."""
        if not self._busy:
            self._end("shut-down")
        else:
            self._over = "shut-down"

    def _tell_end(self) -> None:
        self._release()
        lost = self._lost or Lost("closed")
        clean = self._core.state == "closed"
        by: Ender = "us" if self._over or clean else "them" if lost.reason == "closed" else "network"
        reason = self._over or ("" if clean else lost.reason)
        self._scope(Disconnected(by, clean=clean and not reason, reason=reason))
        self._wire.close()

    # Requests and decisions

    def _greet(self) -> None:
        text = self._rules.banner.replace("{host}", self._rules.hostname)
        # RFC 1939 7: the timestamp is how a server announces APOP.
        self._wire.write(self._core.greet(ok(f"{text} {self._timestamp}" if self._rules.apop else text)))
        self._pump()

    def _pump(self) -> None:
        """Answers what was asked so far, in turns; what leaves is read, or nothing more is listened to."""
        more = self._answer_some()
        full = self._wire.unsent_octets > UNSENT_OCTETS_MAX
        if (more or full) and not self._blocked:
            self._blocked = True
            self._wire.pause()
            if not full:
                asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        """Others have had their turn."""
        if self._lost is None:
            self._blocked = False
            self._listen_again()
            self._pump()

    def _answer_some(self) -> bool:
        """In one write. Is there more?"""
        if self._wire.unsent_octets > UNSENT_OCTETS_MAX:
            return False
        out = b""
        while not (self._busy or self._over) and len(out) <= TURN_OCTETS:
            request = self._core.next_event()
            if request is None or isinstance(request, ClientGone):
                break
            decision = self._decision(request)
            if isinstance(decision, Response):
                out += self._settle(decision, request)
            else:
                self._wait_for(decision, request)
        self._write(out)
        self._follow_state()
        return len(out) > TURN_OCTETS

    @property
    def _busy(self) -> bool:
        """With one request: the next one waits."""
        return self._deciding is not None or self._sending is not None

    def _listen_again(self) -> None:
        if not (self._blocked or self._busy):
            self._wire.resume()

    def _send_on(self) -> None:
        """A piece of what is left; the next one in another turn of the loop, and as soon as the client has room."""
        if self._sending is None:
            return
        if piece := self._sending.next_piece():
            self._write(piece)
            if self._wire.unsent_octets <= UNSENT_OCTETS_MAX:
                asyncio.get_running_loop().call_soon(self._send_on)
            return
        self._core.content_left(self._sending)
        collected, self._sending, self._collected = self._collected, None, None
        if collected is not None:
            self._scope(collected)
        self._follow_state()
        self._listen_again()
        self._pump()

    def _wait_for(self, decision: Awaitable[Response], request: Asked | AuthAnswered) -> None:
        self._wire.pause()
        task = asyncio.get_running_loop().create_task(_result_of(decision), name="pop3-decision")
        self._deciding = task
        task.add_done_callback(lambda done: self._decided(done, request))

    def _decided(self, task: asyncio.Task[Response], request: Asked | AuthAnswered) -> None:
        self._deciding = None
        if task.cancelled() or task.exception() is not None:
            self._release()
            # A bug of ours: the client may try again, and the loop's handler shows the bug.
            self._over = "failed"
            self._wire.abort()
            if self._lost is not None:
                self._tell_end()
            if not task.cancelled():
                task.result()
            return
        self._write(self._settle(task.result(), request))
        self._listen_again()
        self._pump()
        if self._lost is not None and self._deciding is None:
            self._tell_end()

    def _decision(self, request: Asked | AuthAnswered) -> Decision:
        match request:
            case Asked(_, _, Response() as refusal):
                return refusal
            case Asked(command):
                return self._answer(command)
            case AuthAnswered():
                return self._let_in(self._login.go_on(request))

    def _answer(self, command: Command) -> Decision:
        scan = self._scan
        match command:
            case Capa():
                return ok("Capabilities follow", of_lines(*self._capabilities().lines))
            case Noop():
                return ok()
            case Stls():
                return ok("Begin TLS")
            case Quit():
                return ok("Bye") if scan is None else scan.update()
            case User() | Pass() | Apop() | Auth():
                return self._let_in(self._login.begin(command))
            case Retr() | Top() if scan is not None:
                return scan.read(command)
            case _ if scan is not None and isinstance(command, Answerable):
                return scan.answer(command)
            case _:
                return err("Unknown command")

    # Who it is

    def _let_in(self, step: LoginStep | Awaitable[LoginStep]) -> Decision:
        return self._when_known(step) if inspect.isawaitable(step) else self._known(step)

    async def _when_known(self, step: Awaitable[LoginStep]) -> Response:
        decision = self._known(await step)
        return await decision if inspect.isawaitable(decision) else decision

    def _known(self, step: LoginStep) -> Decision:
        match step:
            case Response():
                return step
            case Identified(user):
                return self._open(user)
            case Denied():
                return self._deny()

    async def _open(self, user: str) -> Response:
        maildrop = await self._mailboxes.lock(user)
        if isinstance(maildrop, NotLocked):
            busy = maildrop.code == "IN-USE"
            return err("Another session has the maildrop" if busy else "The maildrop can't be opened", maildrop.code)
        self._user = user
        self._scan = Scan(maildrop)
        self._offer()
        return ok(self._scan.summary)

    async def _deny(self) -> Response:
        self._failures += 1
        await asyncio.sleep(self._rules.failed_login_delay_s)
        return err("Credentials not accepted", "AUTH")  # RFC 3206 4

    def _capabilities(self) -> Capabilities:
        return capabilities(self._rules, secure=self._core.secure, logged_in=self._scan is not None)

    def _offer(self) -> None:
        self._core.offer(self._capabilities(), apop=self._rules.apop)

    # What an answer makes true

    def _settle(self, response: Response, request: Asked | AuthAnswered) -> bytes:
        before = self._core.state
        content = response.content
        if content is not None and len(content) > LONG_OCTETS and self._lost is None:
            self._sending = LongContent(content)
            asyncio.get_running_loop().call_soon(self._send_on)
        out = self._core.reply(response, content_apart=self._sending is not None)
        scan = self._scan
        if scan is not None and self._core.state == "transaction":
            if before != "transaction":
                self._scope(Authenticated(self._login.mechanism, self._user))
            elif content is not None and isinstance(request, Asked) and isinstance(request.command, Retr):
                self._tell_collected(MailCollected("pop3", scan.name, len(content)))
        self._errors += response.status == "-ERR"
        if self._errors >= self._rules.errors_max or self._failures >= self._rules.logins_max:
            self._over = "too-many-errors"
        return out

    def _tell_collected(self, collected: MailCollected) -> None:
        if self._sending is None:
            self._scope(collected)
        else:
            self._collected = collected

    def _follow_state(self) -> None:
        if self._over:
            if self._sending is None:
                self._end(self._over)
        elif self._core.state == "closed":
            self._wire.close()
        elif self._core.state != "tls":
            self._handshaking = False
        elif not self._handshaking and self._rules.tls is not None:
            self._handshaking = True
            self._scope(TlsStarted(""))
            self._wire.start_tls(self._rules.tls)

    def _write(self, data: bytes) -> None:
        if data:
            self._wire.write(data)
            self._unsent_octets = self._wire.unsent_octets

    def _end(self, reason: str) -> None:
        """Nothing is removed (RFC 1939 6)."""
        self._over, self._sending = reason, None
        self._release()
        self._wire.close()

    def _release(self) -> None:
        if self._scan is not None:
            self._scan.release()

    # Time

    def _watch_the_clock(self) -> None:
        """A client is idle that neither asks nor takes what it asked for."""
        loop = asyncio.get_running_loop()
        unsent_octets = self._wire.unsent_octets
        if unsent_octets < self._unsent_octets:
            self._heard_at = loop.time()
        self._unsent_octets = unsent_octets
        left_s = self._heard_at + self._rules.idle_timeout_s - loop.time()
        if left_s > 0 or self._deciding is not None:
            self._timer = loop.call_later(max(left_s, 1.0), self._watch_the_clock)
            return
        # RFC 1939 3: without a word, and without removing anything.
        self._end("timed-out")


async def _result_of(decision: Awaitable[Response]) -> Response:
    return await decision
