"""Folds records into what went over each connection, from one side's view; packets it does not know."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import msgspec

from smtplab import events as ev
from smtplab.capture.addresses import is_of_server
from smtplab.capture.spoken import content_stand_in, spoken
from smtplab.journal import Record

Kind = Literal["call", "answer", "refusal", "plain", "secured", "end", "reset"]


class Step(msgspec.Struct):
    """One thing that went over the connection, or did not."""

    kind: Kind
    time_us: int
    place: int
    """Of the record that it came with, in the sequence of records."""
    by_client: bool = True
    data: bytes = b""
    told_by: list[int] = msgspec.field(default_factory=list)
    """Places of the records that tell of this step."""
    since_us: int = 0
    """Of `secured`: when the handshake began."""
    version: str = ""
    server_name: str = ""


class Conversation(msgspec.Struct):
    """One connection. The ends are named as far as the records go; addresses are the reader's to find."""

    hop: int
    node: str
    """Whose view this is."""
    span: str
    is_client: bool
    steps: list[Step]
    host: str = ""
    address: str = ""
    port: int | None = None
    """None where the records, a server's own, do not tell."""
    protocol: Literal["smtp", "pop3"] = "smtp"

    @property
    def implicit_tls(self) -> bool:
        """TLS from the first byte (RFC 8314 3)."""
        said = next((step.kind for step in self.steps if step.kind in ("plain", "secured")), "")
        return said == "secured"


def conversations(records: Sequence[Record]) -> list[Conversation]:
    """In the order in which they began. A server's view of what its client tells as well is left out."""
    with_bytes = {_view(record) for record in records if isinstance(record.event, _BYTES)}
    clients = {_view(record) for record in records if isinstance(record.event, _BY_CLIENTS)}
    callers: dict[int, set[str]] = {}
    for hop, node, _ in clients:
        callers.setdefault(hop, set()).add(node)
    threads: dict[tuple[int, str, str], _Thread] = {}
    found: list[Conversation] = []
    for place, record in enumerate(records):
        view = _view(record)
        told_by_its_client = view not in clients and bool(callers.get(record.hop, set()) - {record.node})
        if told_by_its_client or not isinstance(record.event, _OF_A_CONNECTION):
            continue
        if view not in threads:
            threads[view] = _Thread(exact=view in with_bytes)
        begun = threads[view].take(place, record)
        if begun is not None:
            found.append(begun)
    for thread in threads.values():
        thread.end()
    return found


def _view(record: Record) -> tuple[int, str, str]:
    return record.hop, record.node, record.span


class _Thread:
    """The connections of one span, one after the other. `exact`: the bytes themselves are recorded, so that lines only
    explain them."""

    def __init__(self, *, exact: bool) -> None:
        self._exact = exact
        self._now: Conversation | None = None
        self._ahead: list[int] = []
        """Records of lines whose bytes come next."""
        self._handshake_us = 0
        self._server_name = ""
        self._secure = False

    def take(self, place: int, record: Record) -> Conversation | None:
        """The conversation that begins with this record, where one does."""
        begun = None
        if isinstance(record.event, ev.ConnectStarted) or self._now is None:
            self.end()
            if not isinstance(record.event, _BEGINS):
                return None
            begun = self._now = self._begin(place, record)
        self._fold(place, record, self._now)
        return begun

    def end(self) -> None:
        """What had been announced and never came is told of the last step."""
        if self._now is not None and self._now.steps:
            self._now.steps[-1].told_by += self._ahead
        self._ahead = []
        self._now = None
        self._secure, self._handshake_us, self._server_name = False, 0, ""

    def _begin(self, place: int, record: Record) -> Conversation:
        now = Conversation(record.hop, record.node, record.span, True, [])
        now.protocol = "pop3" if record.stage == "collect" else "smtp"
        match record.event:
            case ev.ConnectStarted(host, address, port) | ev.Connected(host, address, port, _):
                now.host, now.address, now.port = host, address, port
                return now
            case ev.ConnectFailed(host, address, port, _, _):
                now.host, now.address, now.port = host, address, port
                return now
            case ev.CommandReceived() | ev.ReplySent() | ev.MessageReceived():
                now.is_client = False
            case _:
                now.is_client = not is_of_server(record.span)
        now.steps += [Step("call", record.time_us, place), Step("answer", record.time_us, place, by_client=False)]
        return now

    def _fold(self, place: int, record: Record, now: Conversation) -> None:
        event, steps = record.event, now.steps
        match event:
            case ev.ConnectStarted():
                steps.append(Step("call", record.time_us, place, told_by=[place]))
            case ev.Connected():
                self._answered(place, record, now)
            case ev.ConnectFailed(reason=reason):
                self._failed(place, record, now, reason)
            case ev.BytesSent(data) | ev.BytesReceived(data):
                self._bytes(place, record, now, data)
            case ev.TlsStarted(server_name):
                self._handshake_us, self._server_name = record.time_us, server_name
                self._note(place, now)
            case ev.TlsEstablished(version=version) if not self._secure:
                self._secure = True
                since_us = self._handshake_us or record.time_us
                steps.append(
                    Step("secured", record.time_us, place, True, b"", [place], since_us, version, self._server_name)
                )
            case ev.Disconnected():
                self._disconnected(place, record.time_us, event, now)
            case _ if (said := _said(record.event)) is not None:
                self._line(place, record, now, said)
            case _:
                self._note(place, now)

    def _note(self, place: int, now: Conversation) -> None:
        """A fact with no bytes of its own stands beside what came before it."""
        if now.steps:
            now.steps[-1].told_by.append(place)
        else:
            self._ahead.append(place)

    def _answered(self, place: int, record: Record, now: Conversation) -> None:
        if not now.steps:
            now.steps.append(Step("call", record.time_us, place))
        now.steps.append(Step("answer", record.time_us, place, by_client=False, told_by=[place]))

    def _failed(self, place: int, record: Record, now: Conversation, reason: str) -> None:
        if reason in _NEVER_LEFT:
            now.steps.clear()
        elif reason == "refused":
            if not now.steps:
                now.steps.append(Step("call", record.time_us, place))
            now.steps.append(Step("refusal", record.time_us, place, by_client=False, told_by=[place]))
        else:
            self._note(place, now)
        self.end()

    def _line(self, place: int, record: Record, now: Conversation, said: bytes) -> None:
        if not self._exact:
            self._say(place, record, now, said, told_by=[place])
        elif isinstance(record.event, _SENT):
            self._ahead.append(place)
        else:
            self._note(place, now)

    def _bytes(self, place: int, record: Record, now: Conversation, data: bytes) -> None:
        told_by: list[int] = []
        if isinstance(record.event, ev.BytesSent):
            told_by, self._ahead = self._ahead, []
        self._say(place, record, now, data, told_by)

    def _say(self, place: int, record: Record, now: Conversation, data: bytes, told_by: list[int]) -> None:
        by_client = now.is_client == isinstance(record.event, _SENT)
        for piece in _BDAT_LINE.split(data) if by_client else [data]:
            if piece:
                now.steps.append(Step("plain", record.time_us, place, by_client, piece, told_by))
                told_by = []

    def _disconnected(self, place: int, time_us: int, event: ev.Disconnected, now: Conversation) -> None:
        by_client = now.is_client == (event.by == "us")
        if event.reason in ("reset", "dropped"):
            now.steps.append(Step("reset", time_us, place, by_client, told_by=[place]))
        elif event.by == "network":
            self._note(place, now)
        else:
            now.steps.append(Step("end", time_us, place, by_client, told_by=[place]))
        self.end()


def _said(event: ev.Event) -> bytes | None:
    """The bytes of a line or a message; None for any other fact."""
    match event:
        case ev.CommandSent() | ev.CommandReceived() | ev.ReplySent() | ev.ReplyReceived():
            return spoken(event)
        case ev.MessageSent(octets, "DATA") | ev.MessageReceived(octets, "DATA"):
            return content_stand_in(octets)
        case _:
            return None


_NEVER_LEFT = frozenset({"not-permitted", "source-unavailable", "failed"})
"""Our own system said no: there was no packet."""

_BYTES = (ev.BytesSent, ev.BytesReceived)

_BY_CLIENTS = (ev.ConnectStarted, ev.ConnectFailed, ev.CommandSent, ev.ReplyReceived)

_SENT = (ev.BytesSent, ev.CommandSent, ev.ReplySent, ev.MessageSent)

_BDAT_LINE = re.compile(rb"^(BDAT[ \t]+\d+[^\r\n]*\r\n)", re.IGNORECASE | re.MULTILINE)
"""Written in a packet of its own: Wireshark reads a BDAT only where it does not share one with its chunk. TCP is a
stream, and how it was cut was never recorded."""

_BEGINS = (
    ev.ConnectStarted,
    ev.Connected,
    ev.ConnectFailed,
    ev.CommandSent,
    ev.CommandReceived,
    ev.ReplyReceived,
    ev.ReplySent,
    ev.TlsStarted,
    ev.BytesSent,
    ev.BytesReceived,
)
"""A server does not tell that it was called: its view begins with what was said first."""

_OF_A_CONNECTION = (
    *_BEGINS,
    ev.Disconnected,
    ev.ExtensionsLearned,
    ev.RuleBroken,
    ev.TlsEstablished,
    ev.TlsFailed,
    ev.Authenticated,
    ev.MessageSent,
    ev.MessageReceived,
)
