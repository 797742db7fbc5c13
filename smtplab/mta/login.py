"""The server's side of AUTH (RFC 4954): replies for each step of an exchange, and who was identified by it."""

from __future__ import annotations

import base64
from collections.abc import Callable

from smtplab.mta.accounts import MemoryAccounts
from smtplab.mta.rules import Rules
from smtplab.smtp.attempt import Attempt
from smtplab.smtp.sasl_server import ServerMechanism, start_server
from smtplab.smtp.sasl_steps import Challenge, Claimed, Denied, Identified, Step
from smtplab.smtp.server import AuthAnswered
from smtplab.wire.command import Auth
from smtplab.wire.reply import Reply, make_reply


class Login:
    """One exchange at a time; `user` is empty until somebody was identified."""

    def __init__(self, rules: Rules, challenge: Callable[[], bytes]) -> None:
        self.user = ""
        self.mechanism = ""
        self._rules = rules
        self._accounts = MemoryAccounts(rules.users)
        self._challenge = challenge
        self._exchange: ServerMechanism | None = None

    def begin(self, command: Auth) -> Reply:
        self.mechanism = command.mechanism.upper()
        attempt = Attempt(self._accounts, self._challenge, lambda: self._challenge().hex())
        self._exchange = start_server(command.mechanism, attempt)
        if self._exchange is None:
            return make_reply(504, "Mechanism not offered", enhanced="5.5.4")
        return self._reply(self._exchange, self._exchange.start(command.initial))

    def go_on(self, answered: AuthAnswered) -> Reply:
        if answered.cancelled:
            return make_reply(501, "Authentication cancelled", enhanced="5.7.0")
        if answered.response is None or self._exchange is None:
            return make_reply(501, "Cannot decode the response", enhanced="5.5.2")
        return self._reply(self._exchange, self._exchange.receive(answered.response))

    def forget(self) -> None:
        """After STARTTLS (RFC 3207 4.2)."""
        self.user, self._exchange = "", None

    def _reply(self, exchange: ServerMechanism, step: Step) -> Reply:
        match step:
            case Claimed():
                user = self._accounts.owner(step)
                right = self._accounts.check(step)
                return self._reply(exchange, Identified(user) if right else exchange.refuse(user))
            case Challenge(data):
                return make_reply(334, base64.b64encode(data).decode())
            case Identified(user):
                self.user = user
                return make_reply(235, "Authentication succeeded", enhanced="2.7.0")
            case Denied("malformed"):
                return make_reply(501, "Malformed response", enhanced="5.5.2")
            case Denied():
                return make_reply(535, "Credentials not accepted", enhanced="5.7.8")
