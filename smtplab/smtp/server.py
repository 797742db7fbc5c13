"""The server's half of an SMTP dialogue, with no socket in sight."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from smtplab.events import CommandReceived, Event, ReplySent, StateChanged
from smtplab.journal import Emit, EmitTogether, Teller
from smtplab.smtp.auth_shown import AuthStory
from smtplab.smtp.heard import REMEMBERED_OCTETS_MAX, Heard, hear, is_auth, remembered
from smtplab.smtp.incoming import Incoming
from smtplab.smtp.refusals import HTTP_VERBS, Standing, broken_rule, is_limited, refusal_of
from smtplab.smtp.requests import Asked, AuthAnswered, ClientGone, ContentReceived, Limits, LineEndings, Request
from smtplab.smtp.response import read_response
from smtplab.smtp.rules import broken, broken_by_flaw
from smtplab.smtp.said import say, say_as_ever
from smtplab.smtp.shown import shown_challenge, shown_response
from smtplab.smtp.states import CONTENT, GREETING, HANDSHAKE, LAST_CHUNK, STATES, Dialect, State, advance
from smtplab.wire.command import Auth, Bdat, Command, Mail, Parameters
from smtplab.wire.extension import Extensions, parse_extensions
from smtplab.wire.flaw import Flaw
from smtplab.wire.framing import LineReader
from smtplab.wire.reply import Reply

__all__ = ["Asked", "AuthAnswered", "ClientGone", "ContentReceived", "Limits", "LineEndings", "Request", "Server"]

_DEFAULT_LIMITS = Limits()

_SILENT = frozenset({"connected", "tls", "closed"})
"""States in which nothing is read: before the greeting, within the handshake, after the end."""

_COMMANDED = frozenset(STATES) - _SILENT - {"data", "auth"}
"""States in which a line is a command."""

_WITHIN = frozenset({"mail", "rcpt", "chunking"})
"""States in which a transaction goes on."""
_OUTSIDE = frozenset({"ready", "greeted", "closed", "tls"})
_DEAF_BEFORE: Mapping[State, str] = {"auth": "pipelined-after-auth", "tls": "plaintext-after-starttls"}
"""States that throw away what was said before them, and the rule that was broken by saying it."""

_NO_PARAMETERS: Parameters = {}


class Server:
    """Turns bytes into requests and replies into bytes, and keeps where the dialogue stands.

    One request at a time: after `next_event` gave one that wants a reply, it gives None until `reply` was called.
    So a pipelined command is read in the state that the reply before it made.
    """

    state: State

    def __init__(
        self,
        *,
        dialect: Dialect = "esmtp",
        limits: Limits = _DEFAULT_LIMITS,
        line_endings: LineEndings = "strict",
        emit: Teller | None = None,
        monotonic: Callable[[], float],
        show_secrets: bool = False,
    ) -> None:
        self.state = "connected"
        self._standing = Standing(dialect, Extensions(), limits.message_octets, limits.recipients)
        self.dialect: Dialect = dialect
        self._limits = limits
        self._line_endings = line_endings
        self._emit: Emit | None = None
        self._emit_together: EmitTogether | None = None
        if emit is not None:
            self._emit, self._emit_together = emit.ways()
        self._monotonic = monotonic
        self._show_secrets = show_secrets
        self._say = say_as_ever if dialect == "smtp" else say
        self._limited = False
        """Something of the transaction may speak against a command that is in order."""
        self._lines = LineReader(limits.auth_octets, bare_lf_ends=line_endings != "strict")
        self._incoming = Incoming(limits, line_endings, self._emit)
        self._hear_smtputf8(offered=False)
        self.in_message = False
        """Content is awaited: from 354 or BDAT on until the message or chunk was given out."""
        self._auth = AuthStory()
        self._asked: Command | None = None
        self._row = ""
        """Of what was asked, in the table of states."""
        self._replies_owed = 0
        self._asked_at = monotonic()
        self.answered_at = self._asked_at
        """When the last reply was given."""
        self.heard_at = self._asked_at
        """When something of a message came last."""
        self._quit = False
        self._ended = False
        self._gone_told = False

    @property
    def recipients(self) -> int:
        """Accepted in the transaction that is open."""
        return self._standing.recipients

    # Receiving

    def receive(self, data: bytes) -> None:
        """Bytes from the peer, in any pieces; `b""` for its end of stream."""
        if not data:
            self._ended = True
        elif self.in_message:
            self.heard_at = self._monotonic()
            after = self._incoming.receive(data)
            if after:
                self._lines.receive(after)
        elif self.state == "tls":
            self._tell(broken("plaintext-after-starttls", "them", f"{len(data)} octets"))
        elif self.state != "closed":
            self._lines.receive(data)

    def hear(self, data: bytes) -> Request | None:
        """As `receive` and then `next_event`; a client that waits for each answer says a line at a time, and mostly one
        that was heard before, which need not be looked for its end."""
        lines = self._lines
        if not (self.in_message or lines.unread or lines.cut or self._replies_owed) and self.state in _COMMANDED:
            heard = self._remembered.get(data)
            if heard is not None:
                return self._take_command(heard)
        self.receive(data)
        return self.next_event()

    def next_event(self) -> Request | None:
        if not (self._lines.unread or self.in_message or self._ended):
            return None  # as nearly always, once what came was answered
        if self._replies_owed or self.state in _SILENT:
            return self._gone() if self._ended else None
        if self.in_message:
            whole = self._incoming.take()
            if whole is not None:
                return self._give_message(whole)
        elif (found := self._lines.next_line()) is not None:
            return self._read_response(*found) if self.state == "auth" else self._read_command(*found)
        return self._gone() if self._ended else None

    def _read_command(self, line: bytes, flaws: tuple[Flaw, ...]) -> Request | None:
        if len(line) > self._limits.command_octets - 2 and not is_auth(line):
            line = line[: self._limits.command_octets - 2]
            flaws = (Flaw("line-too-long", str(self._limits.command_octets), "RFC 5321 4.5.3.1.4"),)
        return self._take_command(hear(line, flaws, self._smtputf8_offered, self._show_secrets))

    def _take_command(self, heard: Heard) -> Request | None:
        # `self._emit(...)` would be looked up as a method first: what is called for every command has its own name.
        monotonic, emit = self._monotonic, self._emit
        self._asked_at = monotonic()
        if not heard.plain:
            return self._take_uncommon(heard)
        if emit is not None:
            emit(heard.told)
        asked = heard.asked
        if self._limited or self.state not in heard.in_order:
            asked = self._judge(heard)
        self._asked, self._row, self._replies_owed = None, asked.verb, 1
        return asked

    def _take_uncommon(self, heard: Heard) -> Request | None:
        command = heard.asked.command
        if self._emit is not None:
            self._tell_command(heard, command)
        asked = self._judge(heard)
        if isinstance(command, Bdat):
            return self._begin_chunk(command, asked)
        return self._ask(asked, command, command.verb)

    def _judge(self, heard: Heard) -> Asked:
        """What was asked, refused where something speaks against it."""
        parsed = heard.parsed
        refusal = refusal_of(parsed, self.state, self._standing)
        if refusal is None:
            return heard.asked
        rule = broken_rule(parsed.command, refusal, self._standing)
        if rule is not None:
            self._tell(broken(rule, "them", f"{parsed.command.verb} in {self.state}"))
        return Asked(heard.asked.verb, parsed.command, parsed.flaws, refusal)

    def _tell_command(self, heard: Heard, command: Command) -> None:
        told = heard.told
        if isinstance(command, Auth):
            decoded = self._auth.began(command.mechanism, command.initial)
            told = CommandReceived("AUTH", told.line, told.raw, decoded)
        self._tell(told)
        self._tell_flaws(heard.parsed.flaws)
        if command.verb in HTTP_VERBS:
            self._tell(broken("http-request", "them", command.verb))

    def _ask(self, request: Request, command: Command | None, row: str) -> Request:
        self._asked, self._row = command, row
        self._replies_owed = 1
        return request

    def _read_response(self, line: bytes, flaws: tuple[Flaw, ...]) -> Request:
        """RFC 4954 4: whatever comes now is a response, however much it looks like a command."""
        self._asked_at = self._monotonic()
        if self._emit is not None:
            text, raw = shown_response(line, show_secrets=self._show_secrets)
            self._emit(CommandReceived("AUTH", text, raw, self._auth.line_said(line)))
            self._tell_flaws(flaws)
        return self._ask(read_response(line, flaws), None, "AUTH")

    def _gone(self) -> ClientGone | None:
        if self._gone_told or (self._replies_owed and self.state != "closed"):
            return None
        self._gone_told = True
        if self.state != "closed":
            self._tell(broken("closed-without-quit", "them", f"in {self.state}"))
        return ClientGone(clean=self._quit)

    # Messages

    def _read_message(self, data: bytes) -> None:
        after = self._incoming.receive(data)
        if after is not None:
            self._lines.receive(after)

    def _begin_chunk(self, command: Bdat, asked: Asked) -> Request | None:
        self.in_message = True
        self._incoming.begin_chunk(command.size, asked, self._body_type())
        self._read_message(self._lines.take())
        return self.next_event()

    def _give_message(self, whole: Asked | ContentReceived) -> Request:
        self.in_message = False
        self._asked_at = self._monotonic()
        if isinstance(whole, Asked):
            return self._ask(whole, whole.command, _row_of(whole.command))
        self._ask(whole, None, LAST_CHUNK if whole.transfer == "BDAT" else CONTENT)
        if self.dialect == "lmtp":
            self._replies_owed = max(1, self.recipients)  # RFC 2033 4.2
        return whole

    def _body_type(self) -> str:
        parameters = self._standing.mail_parameters
        return (parameters.get("BODY") or "7BIT").upper() if parameters else "7BIT"

    # Answering

    def greet(self, reply: Reply) -> bytes:
        """The first bytes; whatever came before them is early talk and recorded as that."""
        early = self._lines.pending
        if early:
            self._tell(broken("early-talker", "them", f"{len(early)} octets"))
        self._row = GREETING
        self._replies_owed = 1
        return self.reply(reply)

    def reply(self, reply: Reply, at_once: bool = False) -> bytes:
        """Answer what was asked; the state moves by the reply's code. 220 to STARTTLS throws away what is buffered.

        With nothing asked it is a reply of our own accord, which only 421 may be (RFC 5321 3.8). `at_once` says that
        nothing was waited for. Raises ValueError where a text of the reply holds CR or LF.
        """
        if not at_once or self._replies_owed != 1:
            return self._reply_late(reply)
        say, emit = self._say, self._emit_together
        said = say(reply, self.state, self._row)
        facts = said.facts
        if not facts:
            return self._reply_late(reply)
        self._replies_owed = 0
        self.answered_at = self._asked_at
        if emit is not None:
            emit(facts)
        if said.noted:
            self._note(said.granted)
        if said.changed is not None:
            self._enter(said.state)
        return said.data

    def _reply_late(self, reply: Reply) -> bytes:
        """Or one of several, within an exchange, or of our own accord."""
        if not self._replies_owed:
            return self._speak_up(reply)
        said = self._say(reply, self.state, self._row)
        self._replies_owed -= 1
        self._tell_late(reply, said.told)
        if said.noted:
            self._note(said.granted)
        if said.changed is not None and (not self._replies_owed or reply.code == 421):
            self._tell(said.changed)
            self._enter(said.state)
        return said.data

    def _tell_late(self, reply: Reply, told: ReplySent) -> None:
        now, lines, raw, decoded = self._monotonic(), told.lines, told.raw, ""
        self.answered_at = now
        if self._emit is None:
            return
        if told.verb == "AUTH":
            lines, raw, decoded = shown_challenge(reply, "AUTH", self._auth, show_secrets=self._show_secrets)
        ms = int((now - self._asked_at) * 1e6 + 0.5) / 1000
        self._emit(ReplySent(told.code, told.enhanced, lines, ms, told.verb, raw, decoded))

    def _speak_up(self, reply: Reply) -> bytes:
        self._row = "*"
        said = self._say(reply, self.state, "*")
        self._tell(said.told)
        if reply.code != 421:
            self._tell(broken("unasked-reply", "us", str(reply.code)))
        if said.changed is not None:
            self._tell(said.changed)
            self._enter(said.state)
        return said.data

    def tls_established(self) -> None:
        """Inside TLS now: what the client said in clear is forgotten (RFC 3207 4.2)."""
        self._standing.secure = True
        self._standing.authenticated = False
        self._standing.offered = Extensions()
        self._hear_smtputf8(offered=False)
        self._lines.take()
        if self.state == "tls":
            self._move_to(advance(self.state, HANDSHAKE, 220))

    def begin_anew(self) -> None:
        """As after the greeting: somebody else speaks now, and may go on telling who (Postfix's XCLIENT_README)."""
        self._standing.authenticated = False
        self.offer(("XCLIENT",))
        self._move_to("greeted")

    def offer(self, keywords: tuple[str, ...]) -> None:
        """What the answer to EHLO announced, so that what was not announced can be refused (RFC 5321 4.1.1.11)."""
        self._standing.offered = parse_extensions(keywords)
        self._hear_smtputf8(offered="SMTPUTF8" in self._standing.offered)

    def _hear_smtputf8(self, *, offered: bool) -> None:
        """Lines are looked up among those that were heard before, but where they may not be as long as these."""
        self._smtputf8_offered = offered
        long_enough = self._limits.command_octets >= REMEMBERED_OCTETS_MAX + 2 <= self._limits.auth_octets
        self._remembered = remembered(smtputf8=offered) if long_enough else {}

    def _note(self, granted: bool) -> None:
        """What an answer makes true."""
        verb, asked, standing = self._row, self._asked, self._standing
        if verb == "RCPT":
            recipients = standing.recipients = standing.recipients + 1
            if recipients >= standing.recipients_max:
                self._limited = True
        elif verb == "MAIL":
            standing.sender_refused = not granted and self.state == "ready"
            if granted and isinstance(asked, Mail):
                standing.mail_parameters = asked.parameters
                self._limited = is_limited(standing)
        elif verb == "QUIT":
            self._quit = True
        elif verb == "AUTH":
            self._standing.authenticated = True
            if self._lines.pending:
                self._tell(broken("pipelined-after-auth", "them", f"{len(self._lines.pending)} octets"))

    def _move_to(self, state: State) -> None:
        """Where no reply leads."""
        self._tell(StateChanged(self.state, state))
        self._enter(state)

    def _enter(self, state: State) -> None:
        self.state = state
        if state in _WITHIN:
            return
        if state == "data":
            self.in_message = True
            self._incoming.begin_content(self._body_type())
            if pipelined := self._lines.take():
                self._read_message(pipelined)
            return
        if state in _DEAF_BEFORE:
            self._throw_away(_DEAF_BEFORE[state])
        if state in _OUTSIDE:
            self._end_transaction()

    def _end_transaction(self) -> None:
        self._standing.recipients, self._standing.mail_parameters = 0, _NO_PARAMETERS
        self._limited = False
        self._incoming.forget()

    def _throw_away(self, rule: str) -> None:
        """Nothing said before a handshake or a challenge can be its answer (CVE-2011-0411, RFC 4954 4)."""
        thrown = self._lines.take()
        if thrown:
            self._tell(broken(rule, "them", f"{len(thrown)} octets"))

    def _tell(self, event: Event) -> None:
        if self._emit is not None:
            self._emit(event)

    def _tell_flaws(self, flaws: tuple[Flaw, ...]) -> None:
        if self._emit is not None:
            for flaw in flaws:
                self._emit(broken_by_flaw(flaw, "them"))


def _row_of(command: Command) -> str:
    return LAST_CHUNK if isinstance(command, Bdat) and command.last else command.verb
