"""The server's half of an SMTP dialogue, with no socket in sight."""

from __future__ import annotations

import base64
import binascii
import functools
from collections.abc import Callable

from smtplab.events import CommandReceived, Event, ReplySent, StateChanged
from smtplab.journal import Emit
from smtplab.smtp.auth_shown import AuthStory
from smtplab.smtp.heard import Heard, hear
from smtplab.smtp.incoming import Incoming
from smtplab.smtp.refusals import HTTP_VERBS, Standing, refusal_of, stands
from smtplab.smtp.requests import (
    Asked,
    AuthAnswered,
    ClientGone,
    ContentReceived,
    Limits,
    LineEndings,
    Request,
)
from smtplab.smtp.rules import broken, broken_by_flaw
from smtplab.smtp.shown import shown_challenge, shown_response
from smtplab.smtp.states import CONTENT, GREETING, HANDSHAKE, HELLO_VERBS, LAST_CHUNK, Dialect, State, advance
from smtplab.wire.command import (
    Auth,
    Bdat,
    Command,
    Mail,
    Parameters,
    Unknown,
)
from smtplab.wire.extension import Extensions, parse_extensions
from smtplab.wire.flaw import Flaw
from smtplab.wire.framing import LineReader
from smtplab.wire.reply import Reply, format_reply, without_enhanced

__all__ = [
    "Asked",
    "AuthAnswered",
    "ClientGone",
    "ContentReceived",
    "Limits",
    "LineEndings",
    "Request",
    "Server",
]

_DEFAULT_LIMITS = Limits()

_SILENT = frozenset({"connected", "tls", "closed"})
"""States in which nothing is read: before the greeting, within the handshake, after the end."""

_RULE_OF_REFUSAL = {
    503: "out-of-order",
    504: "mechanism-not-announced",
    552: "larger-than-announced",
    553: "smtputf8-needed",
    555: "parameter-not-announced",
}
"""Of a command that could be read; one that could not has flaws that say why. DATA without a recipient breaks no rule:
a client that pipelines can't know that its recipients were refused (RFC 2920 3.1)."""


@functools.cache
def _changed(old: State, new: State) -> StateChanged:
    """One for each pair of states, of which there are few."""
    return StateChanged(old, new)


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
        emit: Emit | None = None,
        monotonic: Callable[[], float],
        show_secrets: bool = False,
    ) -> None:
        self.state = "connected"
        self._standing = Standing("connected", dialect, Extensions(), limits.message_octets, limits.recipients)
        self.dialect: Dialect = dialect
        self._limits = limits
        self._line_endings = line_endings
        self._emit = emit
        self._monotonic = monotonic
        self._show_secrets = show_secrets
        self._lines = LineReader(limits.auth_octets, bare_lf_ends=line_endings != "strict")
        self._incoming = Incoming(limits, line_endings, emit)
        self._smtputf8_offered = False
        self._in_message = False
        """From 354 or BDAT on until the message or chunk was given out."""
        self._auth = AuthStory()
        self._asked: Command | None = None
        self._verb = ""
        self._row = ""
        self._replies_owed = 0
        self._asked_at = monotonic()
        self._quit = False
        self._ended = False
        self._gone_told = False

    @property
    def secure(self) -> bool:
        """Inside TLS."""
        return self._standing.secure

    @property
    def authenticated(self) -> bool:
        return self._standing.authenticated

    @property
    def in_message(self) -> bool:
        """Content is awaited, after 354 or BDAT."""
        return self._in_message

    @property
    def recipients(self) -> int:
        """Accepted in the transaction that is open."""
        return self._standing.recipients

    @property
    def mail_parameters(self) -> Parameters:
        """Of the transaction that is open."""
        return self._standing.mail_parameters

    # Receiving

    def receive(self, data: bytes) -> None:
        """Bytes from the peer, in any pieces; `b""` for its end of stream."""
        if not data:
            self._ended = True
        elif self._in_message:
            self._read_message(data)
        elif self.state == "tls":
            self._tell(broken("plaintext-after-starttls", "them", f"{len(data)} octets"))
        elif self.state != "closed":
            self._lines.receive(data)

    def next_event(self) -> Request | None:
        if self._replies_owed or self.state in _SILENT:
            return self._gone() if self._ended else None
        if self._in_message:
            whole = self._incoming.take()
            if whole is not None:
                return self._give_message(whole)
        elif (found := self._lines.next_line()) is not None:
            self._asked_at = self._monotonic()
            return self._read_response(*found) if self.state == "auth" else self._read_command(*found)
        return self._gone() if self._ended else None

    def _read_command(self, line: bytes, flaws: tuple[Flaw, ...]) -> Request | None:
        if len(line) > self._limits.command_octets - 2 and not _is_auth(line):
            line = line[: self._limits.command_octets - 2]
            flaws = (Flaw("line-too-long", str(self._limits.command_octets), "RFC 5321 4.5.3.1.4"),)
        heard = hear(line, flaws, self._smtputf8_offered, self._show_secrets)
        parsed, asked = heard.parsed, heard.asked
        command = parsed.command
        verb = command.verb
        if self._emit is not None:
            if heard.plain:
                self._emit(heard.told)
            else:
                self._tell_command(heard, command)
        if not (heard.plain and stands(verb, self._standing)):
            refusal = refusal_of(parsed, self._standing)
            if refusal is not None:
                asked = Asked(command, parsed.flaws, refusal)
                if not isinstance(command, Unknown):
                    self._tell_refused(command, refusal)
            if verb == "BDAT" and isinstance(command, Bdat):
                return self._begin_chunk(command, asked)
        self._asked, self._verb, self._row = command, verb, verb
        self._replies_owed = 1
        return asked

    def _tell_command(self, heard: Heard, command: Command) -> None:
        told = heard.told
        if isinstance(command, Auth):
            decoded = self._auth.began(command.mechanism, command.initial)
            told = CommandReceived("AUTH", told.line, told.raw, decoded)
        self._tell(told)
        self._tell_flaws(heard.parsed.flaws)
        if command.verb in HTTP_VERBS:
            self._tell(broken("http-request", "them", command.verb))

    def _ask(self, request: Request, command: Command | None, verb: str, row: str = "") -> Request:
        self._asked, self._verb, self._row = command, verb, row or verb
        self._replies_owed = 1
        return request

    def _read_response(self, line: bytes, flaws: tuple[Flaw, ...]) -> Request:
        """RFC 4954 4: whatever comes now is a response, however much it looks like a command."""
        if self._emit is not None:
            text, raw = shown_response(line, show_secrets=self._show_secrets)
            self._emit(CommandReceived("AUTH", text, raw, self._auth.line_said(line)))
            self._tell_flaws(flaws)
        if flaws and flaws[-1].rule == "line-too-long":
            return self._ask(AuthAnswered(None, too_long=True), None, "AUTH")
        if line == b"*":
            return self._ask(AuthAnswered(None, cancelled=True), None, "AUTH")
        try:
            response = base64.b64decode(line, validate=True)
        except (binascii.Error, ValueError):
            return self._ask(AuthAnswered(None), None, "AUTH")
        return self._ask(AuthAnswered(response), None, "AUTH")

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
        self._in_message = True
        self._incoming.begin_chunk(command.size, asked, self._body_type())
        self._read_message(self._lines.take())
        return self.next_event()

    def _give_message(self, whole: Asked | ContentReceived) -> Request:
        self._in_message = False
        self._asked_at = self._monotonic()
        if isinstance(whole, Asked):
            return self._ask(whole, whole.command, "BDAT", _row_of(whole.command))
        if whole.transfer == "BDAT":
            self._ask(whole, None, "BDAT", LAST_CHUNK)
        else:
            self._ask(whole, None, CONTENT)
        if self.dialect == "lmtp":
            self._replies_owed = max(1, self.recipients)  # RFC 2033 4.2
        return whole

    def _body_type(self) -> str:
        return (self.mail_parameters.get("BODY") or "7BIT").upper()

    # Answering

    def greet(self, reply: Reply) -> bytes:
        """The first bytes; whatever came before them is early talk and recorded as that."""
        early = self._lines.pending
        if early:
            self._tell(broken("early-talker", "them", f"{len(early)} octets"))
        self._verb = self._row = GREETING
        self._replies_owed = 1
        return self.reply(reply)

    def reply(self, reply: Reply) -> bytes:
        """Answer what was asked; the state moves by the reply's code. 220 to STARTTLS throws away what is buffered.

        With nothing asked it is a reply of our own accord, which only 421 may be (RFC 5321 3.8).
        Raises ValueError where a text of the reply holds CR or LF.
        """
        if self.dialect == "smtp":
            reply = without_enhanced(reply)  # RFC 821 had no such codes, which came in 1996 (RFC 1893)
        data, code = format_reply(reply), reply.code
        asked = self._replies_owed > 0
        if asked:
            self._replies_owed -= 1
        else:
            self._asked, self._verb, self._row = None, "*", "*"
        if self._emit is not None:
            self._tell_reply(reply, asked)
        if asked and code is not None and code // 100 == 2:
            self._note()
        if not self._replies_owed or code == 421:
            state = advance(self.state, self._row, code)
            if state != self.state:
                self._move(state)
        return data

    def _tell_reply(self, reply: Reply, asked: bool) -> None:
        assert self._emit is not None
        verb = self._verb
        ms = int((self._monotonic() - self._asked_at) * 1e6 + 0.5) / 1000 if asked else 0.0
        if verb == "AUTH":
            lines, raw, decoded = shown_challenge(reply, verb, self._auth, show_secrets=self._show_secrets)
            self._emit(ReplySent(reply.code, reply.enhanced, lines, ms, verb, raw, decoded))
        else:
            self._emit(ReplySent(reply.code, reply.enhanced, reply.lines, ms, verb, reply.raw))
        if not asked and reply.code != 421:
            self._emit(broken("unasked-reply", "us", str(reply.code)))

    def tls_established(self) -> None:
        """Inside TLS now: what the client said in clear is forgotten (RFC 3207 4.2)."""
        self._standing.secure = True
        self._standing.authenticated = False
        self._standing.offered = Extensions()
        self._smtputf8_offered = False
        self._lines.take()
        if self.state == "tls":
            self._move(advance(self.state, HANDSHAKE, 220))

    def begin_anew(self) -> None:
        """As after the greeting: somebody else speaks now, and may go on telling who (Postfix's XCLIENT_README)."""
        self._standing.authenticated = False
        self.offer(("XCLIENT",))
        self._move("greeted")

    def offer(self, keywords: tuple[str, ...]) -> None:
        """What the answer to EHLO announced, so that what was not announced can be refused (RFC 5321 4.1.1.11)."""
        self._standing.offered = parse_extensions(keywords)
        self._smtputf8_offered = "SMTPUTF8" in self._standing.offered

    def _note(self) -> None:
        """What a 2xx makes true."""
        verb, asked = self._verb, self._asked
        if verb == "RCPT":
            self._standing.recipients += 1
        elif verb == "MAIL" and isinstance(asked, Mail):
            self._standing.mail_parameters = asked.parameters
        elif verb == "QUIT":
            self._quit = True
        elif verb == "AUTH":
            self._standing.authenticated = True
            if self._lines.pending:
                self._tell(broken("pipelined-after-auth", "them", f"{len(self._lines.pending)} octets"))

    def _move(self, state: State) -> None:
        old = self.state
        if self._emit is not None:
            self._emit(_changed(old, state))
        self.state = self._standing.state = state
        match state:
            case "mail" | "rcpt":
                return
            case "data":
                self._in_message = True
                self._incoming.begin_content(self._body_type())
                if pipelined := self._lines.take():
                    self._read_message(pipelined)
            case "auth":
                self._throw_away("pipelined-after-auth")
            case "tls":
                self._throw_away("plaintext-after-starttls")
                self._end_transaction()
            case "ready" | "greeted" | "closed":
                self._end_transaction()
            case _:
                pass

    def _end_transaction(self) -> None:
        self._standing.recipients = 0
        self._standing.mail_parameters = {}
        self._incoming.forget()

    def _throw_away(self, rule: str) -> None:
        """Nothing said before a handshake or a challenge can be its answer (CVE-2011-0411, RFC 4954 4)."""
        thrown = self._lines.take()
        if thrown:
            self._tell(broken(rule, "them", f"{len(thrown)} octets"))

    def _tell_refused(self, command: Command, refusal: Reply) -> None:
        detail = f"{command.verb} in {self.state}"
        rule = _RULE_OF_REFUSAL.get(refusal.code or 0)
        if refusal.code == 500 and command.verb in HELLO_VERBS:
            rule = "wrong-hello"
        elif refusal.code == 502:
            rule = "command-not-announced"
        if rule is not None:
            self._tell(broken(rule, "them", detail))

    def _tell(self, event: Event) -> None:
        if self._emit is not None:
            self._emit(event)

    def _tell_flaws(self, flaws: tuple[Flaw, ...]) -> None:
        if self._emit is not None:
            for flaw in flaws:
                self._emit(broken_by_flaw(flaw, "them"))


def _is_auth(line: bytes) -> bool:
    """RFC 4954 4: an initial response may be as long as any response."""
    return line[:5].upper() == b"AUTH "


def _row_of(command: Command) -> str:
    return LAST_CHUNK if isinstance(command, Bdat) and command.last else command.verb
