"""Mailboxes in memory: what was delivered finally, octet for octet."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from smtplab.events import Delivered
from smtplab.journal import Emit
from smtplab.wire.address import Mailbox


class Stored(msgspec.Struct, frozen=True):
    queue_id: str
    content: bytes
    """Return-Path and the trace lines first, then what the client sent."""
    number: int = 0
    """From 1 within its mailbox; never given to another message, also after this one is removed."""


class Mailboxes:
    """By address in lower case: RFC 5321 2.4 advises against telling local parts apart by case, and nobody does."""

    def __init__(self) -> None:
        self._messages: dict[str, list[Stored]] = {}
        self._last_numbers: dict[str, int] = {}

    def deliver(self, queue_id: str, recipient: Mailbox, content: bytes, emit: Emit) -> None:
        """Fact: Delivered."""
        name = str(recipient).lower()
        number = self._last_numbers[name] = self._last_numbers.get(name, 0) + 1
        self._messages.setdefault(name, []).append(Stored(queue_id, content, number))
        emit(Delivered(queue_id, str(recipient), name))

    def messages(self, address: str) -> tuple[Stored, ...]:
        """In the order of their arrival; none for a mailbox that never got one."""
        return tuple(self._messages.get(address.lower(), ()))

    def remove(self, address: str, numbers: Collection[int]) -> None:
        """What its reader has taken away; a number that is not there is nothing."""
        name = address.lower()
        if name in self._messages:
            self._messages[name] = [stored for stored in self._messages[name] if stored.number not in numbers]
