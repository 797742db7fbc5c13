"""The server's side of AUTH (RFC 4954): replies for each step of an exchange, and who was identified by it."""

from __future__ import annotations

import base64
import inspect
from collections.abc import Awaitable
from random import Random

from smtplab.mta.rules import Caller, Rules, offered_mechanisms
from smtplab.net.ports import TlsFacts
from smtplab.smtp.attempt import Attempt
from smtplab.smtp.sasl_server import ServerMechanism, start_server
from smtplab.smtp.sasl_steps import Challenge, Claimed, Denied, Identified, Step
from smtplab.smtp.scram import Binding
from smtplab.smtp.server import AuthAnswered
from smtplab.wire.command import Auth
from smtplab.wire.reply import Reply, make_reply

FAILURES_MAX = 5
"""In a session, which then ends: a person mistypes thrice, a guesser pays a handshake and a session for each five."""


class Login:
    """One exchange at a time; `user` is empty until somebody was identified."""

    def __init__(self, rules: Rules, chance: Random) -> None:
        self.user = ""
        self.mechanism = ""
        self._rules = rules
        self._accounts = rules.accounts
        self._chance = chance
        self._exchange: ServerMechanism | None = None
        self._tls: TlsFacts | None = None
        self._failures = 0

    def begin(self, command: Auth) -> Reply | Awaitable[Reply]:
        self.mechanism = command.mechanism.upper()
        exchange = start_server(self.mechanism, self._attempt())
        if exchange is None:
            return make_reply(504, "Mechanism not offered", enhanced="5.5.4")
        self._exchange = exchange
        return self._reply(exchange, exchange.start(command.initial))

    def go_on(self, answered: AuthAnswered) -> Reply | Awaitable[Reply]:
        if answered.cancelled:
            return make_reply(501, "Authentication cancelled", enhanced="5.7.0")
        if answered.too_long:
            return make_reply(500, "Authentication exchange line is too long", enhanced="5.5.6")  # RFC 4954 6
        if answered.response is None or self._exchange is None:
            return make_reply(501, "Cannot decode the response", enhanced="5.5.2")
        return self._reply(self._exchange, self._exchange.receive(answered.response))

    def forget(self) -> None:
        """Whoever speaks is somebody else."""
        self.user, self._exchange = "", None

    def secured(self, facts: TlsFacts) -> None:
        """After STARTTLS what was said in clear is forgotten (RFC 3207 4.2)."""
        self.user, self._exchange, self._tls = "", None, facts

    def _attempt(self) -> Attempt:
        tls = self._tls
        bindings = (Binding("tls-server-end-point", tls.end_point),) if tls is not None and tls.end_point else ()
        offered = offered_mechanisms(self._rules, Caller("", tls_facts=tls))
        return Attempt(
            accounts=self._accounts,
            challenge=f"<{self._chance.getrandbits(64)}@{self._rules.hostname}>".encode,
            nonce=lambda: f"{self._chance.getrandbits(144):036x}",
            bindings=bindings,
            bound_offered=any(name.endswith("-PLUS") for name in offered),
            certificate_names=tls.client_names if tls is not None else (),
        )

    def _reply(self, exchange: ServerMechanism, step: Step) -> Reply | Awaitable[Reply]:
        match step:
            case Claimed():
                right = self._accounts.check(step)
                if inspect.isawaitable(right):
                    return self._when_checked(exchange, step, right)
                return self._checked(exchange, step, right=right)
            case _:
                return self._plain_reply(step)

    async def _when_checked(self, exchange: ServerMechanism, claimed: Claimed, right: Awaitable[bool]) -> Reply:
        return self._checked(exchange, claimed, right=await right)

    def _checked(self, exchange: ServerMechanism, claimed: Claimed, *, right: bool) -> Reply:
        user = self._accounts.owner(claimed)
        step = Identified(user) if right else exchange.refuse(user)
        return self._plain_reply(step) if not isinstance(step, Claimed) else self._denied()

    def _plain_reply(self, step: Challenge | Identified | Denied) -> Reply:
        match step:
            case Challenge(data):
                return make_reply(334, base64.b64encode(data).decode())
            case Identified(user):
                self.user = user
                return make_reply(235, "Authentication succeeded", enhanced="2.7.0")
            case Denied("malformed"):
                return make_reply(501, "Malformed response", enhanced="5.5.2")
            case Denied():
                return self._denied()

    def _denied(self) -> Reply:
        """RFC 4954 6; the last of too many ends the session."""
        self._failures += 1
        if self._failures >= FAILURES_MAX:
            return make_reply(421, "Too many failed attempts", enhanced="4.7.0")
        return make_reply(535, "Credentials not accepted", enhanced="5.7.8")
