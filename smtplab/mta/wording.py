"""The words of notices: who renders them, by id and arguments, and a plain English that needs no catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol


class Words(Protocol):
    """One language's texts, such as `view.texts.Texts`; ids and arguments are those of `PLAIN_TEXTS`."""

    @property
    def language(self) -> str:
        """`en`, `vi`."""
        ...

    def __call__(self, text_id: str, /, **arguments: object) -> str: ...

    def has(self, text_id: str) -> bool:
        """Of the reasons (`reason.nxdomain`) not all need have a text: the others show as their id."""
        ...


PLAIN_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "notice.subject.failed": "Undelivered mail returned to sender",
        "notice.subject.delayed": "Mail delayed, still trying",
        "notice.subject.success": "Mail delivered",
        "notice.opening": "This is the mail server {host}.",
        "notice.failed": "Your message could not be delivered to:",
        "notice.delayed": "Your message has not been delivered yet to:",
        "notice.success": "You asked to be told what became of your message to:",
        "notice.decided.refused": "Refused for good; no further attempt is made.",
        "notice.decided.no-route": "No host takes mail for this domain.",
        "notice.decided.loop": "The message came round in a circle and was stopped.",
        "notice.decided.expired": "Every attempt failed until the time allowed was over; given up.",
        "notice.decided.undeliverable": "It cannot be delivered here.",
        "notice.decided.delayed": "Every attempt failed so far; tried again until {until}.",
        "notice.decided.delivered": "Put into the mailbox.",
        "notice.decided.relayed": "Handed on to {remote}, which sends no notices of success.",
        "notice.decided.expanded": "Handed on to the several addresses behind this one.",
        "notice.said": "{remote} answered: {diagnostic}",
        "notice.reason": "Reason: {reason}",
        "notice.nothing-to-do": "You need do nothing.",
        "notice.returned.whole": "Your message is attached.",
        "notice.returned.header": "The header of your message is attached.",
    }
)


class PlainWords:
    """English of the protocol's own dryness, for a server to which nobody gave a catalogue."""

    language = "en"

    def __call__(self, text_id: str, /, **arguments: object) -> str:
        return PLAIN_TEXTS[text_id].format_map(arguments)

    def has(self, text_id: str) -> bool:
        return text_id in PLAIN_TEXTS
