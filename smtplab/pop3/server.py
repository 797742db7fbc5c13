"""The server's half of a POP3 dialogue, with no socket in sight."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

import msgspec

from smtplab.events import CommandReceived, Event, ReplySent, StateChanged
from smtplab.journal import Emit
from smtplab.pop3.capability import Capabilities
from smtplab.pop3.command import LINE_OCTETS_MAX, Command, Parsed, Unknown, parse_command
from smtplab.pop3.response import LongContent, Response, err, flaws_of_ends, format_response
from smtplab.pop3.rules import broken, broken_by_flaw
from smtplab.pop3.shown import shown_line, shown_lines, shown_response
from smtplab.pop3.states import GREETING, HANDSHAKE, State, advance, is_announced, is_legal, issue
from smtplab.wire.flaw import Flaw
from smtplab.wire.framing import LineReader, bare_line_ends

__all__ = ["Asked", "AuthAnswered", "ClientGone", "Limits", "Request", "Server"]


class Asked(msgspec.Struct, frozen=True, gc=False):
    """A command that wants a response."""

    command: Command
    flaws: tuple[Flaw, ...]
    refusal: Response | None
    """What is to be answered where the command is out of order or can't be read; None where it stands."""


class AuthAnswered(msgspec.Struct, frozen=True, gc=False):
    """A line of an AUTH exchange, decoded; None where it was no base64. `cancelled` for a lone `*`."""

    response: bytes | None
    cancelled: bool = False


class ClientGone(msgspec.Struct, frozen=True, gc=False):
    clean: bool
    """True after QUIT."""


Request = Asked | AuthAnswered | ClientGone


class Limits(msgspec.Struct, frozen=True):
    """Bounds, each with its reason."""

    command_octets: int = LINE_OCTETS_MAX
    auth_octets: int = 12288
    """Of a line in an AUTH exchange, as SMTP demands it of a server (RFC 4954 4)."""


_DEFAULT_LIMITS = Limits()

_SILENT = frozenset({"connected", "tls", "closed"})
"""States in which nothing is read: before the greeting, within the handshake, after the end."""


class Server:
    """Turns bytes into requests and responses into bytes, and keeps where the dialogue stands.

    One request at a time: after `next_event` gave one that wants a response, it gives None until `reply` was called.
    So a pipelined command is read in the state that the response before it made.
    """

    state: State
    secure: bool
    """Inside TLS."""

    def __init__(
        self,
        *,
        limits: Limits = _DEFAULT_LIMITS,
        emit: Emit | None = None,
        monotonic: Callable[[], float],
        show_secrets: bool = False,
    ) -> None:
        self.state = "connected"
        self.secure = False
        self._limits = limits
        self._emit = emit
        self._monotonic = monotonic
        self._show_secrets = show_secrets
        self._offered = Capabilities()
        self._apop = False
        # A client's bytes are commands only, so that nothing can be smuggled by a bare LF: it is noted and read.
        self._lines = LineReader(limits.command_octets, bare_lf_ends=True)
        self._asked = False
        self._verb = GREETING
        self._asked_at = monotonic()
        self._quit = False
        self._ended = False
        self._gone_told = False

    # Receiving

    def receive(self, data: bytes) -> None:
        """Bytes from the peer, in any pieces; `b""` for its end of stream."""
        if not data:
            self._ended = True
        elif self.state == "tls":
            self._tell(broken("plaintext-after-starttls", "them", f"{len(data)} octets"))
        elif self.state != "closed":
            self._lines.receive(data)

    def next_event(self) -> Request | None:
        if self._asked or self.state in _SILENT:
            return self._gone() if self._ended else None
        found = self._lines.next_line()
        if found is None:
            return self._gone() if self._ended else None
        line, flaws = found[0], tuple(_of_pop3(flaw) for flaw in found[1])
        self._asked, self._asked_at = True, self._monotonic()
        if self.state == "auth":
            return self._read_response(line, flaws)
        return self._read_command(line, flaws)

    def _read_command(self, line: bytes, flaws: tuple[Flaw, ...]) -> Request:
        too_long = any(flaw.rule == "line-too-long" for flaw in flaws)
        parsed = Parsed(Unknown(line)) if too_long else parse_command(line)
        parsed = Parsed(parsed.command, (*flaws, *parsed.flaws))
        self._verb = parsed.command.verb
        if self._emit is not None:
            text, raw = shown_line(line, show_secrets=self._show_secrets)
            self._emit(CommandReceived(self._verb, text, raw))
            self._tell_flaws(parsed.flaws)
        refusal = self._refusal_of(parsed)
        if refusal is None:
            self._move(issue(self.state, self._verb))
        return Asked(parsed.command, parsed.flaws, refusal)

    def _refusal_of(self, parsed: Parsed) -> Response | None:
        verb = parsed.command.verb
        if isinstance(parsed.command, Unknown):
            unknown = any(flaw.rule in ("unknown-verb", "empty-command") for flaw in parsed.flaws)
            return err("Unknown command" if unknown else "Syntax error")
        if not is_legal(self.state, verb):
            self._tell(broken("out-of-order", "them", f"{verb} in {self.state}"))
            return err("Not in this state")
        if not is_announced(verb, self._offered) or (verb == "APOP" and not self._apop):
            self._tell(broken("command-not-announced", "them", verb))
            return err("Not offered here")
        return None

    def _read_response(self, line: bytes, flaws: tuple[Flaw, ...]) -> Request:
        """RFC 5034 4: whatever comes now is a response, however much it looks like a command."""
        self._verb = "AUTH"
        if self._emit is not None:
            text, raw = shown_response(line, show_secrets=self._show_secrets)
            self._emit(CommandReceived("AUTH", text, raw))
            self._tell_flaws(flaws)
        if line == b"*":
            return AuthAnswered(None, cancelled=True)
        try:
            return AuthAnswered(base64.b64decode(line, validate=True))
        except (binascii.Error, ValueError):
            return AuthAnswered(None)

    def _gone(self) -> ClientGone | None:
        if self._gone_told or (self._asked and self.state != "closed"):
            return None
        self._gone_told = True
        if self.state != "closed":
            self._tell(broken("closed-without-quit", "them", f"in {self.state}"))
        return ClientGone(clean=self._quit)

    # Answering

    def offer(self, capabilities: Capabilities, *, apop: bool = False) -> None:
        """What CAPA tells from now on, so that what it does not tell is refused. APOP has no capability: the
        greeting's timestamp announces it."""
        self._offered = capabilities
        self._apop = apop

    def greet(self, response: Response) -> bytes:
        """The first bytes; whatever came before them is early talk and recorded as that."""
        if early := self._lines.pending:
            self._tell(broken("early-talker", "them", f"{len(early)} octets"))
        self._asked = True
        return self.reply(response)

    def reply(self, response: Response, *, content_apart: bool = False) -> bytes:
        """Answer what was asked; the state moves by the status. `+OK` to STLS throws away what is buffered. With
        `content_apart` only the line is given back, and `content_left` is to be called behind the rest.

        Raises ValueError where the text of the response holds CR or LF.
        """
        data = format_response(msgspec.structs.replace(response, content=None) if content_apart else response)
        verb = self._verb if self._asked else "*"
        if self._emit is not None:
            ms = int((self._monotonic() - self._asked_at) * 1e6) / 1000 if self._asked else 0.0
            self._emit(ReplySent(None, None, shown_lines(response, verb), ms, verb, response.raw))
            if not self._asked:
                self._emit(broken("unasked-reply", "us"))
            if verb in ("RETR", "TOP") and not content_apart:
                self._tell_flaws(flaws_of_ends(*bare_line_ends(response.content or b"")), by_us=True)
        self._asked = False
        self._move(advance(self.state, verb, response.status))
        self._quit = verb == "QUIT" and self.state == "closed"
        return data

    def content_left(self, content: LongContent) -> None:
        """All of it."""
        self._tell_flaws(content.flaws, by_us=True)

    def tls_established(self) -> None:
        """Inside TLS now: what the client said in clear is forgotten (RFC 2595 4)."""
        self.secure = True
        self._lines.take()
        if self.state == "tls":
            self._move(advance(self.state, HANDSHAKE, "+OK"))

    def _move(self, state: State) -> None:
        if state == self.state:
            return
        self._tell(StateChanged(self.state, state))
        self.state = state
        match state:
            case "tls":
                self._throw_away("plaintext-after-starttls")
            case "auth":
                self._throw_away("pipelined-after-auth")
            case _:
                pass
        self._lines.octets_max = self._limits.auth_octets if state == "auth" else self._limits.command_octets

    def _throw_away(self, rule: str) -> None:
        """Nothing said before a handshake or a challenge can be its answer (CVE-2011-0411, RFC 5034 4)."""
        if thrown := self._lines.take():
            self._tell(broken(rule, "them", f"{len(thrown)} octets"))

    def _tell(self, event: Event) -> None:
        if self._emit is not None:
            self._emit(event)

    def _tell_flaws(self, flaws: tuple[Flaw, ...], *, by_us: bool = False) -> None:
        for flaw in flaws:
            self._tell(broken_by_flaw(flaw, "us" if by_us else "them"))


def _of_pop3(flaw: Flaw) -> Flaw:
    """What the reader of lines notes holds here by other documents."""
    return Flaw(flaw.rule, flaw.detail, "RFC 2449 4" if flaw.rule == "line-too-long" else "RFC 1939 3")
