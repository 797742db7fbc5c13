"""The client's half of a POP3 dialogue, with no socket in sight."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Callable, Iterable

import msgspec

from smtplab.events import CommandSent, Event, ExtensionsLearned, ReplyReceived, StateChanged
from smtplab.journal import Emit
from smtplab.pop3.apop import find_timestamp
from smtplab.pop3.capability import Capabilities
from smtplab.pop3.command import (
    LINE_OCTETS_MAX,
    Capa,
    Command,
    List,
    Retr,
    Top,
    Uidl,
    format_command,
    parse_command,
)
from smtplab.pop3.response import LISTING_OCTETS_MAX, Response, ResponseReader, Status
from smtplab.pop3.rules import broken, broken_by_flaw
from smtplab.pop3.shown import shown_line, shown_lines, shown_response
from smtplab.pop3.states import (
    GREETING,
    HANDSHAKE,
    State,
    advance,
    is_announced,
    is_legal,
    issue,
    legal_verbs,
)
from smtplab.wire.flaw import Flaw

__all__ = ["Answered", "Client", "Closed", "RawLine"]

MESSAGE_OCTETS_MAX = 64 * 1024 * 1024
"""More than any large provider lets through, and little enough to be held in memory."""

_UNASKED = "*"

_HOPED: dict[str, Status] = {"AUTH": "+"}
"""What a client that pipelines counts on, `+OK` for all else."""

_LAST_OF_GROUP = frozenset({"AUTH", "STLS", "QUIT"})
"""Nothing that follows can be meant before they are answered."""


class RawLine(msgspec.Struct, frozen=True):
    """Bytes to be sent as they are, by hand: any line end, any order, NUL too."""

    data: bytes


class Answered(msgspec.Struct, frozen=True, gc=False):
    """A response and the command that it answers."""

    response: Response
    command: Command | RawLine | None
    """None for the greeting, for the end of an AUTH exchange and for a response that nobody asked for."""
    verb: str
    """As in `events.ReplyReceived.verb`."""


class Closed(msgspec.Struct, frozen=True):
    """The peer's bytes ended, or the reader gave up."""

    reason: str = ""
    """Empty for an end of stream; `reply-too-long` where the peer passed a bound."""


class _Owed(msgspec.Struct, frozen=True, gc=False):
    """What was sent and has no answer yet."""

    verb: str
    at: float
    command: Command | RawLine | None = None
    content_octets_max: int | None = None
    """None where the answer is a line alone."""


class Client:
    """Turns commands into bytes and bytes into responses, and keeps where the dialogue stands.

    Strict about facts, lenient about deeds: anything can be sent at any time; what breaks a rule is told to `emit`
    as `RuleBroken(by="us")` and sent all the same.
    """

    state: State
    capabilities: Capabilities | None
    """None until CAPA was answered."""
    timestamp: str
    """Of the greeting, for APOP; empty where there is none. It outlives STLS, for no second greeting comes."""
    secure: bool
    """Inside TLS."""

    def __init__(
        self,
        *,
        message_octets_max: int = MESSAGE_OCTETS_MAX,
        emit: Emit | None = None,
        monotonic: Callable[[], float],
        show_secrets: bool = False,
    ) -> None:
        self.state = "connected"
        self.capabilities = None
        self.timestamp = ""
        self.secure = False
        self._message_octets_max = message_octets_max
        self._emit = emit
        self._monotonic = monotonic
        self._show_secrets = show_secrets
        self._hoped: State = "connected"
        """Where we shall stand if all that is pending succeeds: what a pipelined command is judged by."""
        self._owed = deque([_Owed(GREETING, monotonic())])
        self._by_hand = b""
        """The beginning of a line whose end has not been sent."""
        self._responses = ResponseReader()
        self._received_at = 0.0
        self._ended = False
        self._closed_told = False

    @property
    def pending(self) -> int:
        """How many responses are owed to us."""
        return len(self._owed)

    def legal_verbs(self) -> tuple[str, ...]:
        """What RFC 1939 allows to be sent next, given what was announced."""
        verbs = legal_verbs(self.state, self.capabilities)
        return verbs if self.timestamp else tuple(verb for verb in verbs if verb != "APOP")

    # Sending

    def send(self, command: Command | RawLine) -> bytes:
        """The bytes of a command, with CR LF; facts: CommandSent, RuleBroken by us.

        A `RawLine` may hold any number of lines, or a part of one; after a challenge it is a response.
        Raises ValueError where a field of a command holds CR or LF.
        """
        if isinstance(command, RawLine):
            self._send_raw(command)
            return command.data
        line = format_command(command)
        self._command_leaves(command, command, line, b"\r\n")
        return line + b"\r\n"

    def send_auth(self, response: bytes) -> bytes:
        """An answer to a challenge, base64 made here; its CommandSent shows `***`."""
        line = base64.b64encode(response)
        self._response_leaves(line, None)
        return line + b"\r\n"

    def _send_raw(self, raw: RawLine) -> None:
        *lines, self._by_hand = (self._by_hand + raw.data).split(b"\n")
        for line in lines:
            end = b"\r\n" if line.endswith(b"\r") else b"\n"
            self._raw_line_leaves(raw, line.removesuffix(b"\r"), end)

    def _raw_line_leaves(self, raw: RawLine, line: bytes, end: bytes) -> None:
        if self._hoped == "auth":
            self._response_leaves(line, raw)
            return
        parsed = parse_command(line)
        self._command_leaves(raw, parsed.command, line, end)
        if end == b"\n":
            self._tell_flaws([Flaw("bare-lf", "at the end of a command", "RFC 1939 3")])
        self._tell_flaws(parsed.flaws)

    def _command_leaves(self, sent: Command | RawLine, command: Command, line: bytes, end: bytes) -> None:
        verb = command.verb
        if self._emit is not None:
            text, raw = shown_line(line, end, show_secrets=self._show_secrets)
            self._emit(CommandSent(verb, text, raw))
            self._tell_order(verb)
            if len(line + end) > LINE_OCTETS_MAX:
                self._tell_flaws([Flaw("line-too-long", str(LINE_OCTETS_MAX), "RFC 2449 4")])
        self._owe(_Owed(verb, self._monotonic(), sent, self._content_octets_max(command)))

    def _response_leaves(self, line: bytes, raw: RawLine | None) -> None:
        if self._emit is not None:
            text, shown_raw = shown_response(line, show_secrets=self._show_secrets)
            self._emit(CommandSent("AUTH", text, shown_raw))
            if self._hoped != "auth":
                self._emit(broken("response-without-challenge", "us", f"in {self._hoped}"))
        self._owe(_Owed("AUTH", self._monotonic(), raw))

    def _content_octets_max(self, command: Command) -> int | None:
        """Which commands a content answers (RFC 1939 3: "multi-line"), and how long it may be."""
        match command:
            case Retr() | Top():
                return self._message_octets_max
            case Capa() | List(None) | Uidl(None):
                return LISTING_OCTETS_MAX
            case _:
                return None

    def _owe(self, owed: _Owed) -> None:
        self._owed.append(owed)
        self._hoped = advance(issue(self._hoped, owed.verb), owed.verb, _HOPED.get(owed.verb, "+OK"))
        self._issue_first()

    def _tell_order(self, verb: str) -> None:
        """Tell what is wrong with sending this now. Call before it is owed an answer."""
        if self._hoped == "closed":
            self._tell(broken("after-closing", "us", verb))
        elif not is_legal(self._hoped, verb):
            self._tell(broken("out-of-order", "us", f"{verb} in {self._hoped}"))
        if not is_announced(verb, self.capabilities) or (verb == "APOP" and not self.timestamp):
            self._tell(broken("command-not-announced", "us", verb))
        if self._owed and self.state != "connected":
            if self._owed[-1].verb in _LAST_OF_GROUP:
                self._tell(broken("pipelined-after-last", "us", f"{verb} after {self._owed[-1].verb}"))
            if self.capabilities is None or "PIPELINING" not in self.capabilities:
                self._tell(broken("pipelining-not-announced", "us", verb))

    # Receiving

    def receive(self, data: bytes) -> None:
        """Bytes from the peer, in any pieces; `b""` for its end of stream."""
        if not data:
            self._ended = True
        elif self.state == "tls":
            self._tell(broken("plaintext-after-starttls", "them", f"{len(data)} octets"))
        else:
            self._received_at = self._monotonic()
            self._responses.receive(data)

    def next_event(self) -> Answered | Closed | None:
        """What follows from the bytes so far; None until more come."""
        found = self._responses.next_response(self._owed[0].content_octets_max if self._owed else None)
        if found is not None:
            return self._answer(*found)
        if self._closed_told or not (self._ended or self._responses.broken):
            return None
        self._closed_told = True
        if self._responses.broken:
            return Closed("reply-too-long")
        if octets := self._responses.pending_octets:
            self._tell(broken("truncated-reply", "them", f"{octets} octets"))
        return Closed()

    def tls_established(self) -> None:
        """The handshake is done: what the server announced in clear is forgotten, what it pushed is thrown away."""
        self.secure = True
        self.capabilities = None
        self._responses = ResponseReader()
        if self.state == "tls":
            self._move(advance(self.state, HANDSHAKE, "+OK"))
        self._hoped = self.state

    def _answer(self, response: Response, flaws: tuple[Flaw, ...]) -> Answered:
        owed = self._owed.popleft() if self._owed else None
        verb = owed.verb if owed is not None else _UNASKED
        if self._emit is not None:
            since = owed.at if owed is not None else self._received_at
            ms = int((self._received_at - since) * 1e6) / 1000
            self._emit(ReplyReceived(None, None, shown_lines(response, verb), ms, verb, response.raw))
            self._tell_flaws(flaws, by_them=True)
            if owed is None:
                self._emit(broken("unsolicited-reply", "them"))
            elif response.status == "+" and verb != "AUTH":
                self._emit(broken("challenge-unasked", "them", verb))
        if response.ok:
            self._learn(verb, response)
        self._move(advance(self.state, verb, response.status))
        if self.state == "tls":
            self._throw_away_plaintext()
        self._issue_first()
        if not self._owed or self.state == "closed":
            self._hoped = self.state
        return Answered(response, owed.command if owed is not None else None, verb)

    def _learn(self, verb: str, response: Response) -> None:
        match verb:
            case "CAPA" if response.content is not None:
                self.capabilities = Capabilities(tuple(line for line in response.listing if line.strip()))
                self._tell(ExtensionsLearned(self.capabilities.lines))
            case "":
                self.timestamp = find_timestamp(response.text)
            case _:
                pass

    def _issue_first(self) -> None:
        """QUIT moves the dialogue once it is the next to be answered."""
        if self._owed:
            self._move(issue(self.state, self._owed[0].verb))

    def _throw_away_plaintext(self) -> None:
        """Nothing that came in clear after the `+OK` may be taken for an answer inside TLS (CVE-2011-0411)."""
        if octets := self._responses.pending_octets:
            self._tell(broken("plaintext-after-starttls", "them", f"{octets} octets"))
        self._responses = ResponseReader()
        self._owed.clear()

    def _move(self, state: State) -> None:
        if state != self.state:
            self._tell(StateChanged(self.state, state))
            self.state = state

    def _tell(self, event: Event) -> None:
        if self._emit is not None:
            self._emit(event)

    def _tell_flaws(self, flaws: Iterable[Flaw], *, by_them: bool = False) -> None:
        for flaw in flaws:
            self._tell(broken_by_flaw(flaw, "them" if by_them else "us"))
