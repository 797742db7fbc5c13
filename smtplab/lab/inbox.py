"""What a server has received, for every front end: its inbox opened, its messages by id, and watched as they come."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smtplab.lab.bad_input import BadInput, NotNow
from smtplab.mta.inbox.reader import Inbox, MessageRow, Removed, UnreadableInbox, visit_inbox
from smtplab.mta.inbox.sessions import SessionRow

__all__ = ["Inbox", "MessageRow", "Removed", "SessionRow", "bad_inbox", "delete", "opened_inbox", "raw", "watch"]

LOOK_S = 0.5
"""Between two looks for new messages: a person takes it for at once."""


@contextmanager
def opened_inbox(home: Path) -> Iterator[Inbox]:
    """As `visit_inbox`. Raises as `bad_inbox` says."""
    try:
        with visit_inbox(home / "inbox") as inbox:
            yield inbox
    except UnreadableInbox as trouble:
        raise bad_inbox(trouble) from trouble


def bad_inbox(trouble: UnreadableInbox) -> BadInput:
    """NotNow where it may pass."""
    if trouble.may_pass:
        return NotNow("inbox.not-now", place=str(trouble.folder), reason=trouble.reason)
    return BadInput("serve.store-unreadable", place=str(trouble))


def raw(home: Path, name: str) -> bytes:
    """The stored bytes. Raises BadInput where there is no such message."""
    with opened_inbox(home) as inbox:
        found = inbox.raw(name)
    if found is None:
        raise BadInput("inbox.unknown", id=name)
    return found


def delete(home: Path, names: tuple[str, ...]) -> None:
    """All of them, or none and BadInput where one is not there."""
    with opened_inbox(home) as inbox:
        for name in names:
            if not inbox.delete(name):
                raise BadInput("inbox.unknown", id=name)


def watch(home: Path) -> Iterator[MessageRow]:
    """Each message that comes from now on; it does not end by itself."""
    with opened_inbox(home) as inbox:
        after = next(reversed([row.id for row in inbox.messages()]), "")
    while True:
        with opened_inbox(home) as inbox:
            rows = list(inbox.messages(after))
        for row in rows:
            after = row.id
            yield row
        time.sleep(LOOK_S)
