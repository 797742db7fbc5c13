"""The server's side of USER and PASS, APOP and AUTH: how each step is answered, and who was identified by it."""

from __future__ import annotations

import base64
import hmac

from smtplab.mta.accounts import MemoryAccounts
from smtplab.mta.maildrop_rules import MaildropRules
from smtplab.pop3.apop import apop_digest
from smtplab.pop3.command import Apop, Auth, Pass, User
from smtplab.pop3.response import Response, err, ok
from smtplab.pop3.server import AuthAnswered
from smtplab.smtp.attempt import Attempt
from smtplab.smtp.sasl_server import ServerMechanism, start_server
from smtplab.smtp.sasl_steps import Claimed, Denied, Identified, Step


class MaildropLogin:
    """One exchange at a time. `timestamp` is the greeting's (RFC 1939 7, APOP)."""

    def __init__(self, rules: MaildropRules, timestamp: str) -> None:
        self.mechanism = ""
        """`USER`, `APOP`, or SASL's name."""
        self._rules = rules
        self._accounts = MemoryAccounts(rules.users)
        self._timestamp = timestamp
        self._name = ""
        """Of the last USER."""
        self._exchange: ServerMechanism | None = None

    def begin(self, command: User | Pass | Apop | Auth) -> Response | Identified | Denied:
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

    def go_on(self, answered: AuthAnswered) -> Response | Identified | Denied:
        if answered.cancelled:
            return err("Authentication cancelled")
        if answered.response is None or self._exchange is None:
            return err("Cannot decode the response")
        return self._told(self._exchange.receive(answered.response))

    def forget(self) -> None:
        """After STLS (RFC 2595 4)."""
        self._name, self._exchange = "", None

    def _start(self, mechanism: str, initial: bytes | None) -> Response | Identified | Denied:
        attempt = Attempt(self._accounts, self._timestamp.encode, lambda: self._timestamp)
        self._exchange = start_server(mechanism, attempt)
        return err("Mechanism not offered") if self._exchange is None else self._told(self._exchange.start(initial))

    def _is_digest(self, name: str, digest: str) -> bool:
        known = self._rules.users.get(name)
        expected = apop_digest(self._timestamp, known.reveal() if known is not None else "")
        return hmac.compare_digest(expected.encode(), digest.lower().encode()) and known is not None

    def _told(self, step: Step) -> Response | Identified | Denied:
        match step:
            case Claimed(user):
                return Identified(user) if self._accounts.check(step) else Denied("bad-credentials", user)
            case Identified():
                return step
            case Denied("malformed"):
                return err("Malformed response")
            case Denied():
                return step
            case _:
                return Response("+", base64.b64encode(step.data).decode())
