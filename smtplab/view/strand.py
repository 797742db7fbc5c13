"""Which of the many things that happen side by side a record belongs to, read from its span alone."""

from __future__ import annotations

from smtplab.journal import Record

_ANSWERING = ("receive/", "queue/", "fault")

Key = tuple[int, str, str]
"""Hop, node and strand: one side of one connection after the other, never of two at once."""


def strand_of(span: str) -> str:
    """`deliver/7` of `deliver/7/mx1.neu.example`, `submit` of `submit/mail.hust.example`: one errand of a node."""
    first, _, rest = span.partition("/")
    second = rest.partition("/")[0]
    return f"{first}/{second}" if second.isdigit() else first


def calls(span: str) -> bool:
    """Is it that of a node which takes a message somewhere, or fetches one? Others answer, keep or spoil."""
    return bool(span) and not span.startswith(_ANSWERING)


def key_of(record: Record) -> Key:
    return (record.hop, record.node, strand_of(record.span))


class Turns:
    """Takes in what is told, record by record, and says where a reader has to be told of another hop or strand."""

    def __init__(self) -> None:
        self._hop: int | None = None
        self._calling: tuple[str, str] | None = None
        """Node and strand that called last; what is answered in between turns nobody."""

    def take(self, hop: int, node: str, span: str) -> bool:
        turned = hop != self._hop
        self._hop = hop
        if calls(span):
            calling = (node, strand_of(span))
            turned = turned or calling != self._calling
            self._calling = calling
        return turned

    def copy(self) -> Turns:
        other = Turns()
        other.__dict__.update(self.__dict__)
        return other
