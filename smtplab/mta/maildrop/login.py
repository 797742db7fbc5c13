"""The server's side of USER and PASS, APOP and AUTH: how each step is answered, and who was identified by it."""

from __future__ import annotations

import base64
import hmac
import inspect
from collections.abc import Awaitable

from smtplab.mta.maildrop.rules import MaildropRules
from smtplab.pop3.apop import apop_digest
from smtplab.pop3.command import Apop, Auth, Pass, User
from smtplab.pop3.response import Response, err, ok
from smtplab.pop3.server import AuthAnswered
from smtplab.smtp.attempt import Attempt
from smtplab.smtp.sasl_server import ServerMechanism, start_server
from smtplab.smtp.sasl_steps import Claimed, Denied, Identified, Step

LoginStep = Response | Identified | Denied


class MaildropLogin:
    """One exchange at a time. `timestamp` is the greeting's (RFC 1939 7, APOP)."""

    def __init__(self, rules: MaildropRules, timestamp: str) -> None:
        self.mechanism = ""
        """`USER`, `APOP`, or SASL's name."""
        self._rules = rules
        self._accounts = rules.accounts
        self._timestamp = timestamp
        self._name = ""
        """Of the last USER."""
        self._exchange: ServerMechanism | None = None

    def begin(self, command: User | Pass | Apop | Auth) -> LoginStep | Awaitable[LoginStep]:
        match command:
            case User(name):
                # Whether there is such a user is nobody's business yet.
                self._name, self.mechanism = name, "USER"
                return ok("Password?")
            case Pass(password):
                return self._start("PLAIN", b"\0".join((b"", self._name.encode(), password.encode())))
            case Apop(name, digest):
                self.mechanism = "APOP"
                return Identified(name) if self._is_digest(name, digest) else Denied("bad-credentials", name)
            case Auth(mechanism, initial):
                self.mechanism = mechanism
                if mechanism not in self._rules.mechanisms:
                    return err("Mechanism not offered")
                return self._start(mechanism, initial)

    def go_on(self, answered: AuthAnswered) -> LoginStep | Awaitable[LoginStep]:
        if answered.cancelled:
            return err("Authentication cancelled")
        if answered.response is None or self._exchange is None:
            return err("Cannot decode the response")
        return self._told(self._exchange, self._exchange.receive(answered.response))

    def forget(self) -> None:
        """After STLS (RFC 2595 4)."""
        self._name, self._exchange = "", None

    def _start(self, mechanism: str, initial: bytes | None) -> LoginStep | Awaitable[LoginStep]:
        attempt = Attempt(self._accounts, self._timestamp.encode, lambda: self._timestamp)
        exchange = self._exchange = start_server(mechanism, attempt)
        return err("Mechanism not offered") if exchange is None else self._told(exchange, exchange.start(initial))

    def _is_digest(self, name: str, digest: str) -> bool:
        known = self._accounts.secret(name)
        expected = apop_digest(self._timestamp, known.reveal() if known is not None else "")
        return hmac.compare_digest(expected.encode(), digest.lower().encode()) and known is not None

    def _told(self, exchange: ServerMechanism, step: Step) -> LoginStep | Awaitable[LoginStep]:
        match step:
            case Claimed():
                right = self._accounts.check(step)
                if inspect.isawaitable(right):
                    return self._when_checked(exchange, step, right)
                return self._checked(exchange, step, right=right)
            case _:
                return _plainly(step)

    async def _when_checked(self, exchange: ServerMechanism, claimed: Claimed, right: Awaitable[bool]) -> LoginStep:
        return self._checked(exchange, claimed, right=await right)

    def _checked(self, exchange: ServerMechanism, claimed: Claimed, *, right: bool) -> LoginStep:
        user = self._accounts.owner(claimed)
        return _plainly(Identified(user) if right else exchange.refuse(user))


def _plainly(step: Step) -> LoginStep:
    match step:
        case Identified() | Claimed():
            return step if isinstance(step, Identified) else Denied("bad-credentials", step.user)
        case Denied("malformed"):
            return err("Malformed response")
        case Denied():
            return step
        case _:
            return Response("+", base64.b64encode(step.data).decode())
