"""What a person types to find mail: words, and a few that say where to look; it reads no message itself."""

from __future__ import annotations

import re

import msgspec

from smtplab.mta.inbox.reader import MessageRow
from smtplab.mta.inbox.sessions import SessionRow
from smtplab.view.folding import folded

_TOKEN = re.compile(r'(?:([a-z]+):)?(?:"([^"]*)"?|(\S+))', re.IGNORECASE)

FIELDS = ("from", "to", "subject", "client", "id")
STATES = ("unread", "read", "failed", "tls", "clear")


class Query(msgspec.Struct, frozen=True):
    """All of it must hold."""

    words: tuple[str, ...] = ()
    """Case-folded: each in the head of a message, or else in its content."""
    fields: tuple[tuple[str, str], ...] = ()
    """`from:`, `to:`, `subject:`, `client:` and `id:` with what each must hold."""
    states: tuple[str, ...] = ()
    """`is:unread`, `is:read`, `is:failed` (a session that was refused or broken off), `is:tls`, `is:clear`."""

    @property
    def is_empty(self) -> bool:
        return not (self.words or self.fields or self.states)

    def admits(self, item: MessageRow | SessionRow, *, seen: bool, failed: bool = False) -> bool:
        """As far as fields and states say."""
        return all(text in _field(item, name) for name, text in self.fields) and all(
            _is(item, state, seen=seen, failed=failed) for state in self.states
        )

    def missing(self, head: str) -> tuple[str, ...]:
        """The words that a (case-folded) head does not hold: the content has to."""
        return tuple(word for word in self.words if word not in head)


def parse_query(text: str) -> Query:
    """Any text is a query: what names no field of ours is a word to look for."""
    words: list[str] = []
    fields: list[tuple[str, str]] = []
    states: list[str] = []
    for found in _TOKEN.finditer(folded(text)):
        name, value = found[1] or "", found[2] if found[2] is not None else found[3]
        if not value:
            continue
        if name in FIELDS:
            fields.append((name, value))
        elif name == "is" and value in STATES:
            states.append(value)
        else:
            words.append(found[0].replace('"', ""))
    return Query(tuple(words), tuple(fields), tuple(states))


def head_of(item: MessageRow | SessionRow) -> str:
    """What a list shows of it, folded."""
    if isinstance(item, MessageRow):
        return folded("\n".join((item.id, item.sender, *item.recipients, item.subject, item.client)))
    return folded(f"{item.id}\n{item.protocol}\n{item.client}")


def _field(item: MessageRow | SessionRow, name: str) -> str:
    if isinstance(item, SessionRow):
        return folded({"client": item.client, "id": item.id}.get(name, ""))
    match name:
        case "from":
            return folded(item.sender)
        case "to":
            return folded("\n".join(item.recipients))
        case "subject":
            return folded(item.subject)
        case "client":
            return folded(item.client)
        case _:
            return folded(item.id)


def _is(item: MessageRow | SessionRow, state: str, *, seen: bool, failed: bool) -> bool:
    match state:
        case "unread":
            return not seen
        case "read":
            return seen
        case "failed":
            return failed
        case _:
            return isinstance(item, MessageRow) and bool(item.tls) == (state == "tls")
