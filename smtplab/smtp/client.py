"""The client's half of an SMTP dialogue, with no socket in sight."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Callable, Iterable

from smtplab.events import CommandSent, Event, ExtensionsLearned, MessageSent, ReplyReceived
from smtplab.journal import Emit, without_detour
from smtplab.smtp.answers import Answered, Closed, Owed, RawLine
from smtplab.smtp.auth_shown import AuthStory
from smtplab.smtp.byhand import ContentLeft, Follower, LineLeft
from smtplab.smtp.legality import (
    LAST_OF_GROUP,
    Progress,
    Standing,
    flaws_of_command,
    flaws_of_content,
    flaws_of_order,
    is_plainly_legal,
)
from smtplab.smtp.replies import UNASKED, is_listed, oddities
from smtplab.smtp.rules import broken, broken_by_flaw
from smtplab.smtp.shown import SAID_ALONE, shown_challenge, shown_line, shown_response
from smtplab.smtp.states import (
    CONTENT,
    GREETING,
    HANDSHAKE,
    HELLO_VERBS,
    LAST_CHUNK,
    Dialect,
    State,
    advance,
    changed,
    legal_verbs,
)
from smtplab.wire.command import Auth, Bdat, Command, Mail, Rcpt, format_command
from smtplab.wire.command_line import parse_command
from smtplab.wire.extension import Extensions, announced_lines, parse_extensions
from smtplab.wire.flaw import Flaw
from smtplab.wire.framing import stuff
from smtplab.wire.reply import Reply, ReplyReader

__all__ = ["Answered", "Client", "Closed", "Dialect", "RawLine"]

_TEACHING = frozenset({"MAIL", "RCPT", *HELLO_VERBS})
"""Of these a 2xx is remembered."""

PRDR_BEGINS = 353
"""The reply to a content whose recipients are answered one by one."""

_HOPED = {"DATA": 354, "AUTH": 334, "STARTTLS": 220, "QUIT": 221}
"""What a client that pipelines counts on, 250 for all else."""


class Client:
    """Turns commands into bytes and bytes into answers, and keeps where the dialogue stands.

    Strict about facts, lenient about deeds: anything can be sent at any time; what breaks a rule is told to `emit`
    as `RuleBroken(by="us")` and sent all the same.
    """

    state: State
    extensions: Extensions
    secure: bool
    """Inside TLS."""

    def __init__(
        self,
        *,
        dialect: Dialect = "esmtp",
        emit: Emit | None = None,
        monotonic: Callable[[], float],
        show_secrets: bool = False,
    ) -> None:
        self.state = "connected"
        self.extensions = Extensions()
        self.secure = False
        self._dialect: Dialect = dialect
        self._emit = None if emit is None else without_detour(emit)
        self._monotonic = monotonic
        self._show_secrets = show_secrets
        self._hoped: State = "connected"
        """Where we shall stand if all that is pending succeeds: what a pipelined command is judged by."""
        self._owed = deque([Owed(GREETING, GREETING, monotonic())])
        self._answered_of_first = 0
        self._accepted = 0
        self._progress = Progress()
        self._chunks_octets = 0
        self._chunk_held = b""
        self._by_hand = Follower()
        self._auth = AuthStory()
        self._replies = ReplyReader()
        self._received_at = 0.0
        self.unread = False
        """Something has come of which `next_event` has not given everything yet."""
        self._ended = False
        self._closed_told = False

    @property
    def pending(self) -> int:
        """How many replies are owed to us."""
        if self._dialect != "lmtp":
            return len(self._owed)
        return sum(self._replies_to(owed) for owed in self._owed) - self._answered_of_first

    def legal_verbs(self) -> tuple[str, ...]:
        """What RFC 5321 4.1.4 allows to be sent next, given what was announced."""
        return legal_verbs(self.state, self.extensions, self._dialect)

    @property
    def standing(self) -> Standing:
        """What the next command is judged by."""
        awaited = self._owed[-1].verb if self._owed and self.state != "connected" else None
        chunk_unfinished = self._by_hand.chunk_unfinished
        return Standing(self._hoped, self.extensions, self._dialect, awaited, chunk_unfinished, self._progress)

    def tell_to(self, emit: Emit) -> None:
        """From now on, where facts are told at all."""
        if self._emit is not None:
            self._emit = without_detour(emit)

    # Sending

    def send(self, command: Command | RawLine) -> bytes:
        """The bytes of a command, with CR LF; facts: CommandSent, RuleBroken by us.

        A `RawLine` may hold any number of lines, or a part of one; after 354 it is content, after 334 a response.
        Raises ValueError where a field of a command holds CR or LF.
        """
        alone = SAID_ALONE.get(type(command))
        if alone is not None:
            assert not isinstance(command, RawLine)
            self._command_leaves(command, command, alone[1])
            return alone[0]
        if isinstance(command, RawLine):
            self._send_raw(command)
            return command.data
        line = format_command(command)
        self._command_leaves(command, command, self._told(command, line, b"\r\n"))
        if command.verb == "BDAT" and isinstance(command, Bdat):
            self._by_hand.expect_chunk(command.size)
        return line + b"\r\n"

    def send_auth(self, response: bytes) -> bytes:
        """An answer to a 334, base64 made here; its CommandSent shows `***`."""
        line = base64.b64encode(response)
        self._response_leaves(line, None)
        return line + b"\r\n"

    def send_content(self, content: bytes) -> bytes:
        """After 354: dot-stuffed, ended by CR LF dot CR LF; fact: MessageSent."""
        if self._emit is not None:
            if self._hoped != "data":
                self._emit(broken("content-without-354", "us", f"in {self._hoped}"))
            self._tell_flaws(flaws_of_content(content, len(content), self.extensions, self._progress))
        octets = len(content) if content.endswith(b"\r\n") or not content else len(content) + 2
        self._content_leaves(octets)
        return stuff(content)

    def send_chunk(self, content: bytes, *, last: bool) -> bytes:
        """BDAT and its octets in one (RFC 3030)."""
        command = Bdat(len(content), last)
        line = format_command(command)
        octets = self._chunks_octets + len(content)
        self._command_leaves(command, command, self._told(command, line, b"\r\n"))
        if self._emit is not None:
            # A chunk may end between a CR and its LF: judge the CR with what follows it.
            judged = self._chunk_held + content
            self._chunk_held = b"\r" if judged.endswith(b"\r") and not last else b""
            judged = judged.removesuffix(self._chunk_held)
            self._tell_flaws(flaws_of_content(judged, octets, self.extensions, self._progress))
        return line + b"\r\n" + content

    def _send_raw(self, raw: RawLine) -> None:
        self._by_hand.send(raw.data)
        while (piece := self._by_hand.next_piece(in_content=self._hoped == "data")) is not None:
            match piece:
                case ContentLeft(octets, flaws):
                    self._tell_flaws(flaws)
                    self._content_leaves(octets)
                case LineLeft(line, end):
                    self._raw_line_leaves(raw, line, end)

    def _raw_line_leaves(self, raw: RawLine, line: bytes, end: bytes) -> None:
        if self._hoped == "auth":
            self._response_leaves(line, raw)
            return
        parsed = parse_command(line, smtputf8=True)
        self._command_leaves(raw, parsed.command, self._told(parsed.command, line, end))
        if end == b"\n":
            self._tell_flaws([Flaw("bare-lf", "at the end of a command", "RFC 5321 2.3.8")])
        self._tell_flaws(parsed.flaws)
        if isinstance(parsed.command, Bdat):
            self._by_hand.expect_chunk(parsed.command.size)

    def _told(self, command: Command, line: bytes, end: bytes) -> CommandSent | None:
        """The fact that it leaves; None where nobody listens."""
        if self._emit is None:
            return None
        text, raw = shown_line(line, end, show_secrets=self._show_secrets)
        decoded = ""
        if command.verb == "AUTH" and isinstance(command, Auth):
            decoded = self._auth.began(command.mechanism, command.initial)
        return CommandSent(command.verb, text, raw, decoded)

    def _command_leaves(self, sent: Command | RawLine, command: Command, told: CommandSent | None) -> None:
        # By the verb first: to ask a struct for a class that it isn't takes longer than all the rest.
        row = verb = command.verb
        if verb == "BDAT" and isinstance(command, Bdat) and command.last:
            row = LAST_CHUNK
        owed, emit = self._owed, self._emit
        self._progress.note(command)
        if emit is not None and told is not None:
            emit(told)
            # Whether nothing is wrong with sending it now is seen at a glance, for nearly every command.
            awaits = owed and (owed[-1].verb in LAST_OF_GROUP or "PIPELINING" not in self.extensions.offered)
            if awaits or self._by_hand.octets_owed or not is_plainly_legal(self._hoped, row, verb, self._dialect):
                self._tell_flaws(flaws_of_order(verb, row, self.standing))
            for flaw in flaws_of_command(command, self.extensions, self._progress):
                emit(broken_by_flaw(flaw, "us"))
        owed.append(Owed(verb, row, self._monotonic(), sent, command))
        self._hoped = advance(self._hoped, row, _HOPED.get(verb, 250))
        if verb == "BDAT":
            self._chunk_leaves(command)

    def _response_leaves(self, line: bytes, raw: RawLine | None) -> None:
        if self._emit is not None:
            text, shown_raw = shown_response(line, show_secrets=self._show_secrets)
            self._emit(CommandSent("AUTH", text, shown_raw, self._auth.line_said(line)))
            if self._hoped != "auth":
                self._emit(broken("response-without-334", "us", f"in {self._hoped}"))
        self._owe(Owed("AUTH", "AUTH", self._monotonic(), raw))

    def _content_leaves(self, octets: int) -> None:
        self._tell(MessageSent(octets, "DATA"))
        self._owe(Owed(CONTENT, CONTENT, self._monotonic()))

    def _chunk_leaves(self, command: Command) -> None:
        if isinstance(command, Bdat):
            self._chunks_octets += command.size
            if command.last:
                self._tell(MessageSent(self._chunks_octets, "BDAT"))
                self._chunks_octets = 0

    def _owe(self, owed: Owed) -> None:
        self._owed.append(owed)
        self._hoped = advance(self._hoped, owed.row, _HOPED.get(owed.verb, 250))

    # Receiving

    def receive(self, data: bytes) -> None:
        """Bytes from the peer, in any pieces; `b""` for its end of stream."""
        self.unread = True
        if not data:
            self._ended = True
        elif self.state == "tls":
            self._tell(broken("plaintext-after-starttls", "them", f"{len(data)} octets"))
        else:
            self._received_at = self._monotonic()
            self._replies.receive(data)

    def next_event(self) -> Answered | Closed | None:
        """What follows from the bytes so far; None until more come."""
        replies = self._replies
        found = replies.next_reply()
        if found is not None and not replies.broken:
            self.unread = self._ended or bool(replies.unread)
            return self._answer(*found)
        self.unread = False
        if found is not None:
            self._tell_endless(*found)
        if self._closed_told or not (self._ended or self._replies.broken):
            return None
        self._closed_told = True
        if self._replies.broken:
            return Closed("reply-too-long")
        if self._replies.pending:
            self._tell(broken("truncated-reply", "them", f"{len(self._replies.pending)} octets"))
        return Closed()

    def tls_established(self) -> None:
        """The handshake is done: what the server announced in clear is forgotten, what it pushed is thrown away."""
        self.secure = True
        self.extensions = Extensions()
        self._replies = ReplyReader()
        self._move(advance(self.state, HANDSHAKE, 220) if self.state == "tls" else self.state)
        self._hoped = self.state

    def _answer(self, reply: Reply, flaws: tuple[Flaw, ...]) -> Answered:
        owed, recipient = self._take_owed()
        verb, row, since = (UNASKED, UNASKED, self._received_at) if owed is None else (owed.verb, owed.row, owed.at)
        code = reply.code
        if self._emit is not None:
            self._tell_answer(reply, flaws, verb, int((self._received_at - since) * 1e6) / 1000)
        if verb in _TEACHING:
            if owed is not None and owed.parsed is not None and reply.severity == 2:
                self._learn(owed.parsed, reply)
        elif code == PRDR_BEGINS and row in (CONTENT, LAST_CHUNK):
            self._expect_each()
        elif verb == "DATA" and reply.severity != 3:
            self._by_hand.end_content()
        if recipient is None or self._answered_of_first == 0 or code == 421:  # else several answer the same
            state = advance(self.state, row, code)
            if state != self.state:
                self._move(state)
        if not self._owed or self.state == "closed":
            self._hoped = self.state
        return Answered(reply, None if owed is None else owed.command, verb, recipient)

    def _expect_each(self) -> None:
        """One more reply for each recipient, then one for all (draft-hall-prdr 3.4)."""
        each = [Owed(CONTENT, "PRDR", self._received_at)] * self._accepted
        self._owed.extendleft([Owed(CONTENT, CONTENT, self._received_at), *each])

    def _tell_answer(self, reply: Reply, flaws: tuple[Flaw, ...], verb: str, ms: float) -> None:
        assert self._emit is not None
        code, enhanced = reply.code, reply.enhanced
        if verb == "AUTH":
            lines, raw, decoded = shown_challenge(reply, verb, self._auth, show_secrets=self._show_secrets)
            self._emit(ReplyReceived(code, enhanced, lines, ms, verb, raw, decoded))
        else:
            self._emit(ReplyReceived(code, enhanced, reply.lines, ms, verb, reply.raw))
        if flaws:
            self._tell_flaws(flaws, by_them=True)
        if code is None or enhanced is None or not is_listed(verb, code):
            for rule, detail in oddities(reply, verb, coded="ENHANCEDSTATUSCODES" in self.extensions):
                self._emit(broken(rule, "them", detail))

    def _tell_endless(self, reply: Reply, flaws: tuple[Flaw, ...]) -> None:
        """A reply that passed the bounds is recorded, but answers nothing: its end, which decides, never came."""
        verb = self._owed[0].verb if self._owed else UNASKED
        self._tell(ReplyReceived(reply.code, reply.enhanced, reply.lines, 0.0, verb, reply.raw))
        self._tell_flaws(flaws, by_them=True)

    def _take_owed(self) -> tuple[Owed | None, int | None]:
        """The oldest unanswered; LMTP answers a content once for each accepted recipient (RFC 2033 4.2)."""
        if not self._owed:
            return None, None
        if self._dialect != "lmtp":
            return self._owed.popleft(), None
        first = self._owed[0]
        several = first.row in (CONTENT, LAST_CHUNK) and self._accepted > 0
        recipient = self._answered_of_first if several else None
        self._answered_of_first += 1
        if self._answered_of_first >= self._replies_to(first):
            self._owed.popleft()
            self._answered_of_first = 0
        return first, recipient

    def _replies_to(self, owed: Owed) -> int:
        if self._dialect == "lmtp" and owed.row in (CONTENT, LAST_CHUNK):
            return max(1, self._accepted)
        return 1

    def _learn(self, command: Command, reply: Reply) -> None:
        """From a 2xx."""
        verb = command.verb
        if verb == "MAIL" and isinstance(command, Mail):
            self._accepted = 0
        elif verb == "RCPT" and isinstance(command, Rcpt):
            self._accepted += 1
        elif verb in HELLO_VERBS:
            self._accepted = 0
            announced = reply.lines[1:] if verb != "HELO" else ()
            self.extensions = parse_extensions(announced)
            if verb != "HELO":
                self._tell(ExtensionsLearned(announced_lines(announced)))

    def _throw_away_plaintext(self) -> None:
        """Nothing that came in clear after the 220 may be taken for an answer inside TLS (CVE-2011-0411)."""
        octets = len(self._replies.pending)
        while (found := self._replies.next_reply()) is not None:
            octets = max(octets, sum(map(len, found[0].lines)))
        if octets:
            self._tell(broken("plaintext-after-starttls", "them", f"{octets} octets"))
        self._replies = ReplyReader()
        self._owed.clear()

    def _move(self, state: State) -> None:
        if state != self.state:
            self._tell(changed(self.state, state))
            self.state = state
            if state == "tls":
                self._throw_away_plaintext()
            elif state == "ready":
                self._accepted = 0
                if not self._owed:
                    self._chunks_octets, self._chunk_held = 0, b""

    def _tell(self, event: Event) -> None:
        if self._emit is not None:
            self._emit(event)

    def _tell_flaws(self, flaws: Iterable[Flaw], *, by_them: bool = False) -> None:
        if self._emit is not None:
            for flaw in flaws:
                self._emit(broken_by_flaw(flaw, "them" if by_them else "us"))
