"""Addresses that ask a server for a fault by themselves: `rcpt550_5.1.1@…` is refused at RCPT with that reply.

A local part is a stage (`mail` for the sender's address; `rcpt`, `data` or `content` for a recipient's) and a code,
with an enhanced one behind `_` where wanted, or `drop`: the connection is reset. After smtp-sink's and BadSMTP's
conventions.
"""

from __future__ import annotations

import functools
import re
from typing import Literal, cast

from smtplab.mta.arrival import Arrival
from smtplab.mta.rules import Caller, Hook, Word
from smtplab.wire.address import Mailbox
from smtplab.wire.command import Command, Data, Mail, Rcpt, Rset
from smtplab.wire.reply import make_reply

Stage = Literal["mail", "rcpt", "data", "content"]

_WISH = re.compile(r"(mail|rcpt|data|content)(?:(drop)|([45]\d\d)(?:_([45])\.(\d{1,3})\.(\d{1,3}))?)", re.IGNORECASE)


class Wishes:
    """Of one session: what a recipient asks of DATA or of the content is kept until the transaction's end."""

    def __init__(self) -> None:
        self._waiting: dict[Stage, Word] = {}

    def hooks(self) -> dict[str, Hook]:
        """To be asked before the ordinary rules."""
        return {"MAIL": self._mail, "RCPT": self._rcpt, "DATA": self._data, "RSET": self._rset}

    def at_content(self, arrival: Arrival) -> Word | None:
        """Instead of taking the message."""
        del arrival
        found = self._waiting.get("content")
        self._waiting.clear()
        return found

    def _mail(self, command: Command, caller: Caller) -> Word | None:
        del caller
        self._waiting.clear()
        wish = wish_of(command.reverse_path) if type(command) is Mail and command.reverse_path else None
        return wish[1] if wish is not None and wish[0] == "mail" else None

    def _rcpt(self, command: Command, caller: Caller) -> Word | None:
        del caller
        wish = wish_of(command.forward_path) if type(command) is Rcpt else None
        if wish is None:
            return None
        if wish[0] == "rcpt":
            return wish[1]
        self._waiting.setdefault(*wish)
        return None

    def _data(self, command: Command, caller: Caller) -> Word | None:
        del caller
        return self._waiting.get("data") if type(command) is Data else None

    def _rset(self, command: Command, caller: Caller) -> None:
        del caller
        if type(command) is Rset:
            self._waiting.clear()


def wish_of(address: Mailbox) -> tuple[Stage, Word] | None:
    """None for an ordinary address. An enhanced code of another class than the reply's is left out (RFC 3463 2)."""
    return _wish_of(address.local)


# The same addresses come again and again.
@functools.lru_cache(maxsize=1024)
def _wish_of(local: str) -> tuple[Stage, Word] | None:
    found = _WISH.fullmatch(local)
    if found is None:
        return None
    stage = cast("Stage", found[1].lower())
    if found[2]:
        return stage, "drop"
    code = int(found[3])
    enhanced = f"{found[4]}.{found[5]}.{found[6]}" if found[4] == found[3][0] else None
    return stage, make_reply(code, "As this address asks for", enhanced=enhanced)
