"""Lays what two servers answered to the same words side by side, line by line; how it is shown it does not know."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from difflib import SequenceMatcher
from typing import Final

import msgspec

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.view.journey import Journey
from smtplab.view.texts import Texts
from smtplab.view.transcript import Line, lines

COMPARED_MAX: Final = 3000
"""Lines; a session by hand that has more is a transfer, and nobody reads it side by side."""


class Said(msgspec.Struct, frozen=True):
    """One line of a dialogue."""

    key: Hashable
    """Equal where two servers did the same; names, ids and times are each server's own."""
    line: Line
    elapsed_us: int


class Both(msgspec.Struct, frozen=True):
    """Indices of what stands side by side; None where one has nothing of the kind."""

    left: int | None
    right: int | None
    same: bool


def said_in(records: Sequence[Record], texts: Texts) -> list[Said]:
    """The lines of the client's own dialogue, the first of a record whatever else a world did meanwhile."""
    journey = Journey()
    found: list[Said] = []
    own = (records[0].hop, records[0].node) if records else None
    for record in records:
        journey.advance(record)
        keys = _keys(record.event) if (record.hop, record.node) == own else ()
        shown = [line for line in lines(record, journey, texts) if line.tone != "heading"] if keys else []
        found += [Said(key, line, record.elapsed_us) for key, line in zip(keys, shown, strict=False)]
    return found[:COMPARED_MAX]


def side_by_side(left: Sequence[Said], right: Sequence[Said]) -> list[Both]:
    """In the order of both; of what differs the first stands beside the first."""
    matcher = SequenceMatcher(None, [one.key for one in left], [one.key for one in right], autojunk=False)
    found: list[Both] = []
    for tag, left_from, left_to, right_from, right_to in matcher.get_opcodes():
        for step in range(max(left_to - left_from, right_to - right_from)):
            one = left_from + step if left_from + step < left_to else None
            other = right_from + step if right_from + step < right_to else None
            found.append(Both(one, other, tag == "equal"))
    return found


def _keys(event: ev.Event) -> tuple[Hashable, ...]:
    """One for each line of the transcript; none for what is no part of the dialogue."""
    match event:
        case ev.CommandSent(line=line):
            return (("said", line),)
        case ev.MessageSent(octets=octets):
            return (("content", octets),)
        case ev.ReplyReceived(verb=verb, code=code, enhanced=enhanced, lines=texts):
            first = ("answered", verb, code, enhanced)
            offers = verb in ("EHLO", "LHLO")
            rest = [(verb, text if offers else number) for number, text in enumerate(texts[1:], 1)]
            return (first, *rest)
        case ev.TlsEstablished(version=version):
            return (("tls", version),)
        case ev.TlsFailed(reason=reason):
            return (("no-tls", reason),)
        case ev.RuleBroken(rule=rule, by=by):
            return (("broken", rule, by),)
        case ev.Authenticated(mechanism=mechanism):
            return (("authenticated", mechanism),)
        case ev.ConnectFailed(reason=reason) | ev.Disconnected(reason=reason):
            return (("over", reason),)
        case _:
            return ()
