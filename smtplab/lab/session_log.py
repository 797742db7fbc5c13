"""One session in the log: a line for its beginning, each message, each refusal and its end, read from its facts."""

from __future__ import annotations

from smtplab.events import (
    Authenticated,
    CommandReceived,
    Disconnected,
    Event,
    FaultInjected,
    MessageReceived,
    ReplySent,
    RuleBroken,
    TlsEstablished,
    TlsFailed,
)
from smtplab.lab.logbook import Logbook, Value

RECIPIENTS_MAX = 20
"""In a message's line; their number is told all the same."""


class SessionLog:
    def __init__(self, book: Logbook, session: str, protocol: str, client: str) -> None:
        self._book = book
        self._session = session
        self._line = self._mail = ""
        self._recipients: list[str] = []
        self._octets = 0
        self._accepted = self._refused = 0
        self._write("connected", protocol=protocol, client=client)

    def tell(self, event: Event) -> None:
        match event:
            case CommandReceived(line=line):
                self._line = line
            case ReplySent():
                self._replied(event)
            case MessageReceived(octets=octets):
                self._octets = octets
            case TlsEstablished(version=version, cipher=cipher):
                self._write("tls", version=version, cipher=cipher)
            case TlsFailed(reason=reason):
                self._write("tls-failed", reason=reason)
            case Authenticated(mechanism=mechanism, user=user):
                self._write("authenticated", mechanism=mechanism, user=user)
            case RuleBroken(rule=rule, by="them", detail=detail):
                self._write("rule-broken", rule=rule, detail=detail)
            case FaultInjected(fault=fault, where=where):
                self._write("fault", fault=fault, where=where)
            case Disconnected(by=by, clean=clean, reason=reason):
                counted: dict[str, Value] = {"accepted": self._accepted, "refused": self._refused}
                self._write("disconnected", by=by, clean=clean, reason=reason, **counted)
            case _:
                pass

    def _replied(self, reply: ReplySent) -> None:
        code, text = reply.code or 0, " ".join(reply.lines)
        if code >= 400:
            self._refused += 1
            said = "." if reply.verb == "." else self._line
            self._write("refused", command=said, code=code, reply=text)
        elif reply.verb == "MAIL":
            self._mail, self._recipients = self._line, []
        elif reply.verb == "RCPT":
            self._recipients.append(self._line)
        elif reply.verb in (".", "BDAT") and code == 250 and self._octets:
            self._accepted += 1
            recipients = self._recipients[:RECIPIENTS_MAX]
            count = len(self._recipients)
            self._write("accepted", mail=self._mail, rcpt=recipients, count=count, octets=self._octets, reply=text)
        if reply.verb == "." or self._octets:
            self._octets = 0

    def _write(self, what: str, **about: Value) -> None:
        self._book.write(what, {"session": self._session, **about})
