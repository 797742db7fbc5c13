"""What a server knows of one client: who it is, the message that it is about to hand over, how often it went wrong."""

from __future__ import annotations

import msgspec

from smtplab.events import Authenticated
from smtplab.journal import Scope
from smtplab.mta.arrival import Arrival
from smtplab.mta.completion import missing_lines
from smtplab.mta.envelope import BodyKind, Envelope, with_parameters
from smtplab.mta.login import Login
from smtplab.mta.rules import Caller, Rules, honoured
from smtplab.mta.trace import protocol_of
from smtplab.net.ports import Net, TlsFacts
from smtplab.smtp.server import Asked, AuthAnswered, ContentReceived, Server
from smtplab.smtp.states import HELLO_VERBS
from smtplab.wire.address import Mailbox
from smtplab.wire.command import Command, Ehlo, Helo, Lhlo, Mail, Parameters, Rcpt, XClient
from smtplab.wire.reply import Reply, make_reply
from smtplab.wire.xclient import Attributes

_IDLE = frozenset({"NOOP", "RSET", "VRFY", "EXPN", "HELP", "ETRN"})


class Draft(msgspec.Struct):
    """The transaction that is open: what MAIL and each RCPT that was welcome said."""

    reverse_path: Mailbox | None
    parameters: Parameters
    recipients: list[Mailbox] = []
    rcpt_parameters: dict[str, Parameters] = {}


class Visit:
    """Notes what each answer makes true; the octets of the answer are the core's."""

    def __init__(self, rules: Rules, core: Server, net: Net, scope: Scope) -> None:
        self.caller = Caller("")
        self.login = Login(rules, net.chance("sasl-challenge"))
        self.draft: Draft | None = None
        self.over = ""
        """Why we ended it, where we did."""
        self._rules = rules
        self._core = core
        self._net = net
        self._scope = scope
        self._errors = 0
        self._idle = 0
        """Commands since the last message that bring none nearer."""

    def settle(self, reply: Reply, asked: Asked | AuthAnswered | ContentReceived, at_once: bool = False) -> bytes:
        """The answer to anything; `at_once` as in `Server.reply`."""
        if type(asked) is not Asked:
            return self._settle_login(reply) if type(asked) is AuthAnswered else self.settle_content((reply,), at_once)
        out = self._core.reply(reply, at_once)
        # By exact type: isinstance of a struct that it isn't takes longer than all the rest.
        command, code = asked.command, reply.code or 0
        if 200 <= code < 300:
            draft = self.draft
            if type(command) is Rcpt and draft is not None:
                draft.recipients.append(command.forward_path)
                if command.parameters:
                    draft.rcpt_parameters.setdefault(str(command.forward_path), command.parameters)
                return out
            if type(command) is Mail:
                self.draft = Draft(command.reverse_path, command.parameters)
                return out
            self._note(asked.verb, command, reply)
        if asked.verb in _IDLE:
            self._idle += 1
            self._errors += self._idle > self._rules.idle_commands_max
            return out + self._end_where_hopeless(code // 100)
        return out + self._end_where_hopeless(5) if code >= 500 else out

    def settle_content(self, replies: tuple[Reply, ...], at_once: bool = False) -> bytes:
        """The answer to a whole message; in LMTP one of them does for all recipients."""
        draft, first, core = self.draft, replies[0], self._core
        self.draft, self._idle = None, 0
        if core.dialect == "lmtp" and len(replies) == 1 and draft is not None:
            replies *= max(1, len(draft.recipients))  # RFC 2033 4.2
        out = core.reply(first, at_once)
        for reply in replies[1:]:
            out += core.reply(reply, at_once)
        return out + self._end_where_hopeless(5) if first.severity == 5 else out

    def _settle_login(self, reply: Reply) -> bytes:
        """The answer to a line of an AUTH exchange."""
        out = self._core.reply(reply)
        self._note_login(reply)
        return out + self._end_where_hopeless(reply.severity)

    def arrival(self, content: ContentReceived) -> Arrival:
        """Of the message that came whole."""
        assert self.draft is not None
        rules, draft = self._rules, self.draft
        # What the client declared holds: it is not for us to promise more or less on its behalf.
        smtputf8 = "SMTPUTF8" in draft.parameters
        body: BodyKind = "7bit" if content.is_ascii else "8bit"
        envelope = Envelope(draft.reverse_path, tuple(draft.recipients), content.content, body, smtputf8)
        if draft.parameters or draft.rcpt_parameters:
            envelope = with_parameters(envelope, draft.parameters, draft.rcpt_parameters, self._net.clock.now())
        protocol = protocol_of(self.caller, rules.dialect, smtputf8=smtputf8)
        if not rules.submission:
            return Arrival(envelope, self.caller, protocol, self._scope.hop)
        now, chance = self._net.clock.now(), self._net.chance("message-id")
        added = missing_lines(content.content, rules.hostname, now, chance)
        return Arrival(envelope, self.caller, protocol, self._scope.hop, added)

    def secured(self, facts: TlsFacts) -> None:
        """RFC 3207 4.2: what the client said in clear is forgotten."""
        self.login.secured(facts)
        tls = f"{facts.version} {facts.cipher}"
        self.caller = Caller(self.caller.address, secure=True, tls=tls, tls_facts=facts)
        self.draft = None

    def _note(self, verb: str, command: Command, reply: Reply) -> None:
        """It was welcome."""
        if verb in HELLO_VERBS and isinstance(command, Ehlo | Lhlo | Helo):
            # RFC 5321 4.1.4: HELO, which announces nothing, takes back what an EHLO before it was told.
            self._core.offer(honoured(self._rules, self.caller, reply.lines[1:]))
            self.caller = msgspec.structs.replace(self.caller, helo=command.domain, extended=verb != "HELO")
            self.draft = None
        elif verb == "XCLIENT" and isinstance(command, XClient):
            self._become(command.attributes)
        elif self._core.state == "ready":
            self.draft = None
        self._note_login(reply)

    def _note_login(self, reply: Reply) -> None:
        if reply.code == 235 and self.login.user:
            self.caller = msgspec.structs.replace(self.caller, user=self.login.user)
            self._scope(Authenticated(self.login.mechanism, self.login.user))

    def _become(self, attributes: Attributes) -> None:
        """XCLIENT: what it does not name stays as it was (Postfix's XCLIENT_README)."""
        old = self.caller
        self.caller = msgspec.structs.replace(
            old,
            claimed=True,
            address=attributes.get("ADDR", old.address) or "unknown",
            name=attributes.get("NAME", old.name) or "",
            helo=attributes.get("HELO", old.helo) or "",
            user=attributes.get("LOGIN", old.user) or "",
        )
        self.login.forget()
        self.draft = None
        self._core.begin_anew()
        if self.caller.user != old.user and self.caller.user:
            self._scope(Authenticated("XCLIENT", self.caller.user))

    def _end_where_hopeless(self, severity: int) -> bytes:
        self._errors += severity == 5
        if self._errors < self._rules.errors_max or self._core.state == "closed":
            return b""
        self.over = "too-many-errors"
        return self._core.reply(make_reply(421, "Too many errors", enhanced="4.7.0"))
