"""Mailboxes in memory: what was delivered finally, octet for octet."""

from __future__ import annotations

import msgspec

from smtplab.events import Delivered
from smtplab.journal import Emit
from smtplab.wire.address import Mailbox


class Stored(msgspec.Struct, frozen=True):
    queue_id: str
    content: bytes
    """Return-Path and the trace lines first, then what the client sent."""


class Mailboxes:
    """By address in lower case: RFC 5321 2.4 advises against telling local parts apart by case, and nobody does."""

    def __init__(self) -> None:
        self._messages: dict[str, list[Stored]] = {}

    def deliver(self, queue_id: str, recipient: Mailbox, content: bytes, emit: Emit) -> None:
        """Fact: Delivered."""
        name = str(recipient).lower()
        self._messages.setdefault(name, []).append(Stored(queue_id, content))
        emit(Delivered(queue_id, str(recipient), name))

    def messages(self, address: str) -> tuple[Stored, ...]:
        """In the order of their arrival; none for a mailbox that never got one."""
        return tuple(self._messages.get(address.lower(), ()))
