"""What a POP3 server asks of mailboxes, and the mailboxes in memory that give it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Literal, Protocol

import msgspec

from smtplab.mta.mailbox import Mailboxes


class Listed(msgspec.Struct, frozen=True):
    """One message of a maildrop."""

    uid: str
    """1 to 70 characters from `!` to `~`, the same in every session, never used again (RFC 1939 7, UIDL)."""
    octets: int
    """As sent: with CR LF at each line's end, the last one too (RFC 1939 11)."""


class Maildrop(Protocol):
    """A mailbox under its exclusive lock. What is delivered meanwhile does not show in it (RFC 1939 4)."""

    name: str
    letters: tuple[Listed, ...]

    async def read(self, uid: str) -> bytes | None:
        """As it is sent, its lines ended by CR LF; None where it can't be read."""
        ...

    async def remove(self, uids: Collection[str]) -> bool:
        """False where some of them are still there."""
        ...

    def release(self) -> None:
        """Let others lock it. Twice is nothing."""
        ...


class NotLocked(msgspec.Struct, frozen=True):
    code: Literal["IN-USE", "SYS/TEMP", "SYS/PERM"]
    """RFC 2449 8.1.2, RFC 3206 4."""


class MailboxPort(Protocol):
    async def lock(self, user: str) -> Maildrop | NotLocked:
        """The maildrop of a user that has proven to be that."""
        ...


class MemoryMailboxes:
    """A `MailboxPort` on `Mailboxes`. `address_of` gives the mailbox's address of a user's name."""

    def __init__(self, mailboxes: Mailboxes, address_of: Callable[[str], str] = str.lower) -> None:
        self._mailboxes = mailboxes
        self._address_of = address_of
        self._locked: set[str] = set()

    async def lock(self, user: str) -> Maildrop | NotLocked:
        """As `MailboxPort.lock`; a mailbox that never got a message is an empty maildrop."""
        name = self._address_of(user).lower()
        if name in self._locked:
            return NotLocked("IN-USE")
        self._locked.add(name)
        return _MemoryMaildrop(name, self._mailboxes, self._locked)


class _MemoryMaildrop:
    def __init__(self, name: str, mailboxes: Mailboxes, locked: set[str]) -> None:
        self.name = name
        self._mailboxes = mailboxes
        self._locked = locked
        self._held = True
        self._stored = {f"{stored.queue_id}.{stored.number}": stored for stored in mailboxes.messages(name)}
        """By unique-id. A queue id is new in each run, too: a reader who leaves mail on the server knows what it saw in
        an earlier one."""
        self.letters = tuple(Listed(uid, _octets_sent(stored.content)) for uid, stored in self._stored.items())

    async def read(self, uid: str) -> bytes | None:
        stored = self._stored.get(uid)
        return None if stored is None else stored.content

    async def remove(self, uids: Collection[str]) -> bool:
        self._mailboxes.remove(self.name, {self._stored[uid].number for uid in uids if uid in self._stored})
        return True

    def release(self) -> None:
        if self._held:
            self._held = False
            self._locked.discard(self.name)


def _octets_sent(content: bytes) -> int:
    return len(content) if content.endswith(b"\r\n") or not content else len(content) + 2
