"""How a session on our server came to its end, read from its records: taken, refused, broken off, or just left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from smtplab import events as ev
from smtplab.journal import Record, Stage

EndingKind = Literal["taken", "refused", "broken", "left", "collected", "early"]
"""`refused`: something was refused with 4xx or 5xx. `broken`: the connection went in the middle of the dialogue.
`early`: it went before a command was said, as port scanners do. `collected`: a reader's session (POP3)."""


class Ending(msgspec.Struct, frozen=True):
    kind: EndingKind
    stage: Stage
    """The last one before QUIT."""
    reply: str = ""
    """The refusal that came last, its first line with its code."""
    helo: str = ""
    """As the client named itself; empty where it did not."""

    @property
    def failed(self) -> bool:
        return self.kind in ("refused", "broken")


def ending_of(records: Sequence[Record]) -> Ending:
    """Of a whole session as our server saw it."""
    stage: Stage = "connect"
    refusal, helo = "", ""
    taken = said = False
    clean = True
    for record in records:
        event = record.event
        if record.stage != "quit" and not isinstance(event, ev.Disconnected):
            stage = record.stage
        match event:
            case ev.CommandReceived(verb="EHLO" | "HELO" | "LHLO", line=line):
                helo, said = line.partition(" ")[2].strip(), True
            case ev.CommandReceived():
                said = True
            case ev.ReplySent(code=int(code)) if code >= 400 and event.verb != "QUIT":
                refusal = f"{code} {event.lines[0]}" if event.lines else str(code)
            case ev.ReplySent(verb="." | "BDAT", code=int(code)) if 200 <= code < 300:
                taken = True
            case ev.Disconnected():
                clean = event.clean
            case _:
                pass
    if any(record.stage == "collect" for record in records[:3]) or any(
        isinstance(record.event, ev.MailCollected) for record in records
    ):
        return Ending("collected", stage, refusal, helo)
    kind = _kind(taken=taken, refused=bool(refusal), clean=clean, said=said)
    return Ending(kind, stage, refusal, helo)


def transaction_of(records: Sequence[Record], message: str) -> int:
    """Among a session's records, where the transaction of the message with this id begins: at its MAIL. 0 for the first
    one, which goes with all that was said before it, and where it is not among them any more."""
    begun = mails = 0
    for index, record in enumerate(records):
        event = record.event
        if isinstance(event, ev.CommandReceived) and event.verb == "MAIL":
            begun, mails = index, mails + 1
        elif isinstance(event, ev.ReplySent) and any(message in line for line in event.lines):
            return begun if mails > 1 else 0
    return 0


def _kind(*, taken: bool, refused: bool, clean: bool, said: bool) -> EndingKind:
    if refused:
        return "refused"
    if taken:
        return "taken"
    if clean:
        return "left"
    return "broken" if said else "early"
