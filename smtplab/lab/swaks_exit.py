"""The exit codes of swaks, for scripts that rely on them; ours stand in `exits`."""

from __future__ import annotations

from smtplab.events import ReplyReceived
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
}
_OF_STAGE = {"dns": 2, "connect": 2, "tls": 29, "auth": 28}
_CLOSED = 6
_OTHER = 23


class SwaksExit:
    """Told each record, it remembers what was refused last."""

    def __init__(self) -> None:
        self._refused = ""
        self._any_refused = False

    def __call__(self, record: Record) -> None:
        match record.event:
            case ReplyReceived(verb=verb, code=code) if verb != "QUIT" and (code is None or code >= 400):
                self._refused, self._any_refused = verb, True
            case _:
                pass

    def code(self, judgements: list[Judgement]) -> int:
        """0 where at least one recipient's message was taken, or all went as far as was asked."""
        if any(judgement.good for judgement in judgements):
            return 0
        last = judgements[-1]
        if last.reason == "reply" and self._any_refused:
            return _OF_VERB.get(self._refused, _OTHER)
        if last.stage in _OF_STAGE:
            return _OF_STAGE[last.stage]
        return _CLOSED if last.retriable else _OTHER
