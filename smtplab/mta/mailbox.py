"""Where mail is delivered finally: what any store of mailboxes does, and the one that keeps them in memory."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Protocol

import msgspec

from smtplab.events import Delivered
from smtplab.journal import Emit
from smtplab.wire.address import Mailbox


class Letter(msgspec.Struct, frozen=True):
    """A message on its last step."""

    queue_id: str
    recipient: Mailbox
    """As addressed, with its tag."""
    mailbox: str
    """The address, in lower case, that names the mailbox."""
    content: bytes
    """Return-Path, Delivered-To and the trace lines first, then what the client sent."""


class Unstored(msgspec.Struct, frozen=True):
    """A mailbox did not take a letter."""

    status: str
    """Enhanced status code (RFC 3463): `4.3.1` a full disk, `4.2.2` a full mailbox; its class says whether for good."""
    reason: str
    """A stable id: `disk-full`, `mailbox-full`, `mailbox-unusable`."""
    detail: str = ""


TOLD_OCTETS_MAX = 16_384
"""Of the header and of the body in a fact: some screens of text, so that an attachment does not fill the journal."""

_NEXT_FIELD = re.compile(r"\n(?![ \t])")
"""A line that begins with a space or a tab goes on with the field before (RFC 5322 2.2.3)."""


class MailboxStore(Protocol):
    async def deliver(self, letter: Letter, emit: Emit) -> Unstored | None:
        """When it returns None the letter is as safe as the store can make it. Fact: Delivered."""
        ...


class Stored(msgspec.Struct, frozen=True):
    queue_id: str
    content: bytes
    """Return-Path and the trace lines first, then what the client sent."""
    number: int = 0
    """From 1 within its mailbox; never given to another message, also after this one is removed."""


class Mailboxes:
    """In memory, by address in lower case: RFC 5321 2.4 advises against telling local parts apart by case, and nobody
    does."""

    def __init__(self, *, tells_mail: bool = False) -> None:
        self._tells_mail = tells_mail
        """Delivered holds what was put in."""
        self._messages: dict[str, list[Stored]] = {}
        self._last_numbers: dict[str, int] = {}

    async def deliver(self, letter: Letter, emit: Emit) -> Unstored | None:
        """Always room. Fact: Delivered."""
        self.add(letter)
        header, body = told_mail(letter.content) if self._tells_mail else ((), ())
        emit(Delivered(letter.queue_id, str(letter.recipient), letter.mailbox, header, body))
        return None

    def add(self, letter: Letter) -> None:
        """Put it there without a word to anybody."""
        name = letter.mailbox
        number = self._last_numbers[name] = self._last_numbers.get(name, 0) + 1
        self._messages.setdefault(name, []).append(Stored(letter.queue_id, letter.content, number))

    def messages(self, address: str) -> tuple[Stored, ...]:
        """In the order of their arrival; none for a mailbox that never got one."""
        return tuple(self._messages.get(address.lower(), ()))

    def remove(self, address: str, numbers: Collection[int]) -> None:
        """What its reader has taken away; a number that is not there is nothing."""
        name = address.lower()
        if name in self._messages:
            self._messages[name] = [stored for stored in self._messages[name] if stored.number not in numbers]


def told_mail(content: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The fields of the header and the lines of the body, each as far as a fact may hold them."""
    header, _, body = content.partition(b"\r\n\r\n")
    fields = _NEXT_FIELD.split(_told(header).rstrip("\n"))
    return tuple(fields), tuple(_told(body).rstrip("\n").split("\n")) if body else ()


def _told(content: bytes) -> str:
    return content[:TOLD_OCTETS_MAX].decode("utf-8", "replace").replace("\r\n", "\n")
