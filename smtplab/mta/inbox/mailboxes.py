"""The inbox as mailboxes: a POP3 user reads what came for that local part, and notices to our own people land in it."""

from __future__ import annotations

from collections.abc import Callable, Collection

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from smtplab.events import Delivered, Event
from smtplab.journal import Emit
from smtplab.mta.inbox import tables
from smtplab.mta.inbox.listing import sender_of, subject_of
from smtplab.mta.inbox.port import Kept, number_of
from smtplab.mta.inbox.store import InboxStore
from smtplab.mta.mailbox import Letter, MailboxStore, Unstored
from smtplab.mta.mailbox_port import Listed, Maildrop, NotLocked
from smtplab.mta.queue.identifier import QueueIds
from smtplab.net.ports import Clock


class InboxMailboxes:
    """A `MailboxPort` and a `MailboxStore`."""

    def __init__(self, store: InboxStore, ids: QueueIds, clock: Clock) -> None:
        self._store = store
        self._ids = ids
        self._clock = clock
        self._locked: set[str] = set()
        self.maildir: MailboxStore | None = None
        """Gets each letter too."""
        self.on_taken: Callable[[Kept], None] | None = None
        """Told of each letter that was delivered here; it returns at once."""

    async def lock(self, user: str) -> Maildrop | NotLocked:
        """As `MailboxPort.lock`. A user `alice@hust.example` has the mailbox `alice`."""
        name = user.partition("@")[0].lower()
        if name in self._locked:
            return NotLocked("IN-USE")
        self._locked.add(name)
        try:
            letters = await self._store.do(lambda connection: _letters(connection, name))
        except DBAPIError:
            self._locked.discard(name)
            return NotLocked("SYS/TEMP")
        return _InboxMaildrop(name, letters, self._store, self._locked)

    async def deliver(self, letter: Letter, emit: Emit) -> Unstored | None:
        """As `MailboxStore.deliver`."""
        entry = Kept(
            id=self._ids.next_id(),
            received_at=self._clock.now(),
            sender=sender_of(letter.content),
            recipients=(str(letter.recipient),),
            mailboxes=(letter.recipient.local.lower(),),
            octets=len(letter.content),
            unended=not letter.content.endswith(b"\r\n"),
            subject=subject_of(letter.content),
        )
        trouble = await self._store.put(entry, letter.content)
        if trouble is not None:
            return Unstored("4.3.1" if trouble.reason == "disk-full" else "4.2.0", "mailbox-unusable", trouble.detail)
        if self.maildir is not None:
            copy = msgspec.structs.replace(letter, queue_id=entry.id)
            if (unstored := await self.maildir.deliver(copy, _untold)) is not None:
                # It will come again: here it must not lie twice.
                await self._store.remove(entry.id)
                return unstored
        if self.on_taken is not None:
            self.on_taken(entry)
        emit(Delivered(letter.queue_id, str(letter.recipient), letter.mailbox))
        return None


def _untold(event: Event) -> None:
    """It is told once, for the inbox."""
    del event


class _InboxMaildrop:
    def __init__(self, name: str, letters: tuple[Listed, ...], store: InboxStore, locked: set[str]) -> None:
        self.name = name
        self.letters = letters
        self._store = store
        self._locked = locked
        self._held = True

    async def read(self, uid: str) -> bytes | None:
        try:
            content = await self._store.content(uid)
        except DBAPIError:
            return None
        return content if content is None or content.endswith(b"\r\n") else content + b"\r\n"

    async def remove(self, uids: Collection[str]) -> bool:
        try:
            await self._store.let_go(lambda connection: _take_away(connection, self.name, uids))
        except DBAPIError:
            return False
        return True

    def release(self) -> None:
        if self._held:
            self._held = False
            self._locked.discard(self.name)


def _letters(connection: Connection, name: str) -> tuple[Listed, ...]:
    mine = (entry for entry in tables.entries(connection) if name in entry.mailboxes)
    return tuple(Listed(entry.id, entry.octets + 2 * entry.unended) for entry in mine)


def _take_away(connection: Connection, name: str, uids: Collection[str]) -> list[int]:
    """With its last reader a message leaves the inbox. The spool's segments that lose one."""
    segments: list[int] = []
    for uid in uids:
        entry = tables.get(connection, number_of(uid))
        if entry is None:
            continue
        left = tuple(one for one in entry.mailboxes if one != name)
        if left:
            tables.replace(connection, msgspec.structs.replace(entry, mailboxes=left))
        else:
            segments += tables.remove(connection, number_of(uid)) or []
    return segments
