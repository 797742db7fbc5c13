"""Records as marked lines, with the marks of swaks; how they are painted it does not know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from smtplab import events as ev
from smtplab.journal import Record, Stage
from smtplab.view.journey import Journey
from smtplab.view.safe import safe
from smtplab.view.stages import refuses, verdict_of
from smtplab.view.strand import calls
from smtplab.view.texts import Texts
from smtplab.view.titles import reply_lines, title

Tone = Literal["heading", "note", "client", "server", "refusal", "good", "warning", "error"]
"""`refusal` is a server's no, `error` what failed on the way or with us."""


class Line(msgspec.Struct, frozen=True):
    mark: str
    """Three columns, as swaks has them: `===`, `***`, ` ->`, ` ~>`, `<- `, `<~ `, `<**`, `<~*`; empty for a heading."""
    text: str
    """One line, safe for a terminal."""
    tone: Tone
    seq: int
    """Of the record."""
    secure: bool = False
    """Said inside TLS."""

    def __str__(self) -> str:
        return f"{self.mark} {self.text}" if self.mark else self.text


_BESIDE_SESSIONS: frozenset[Stage] = frozenset({"submit", "dns", "connect", "queue", "mailbox", "bounce", "outcome"})
"""What happens before, between and after sessions is not inside TLS, whatever the last session was."""


_AT_THE_SERVER: frozenset[Stage] = frozenset({"queue", "mailbox", "bounce"})
"""What becomes of a message there belongs to the hop by which it came."""


def lines(record: Record, journey: Journey, texts: Texts) -> tuple[Line, ...]:
    """The lines of one record, a heading before them where the hop changes; none for what shows nothing.

    The journey is the one just after this record. The server's view of what its client tells already shows nothing.
    """
    if journey.tells_twice(record):
        return ()
    own = _own_lines(record, journey, texts)
    if journey.turned and own:
        return (Line("", heading(record, journey, texts), "heading", record.seq), *own)
    return own


def heading(record: Record, journey: Journey, texts: Texts) -> str:
    """Which hop is told from here on."""
    hop = journey.hops.get(record.hop)
    client, host = (hop.client if hop else "") or record.node, hop.host if hop else ""
    if calls(record.span):
        # Whoever calls may do so for several messages at once.
        session = journey.session_of(record)
        client, host = record.node, session.host if session else ""
    elif record.node != client and record.stage in _AT_THE_SERVER:
        host = record.node
    if not host:
        return texts("heading.hop.unknown", number=record.hop, client=client)
    return texts("heading.hop", number=record.hop, client=client, host=host)


def _own_lines(record: Record, journey: Journey, texts: Texts) -> tuple[Line, ...]:
    session = journey.session_of(record)
    secure = session is not None and session.secure and record.stage not in _BESIDE_SESSIONS
    match record.event:
        case ev.StateChanged() | ev.BytesSent() | ev.BytesReceived() | ev.ExtensionsLearned():
            # What they say stands in the lines around them already.
            return ()
        case ev.CommandSent() | ev.CommandReceived() | ev.MessageSent() | ev.MessageReceived():
            return (Line(" ~>" if secure else " ->", title(record, texts), "client", record.seq, secure),)
        case ev.ReplyReceived() | ev.ReplySent() as reply:
            no = refuses(reply)
            mark, tone = _reply_mark(no=no, secure=secure), _REPLY_TONE[no]
            return tuple(Line(mark, line, tone, record.seq, secure) for line in reply_lines(reply))
        case ev.Delivered(header=header, body=body) if header:
            return (_note(record, texts, secure=secure), *_mail_lines(record, header, body))
        case _:
            return (_note(record, texts, secure=secure),)


def own_count(event: ev.Event) -> int:
    """How many lines `_own_lines` gives, without making them; the same in every language."""
    match event:
        case ev.StateChanged() | ev.BytesSent() | ev.BytesReceived() | ev.ExtensionsLearned():
            return 0
        case ev.ReplyReceived(lines=lines) | ev.ReplySent(lines=lines):
            return max(len(lines), 1)
        case ev.Delivered(header=header, body=body) if header:
            return 1 + sum(field.count("\n") + 1 for field in (*header, *(("", *body) if body else ())))
        case _:
            return 1


def tells_failure(event: ev.Event) -> bool:
    """Has one of its lines the tone of a refusal or of an error?"""
    match event:
        case ev.ReplyReceived() | ev.ReplySent() as reply:
            return refuses(reply)
        case ev.CommandSent() | ev.CommandReceived() | ev.MessageSent() | ev.MessageReceived() | ev.StateChanged():
            return False
        case ev.BytesSent() | ev.BytesReceived() | ev.ExtensionsLearned():
            return False
        case _:
            return _tone(event) == "error"


def _mail_lines(record: Record, header: tuple[str, ...], body: tuple[str, ...]) -> Iterator[Line]:
    """The message as it lies in the mailbox; not a dialogue, so without a mark."""
    for field in (*header, *(("", *body) if body else ())):
        for line in field.split("\n"):
            yield Line("   ", safe(line.replace("\t", "    ")), "note", record.seq)


_REPLY_TONE: dict[bool, Tone] = {False: "server", True: "refusal"}


def _reply_mark(*, no: bool, secure: bool) -> str:
    if secure:
        return "<~*" if no else "<~ "
    return "<**" if no else "<- "


def _note(record: Record, texts: Texts, *, secure: bool) -> Line:
    tone = _tone(record.event)
    # An outcome is news, not an error of ours, whatever it is.
    own_error = tone == "error" and not isinstance(record.event, ev.JourneyEnded)
    return Line("***" if own_error else "===", title(record, texts), tone, record.seq, secure)


def _tone(event: ev.Event) -> Tone:
    match event:
        case ev.RuleBroken(by=by):
            return "error" if by == "us" else "warning"
        case ev.DnsAnswered(rcode=rcode):
            return "note" if rcode == "NOERROR" else "warning"
        case ev.ConnectStarted() | ev.Connected() | ev.RouteFound(hosts=(_, *_)):
            return "note"
        case _:
            pass
    match verdict_of(event):
        case "done":
            return "good"
        case "warning":
            return "warning"
        case "failed":
            return "error"
        case _:
            return "note"
