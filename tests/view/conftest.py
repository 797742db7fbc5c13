"""A journal on a clock that is moved by hand, and one event of every kind."""

from __future__ import annotations

from typing import get_args

import pytest

from smtplab import events as ev
from smtplab.journal import Journal, Record, Stage

CLIENT = "laptop.example"
HOST = "mx1.neu.example"


class Book:
    """Writes records as a producer would: `book(event, hop=1)`, a millisecond apart."""

    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0
        self._journal = Journal(lambda: self.now_s)
        self._stage: Stage | None = None

    @property
    def records(self) -> list[Record]:
        return self._journal.records

    def __call__(self, *events: ev.Event, hop: int = 0, node: str = CLIENT, span: str = "") -> Record:
        """Who is no client answers, if not said otherwise."""
        span = span or ("deliver/1" if node == CLIENT else "receive/1")
        scope = self._journal.scope(node=node, hop=hop, span=span)
        if self.records:
            scope.stage = self._stage or self.records[-1].stage
        self._stage = None
        for event in events:
            self.now_s += 0.001
            scope(event)
        return self.records[-1]

    def stand_at(self, stage: Stage) -> None:
        """The next record belongs to it, as in a journal that is told so by the producer."""
        self._stage = stage

    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    def begin(self, recipient: str = "lan@neu.example", mode: ev.Mode = "live") -> None:
        self(ev.JourneyStarted(recipient, "minh@hust.example", mode, None, None))

    def connect(self, host: str = HOST, address: str = "192.0.2.25", *, hop: int = 0, port: int = 25) -> None:
        self(ev.ConnectStarted(host, address, port), ev.Connected(host, address, port, 1.0), hop=hop)

    def fail_to_connect(self, address: str, reason: str, *, host: str = HOST, port: int = 25) -> None:
        self(ev.ConnectStarted(host, address, port), ev.ConnectFailed(host, address, port, 30000.0, reason))

    def ask(self, line: str, code: int, *texts: str, enhanced: str | None = None, hop: int = 0) -> Record:
        """A command and its reply; an empty line is the greeting."""
        verb = line.split(" ", maxsplit=1)[0].upper()
        if line:
            self(ev.CommandSent(verb, line), hop=hop)
        return self(ev.ReplyReceived(code, enhanced, texts or ("OK",), 1.0, verb), hop=hop)

    def end(self, result: ev.Result, code: int | None = None, enhanced: str | None = None, detail: str = "") -> None:
        self(ev.JourneyEnded(result, code, enhanced, detail))


@pytest.fixture
def book() -> Book:
    return Book()


CERTIFICATE = ev.CertificateSeen("CN=mail.example", "CN=Some CA", ("mail.example",), "2026-01-31T00:00:00Z", "ab" * 32)

ONE_OF_EACH: tuple[ev.Event, ...] = (
    ev.JourneyStarted("lan@neu.example", "", "live", None, None),
    ev.DnsQueried("neu.example", "MX", "192.0.2.53"),
    ev.DnsAnswered("neu.example", "MX", "192.0.2.53", "NOERROR", ("10 mx1.neu.example.",), 3600, False, 1.5),
    ev.DnsFailed("neu.example", "MX", "192.0.2.53", "timed-out"),
    ev.RouteFound("neu.example", "mx", (ev.HostFound(HOST, 10, ("192.0.2.25",)),)),
    ev.HostSkipped("mx9.neu.example", "no-address"),
    ev.PolicyFound("dane", "3 1 1 abcd"),
    ev.ConnectStarted(HOST, "192.0.2.25", 25),
    ev.Connected(HOST, "192.0.2.25", 25, 3.0),
    ev.ConnectFailed(HOST, "192.0.2.26", 25, 30000.0, "timed-out"),
    ev.ReplyReceived(220, None, ("mx1.neu.example ESMTP",), 1.0, ""),
    ev.CommandSent("EHLO", "EHLO laptop.example"),
    ev.ExtensionsLearned(("SIZE 1000", "STARTTLS", "X-OWN")),
    ev.StateChanged("greeted", "ready"),
    ev.RuleBroken("bare-lf", "them", "1", "RFC 5321 2.3.8"),
    ev.TlsStarted(HOST),
    ev.TlsEstablished("TLSv1.3", "TLS_AES_256_GCM_SHA384", CERTIFICATE, None, "expired"),
    ev.TlsFailed("not-tls"),
    ev.Authenticated("PLAIN", "minh"),
    ev.MessageSent(812, "DATA"),
    ev.MessageReceived(812, "BDAT"),
    ev.BytesSent(b"\x1b[2J"),
    ev.BytesReceived(b"220 x\r\n"),
    ev.CommandReceived("MAIL", "MAIL FROM:<> SIZE=10"),
    ev.ReplySent(550, "5.1.1", ("5.1.1 No such user",), 1.0, "RCPT"),
    ev.Queued("A1"),
    ev.AttemptStarted("A1", 1, HOST),
    ev.Delivered("A1", "lan@neu.example", "lan@neu.example"),
    ev.Deferred("A1", "lan@neu.example", "2026-11-23T01:30:00Z", "timed-out"),
    ev.Bounced("A1", "lan@neu.example", "5.1.1", "550 5.1.1 No such user"),
    ev.BounceSent("A1", "minh@hust.example"),
    ev.Dequeued("A1", "relayed"),
    ev.MailCollected("pop3", "lan@neu.example", 812),
    ev.GateHeld("MAIL FROM:<>"),
    ev.GateReleased("MAIL FROM:<a@b.example>", "edited"),
    ev.Judged("spf", "pass", ""),
    ev.FaultInjected("drop", HOST),
    ev.Disconnected("them", False, "reset"),
    ev.JourneyEnded("deferred", None, None, "reset"),
)


@pytest.fixture
def one_of_each() -> tuple[ev.Event, ...]:
    """Of every class of the union."""
    assert {type(event) for event in ONE_OF_EACH} == set(get_args(ev.Event))
    return ONE_OF_EACH
