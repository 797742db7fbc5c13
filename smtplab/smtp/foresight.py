"""Judges a line before it leaves: what it will be taken for, and what it would break; it stops nothing."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Literal

import msgspec

from smtplab.smtp.legality import Standing, flaws_of_command, flaws_of_order
from smtplab.smtp.states import KNOWN_VERBS, LAST_CHUNK
from smtplab.wire.command import Bdat, Unknown
from smtplab.wire.command_line import parse_command
from smtplab.wire.flaw import Flaw

Verdict = Literal["empty", "legal", "flawed", "illegal", "unknown", "content", "chunk", "response"]
"""`flawed` may come here, but not so; `illegal` may not come here, or was not announced."""

_OF_THE_PLACE = frozenset(
    {"out-of-order", "after-closing", "wrong-hello", "command-not-announced", "chunk-unfinished", "early-talker"}
)


class Foresight(msgspec.Struct, frozen=True):
    verdict: Verdict
    verb: str = ""
    """As the records will name it; of a content or a response none."""
    flaws: tuple[Flaw, ...] = ()


def foresee(line: bytes, standing: Standing) -> Foresight:
    """Of a line without its end, as the client's half would judge it at this moment."""
    if standing.state == "data":
        return Foresight("content")
    if standing.state == "auth":
        return Foresight("response")
    if standing.chunk_unfinished:
        return Foresight("chunk")
    if not line.strip():
        return Foresight("empty")
    parsed = parse_command(line, smtputf8=True)
    verb = parsed.command.verb
    flaws = tuple(_flaws(line, standing))
    if verb not in KNOWN_VERBS:
        return Foresight("unknown", verb, flaws)
    if any(flaw.rule in _OF_THE_PLACE for flaw in flaws):
        return Foresight("illegal", verb, flaws)
    return Foresight("flawed" if flaws else "legal", verb, flaws)


def _flaws(line: bytes, standing: Standing) -> Iterator[Flaw]:
    parsed = parse_command(line, smtputf8=True)
    command = parsed.command
    row = LAST_CHUNK if isinstance(command, Bdat) and command.last else command.verb
    yield from flaws_of_order(command.verb, row, standing)
    if standing.state == "connected":
        yield Flaw("early-talker", command.verb, "RFC 5321 4.3.1")
    progress = copy.deepcopy(standing.progress)
    progress.note(command)
    if not isinstance(command, Unknown):
        yield from flaws_of_command(command, standing.extensions, progress)
    yield from parsed.flaws
