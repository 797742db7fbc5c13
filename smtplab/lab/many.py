"""A mailing from a table or from stored messages: what each message is, checked before the first one leaves."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from smtplab.lab.bad_input import BadInput
from smtplab.lab.letters import Stored, recipients_in, sender_in, stored_letters, without_bcc
from smtplab.lab.mailing import Item
from smtplab.lab.merge import Row, Table, filled, name_of, read_table
from smtplab.lab.request import SendRequest
from smtplab.lab.sending import Preparation, Sending, people_of

COMPOSED_FIRST = 1000
"""So many messages are made once to see that they can be; of more, the addresses and the texts are looked at alone."""


class SpoiledError(Exception):
    """One message of a mailing can't be sent as it stands: `bad` says why."""

    def __init__(self, name: str, bad: BadInput) -> None:
        super().__init__(name)
        self.name, self.bad = name, bad


def merged(request: SendRequest, preparation: Preparation, path: str) -> list[Item]:
    """A message for each row. Raises BadInput, which names the row, and SpoiledError."""
    table = read_table(path)
    return _items([(name_of(table, row), _of_row(request, table, row)) for row in table.rows], preparation)


def stored(request: SendRequest, preparation: Preparation, path: str) -> list[Item]:
    """Each message that lies there, to those that were named, or to those that it names itself. Raises BadInput and
    SpoiledError."""
    return _items([(one.name, _of_file(request, one)) for one in stored_letters(path)], preparation)


def _of_row(request: SendRequest, table: Table, row: Row) -> Callable[[], SendRequest]:
    return lambda: filled(request, table, row)


def _of_file(request: SendRequest, one: Stored) -> Callable[[], SendRequest]:
    def made() -> SendRequest:
        content = one.read()
        recipients = request.recipients or recipients_in(content)
        if not recipients:
            raise BadInput("letters.no-recipient", file=one.name)
        sender = request.shared.sender if request.shared.sender is not None else sender_in(content)
        shared = msgspec.structs.replace(
            request.shared, recipient=recipients[0], sender=sender, content=without_bcc(content)
        )
        letter = msgspec.structs.replace(request.letter, fix_up=False)
        return msgspec.structs.replace(request, recipients=recipients, shared=shared, letter=letter)

    return made


def _items(requests: list[tuple[str, Callable[[], SendRequest]]], preparation: Preparation) -> list[Item]:
    items = []
    for number, (name, request_of) in enumerate(requests):
        try:
            request = request_of()
            people = people_of(request)
            if number < COMPOSED_FIRST:
                preparation.envelope(request)
        except BadInput as bad:
            if bad.text.startswith(("merge.", "letters.")):
                raise
            raise SpoiledError(name, bad) from bad

        def make(request_of: Callable[[], SendRequest] = request_of) -> Sending:
            return preparation.sending(request_of())

        domain = request.door.copy_routing or people[0].domain.lower()
        items.append(Item(_shown(name), preparation.server or request.door.name or domain, make))
    return items


def _shown(name: str) -> str:
    """A file's name may be no UTF-8; a report is."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
