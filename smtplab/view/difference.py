"""Lays two runs side by side, event by event, and finds where they part; how they are shown it does not know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from difflib import SequenceMatcher
from typing import Final

import msgspec

from smtplab import events as ev
from smtplab.journal import Record

COMPARED_MAX: Final = 3000
"""Records compared behind the first difference: some tenths of a second, and more than anybody reads side by side."""

_OF_THE_RUN = frozenset({"ms", "queue_id", "next_attempt", "seed"})
"""Fields that differ between runs in which the same happened."""


class Pair(msgspec.Struct, frozen=True):
    """The indices of what stands side by side; None where one run has nothing of the kind."""

    old: int | None
    new: int | None

    @property
    def same(self) -> bool:
        return self.old is not None and self.new is not None


def pairs(old: Sequence[Record], new: Sequence[Record]) -> list[Pair]:
    """In the order of both runs. What lies beyond the bound stands alone."""
    old_keys, new_keys = _keys(old), _keys(new)
    start = _common(old_keys, new_keys)
    found = [Pair(index, index) for index in range(start)]
    old_end, new_end = min(len(old), start + COMPARED_MAX), min(len(new), start + COMPARED_MAX)
    matcher = SequenceMatcher(None, old_keys[start:old_end], new_keys[start:new_end], autojunk=False)
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        left, right = range(start + old_from, start + old_to), range(start + new_from, start + new_to)
        if tag == "equal":
            found += [Pair(one, other) for one, other in zip(left, right, strict=True)]
        else:
            found += [Pair(index, None) for index in left]
            found += [Pair(None, index) for index in right]
    found += [Pair(index, None) for index in range(old_end, len(old))]
    found += [Pair(None, index) for index in range(new_end, len(new))]
    return found


def _common(old: Sequence[Hashable], new: Sequence[Hashable]) -> int:
    """How many stand first and are the same."""
    count = 0
    for one, other in zip(old, new, strict=False):
        if one != other:
            break
        count += 1
    return count


def _keys(records: Sequence[Record]) -> list[Hashable]:
    """What each tells, and for the how manyth time: a retry stands beside the retry of the same number.

    It also makes the keys unique, without which two runs of a thousand retries take seconds to compare.
    """
    told: Counter[Hashable] = Counter()
    keys: list[Hashable] = []
    for record in records:
        key = _key(record)
        told[key] += 1
        keys.append((key, told[key]))
    return keys


def _key(record: Record) -> Hashable:
    event = record.event
    if isinstance(event, ev.ReplyReceived | ev.ReplySent):
        # Its text may name a queue id, which is the run's own; who greets and what is offered differs with the server.
        said: tuple[str, ...] = ()
        if event.verb in ("EHLO", "LHLO"):
            said = event.lines
        elif not event.verb and event.lines:
            said = tuple(event.lines[0].split(maxsplit=1)[:1])
        return (record.node, type(event), event.verb, event.code, event.enhanced, said)
    told = tuple((name, value) for name, value in msgspec.structs.asdict(event).items() if name not in _OF_THE_RUN)
    return (record.node, type(event), told)
