"""The exit codes of swaks, for scripts that rely on them; ours stand in `exits`."""

from __future__ import annotations

from smtplab.events import CommandSent, ReplyReceived, TlsEstablished
from smtplab.journal import Record
from smtplab.mta.outcome import Judgement

_OF_VERB = {
    "": 21,
    "HELO": 22,
    "EHLO": 22,
    "LHLO": 22,
    "MAIL": 23,
    "RCPT": 24,
    "DATA": 25,
    ".": 26,
    "BDAT": 26,
    "STARTTLS": 29,
    "AUTH": 28,
    "XCLIENT": 33,
}
_HELLOS = ("EHLO", "HELO", "LHLO")
_OF_STAGE = {"dns": 2, "connect": 2, "tls": 29, "auth": 28}
_OF_REASON = {"xclient-not-offered": 33, "prdr-not-offered": 30, "reply-too-long": 6}
_CLOSED = 6
_OTHER = 23
_SECOND_HELLO, _HELLO_AFTER_XCLIENT = 32, 34


class SwaksExit:
    """Told each record, it remembers what was refused last."""

    def __init__(self) -> None:
        self._refused = 0
        self._last = ""
        """What came before an EHLO and makes it another one: TLS, XCLIENT."""

    def __call__(self, record: Record) -> None:
        match record.event:
            case TlsEstablished():
                self._last = "TLS"
            case CommandSent(verb="XCLIENT"):
                self._last = "XCLIENT"
            case ReplyReceived(verb=verb, code=code) if verb != "QUIT" and (code is None or code >= 400):
                self._refused = self._code_of(verb)
            case _:
                pass

    def code(self, judgements: list[Judgement]) -> int:
        """0 where at least one recipient's message was taken, or all went as far as was asked."""
        if any(judgement.good for judgement in judgements):
            return 0
        last = judgements[-1]
        if last.reason in _OF_REASON:
            return _OF_REASON[last.reason]
        if last.reason == "reply" and self._refused:
            return self._refused
        if last.stage in _OF_STAGE:
            return _OF_STAGE[last.stage]
        return _CLOSED if last.retriable else _OTHER

    def _code_of(self, verb: str) -> int:
        if verb in _HELLOS and self._last:
            return _SECOND_HELLO if self._last == "TLS" else _HELLO_AFTER_XCLIENT
        return _OF_VERB.get(verb, _OTHER)
