"""Both ends of one session as rows, line by line in the order of time: what each said beside what the other heard."""

from __future__ import annotations

from typing import NamedTuple

from smtplab.ui.halves import half
from smtplab.ui.widgets.two_columns import Both
from smtplab.ui.world import WorldRun
from smtplab.view.knowledge import Talk, other_end
from smtplab.view.moments import line_count
from smtplab.view.network import Plan
from smtplab.view.texts import Texts


class Row(NamedTuple):
    """A line that one end tells."""

    record: int
    """Its index in the run."""
    line: int
    """Which of the record's lines, from 0."""
    client: bool


def rows(run: WorldRun, host: str, talk: Talk) -> list[Row]:
    """Of a talk of this host, as far as it has come at the run's moment."""
    peer = name_of(run.plan, talk.peer)
    talks = [(host, talk)]
    addresses = next((spot.addresses for spot in run.plan.spots if spot.name == host), ())
    other = other_end(talk, run.nodes.knowledge(peer, run.at).talks.values(), addresses)
    if other is not None:
        talks.append((peer, other))
    found: list[Row] = []
    for node, one in talks:
        for record in run.nodes.told_by(node, one.indices[0], one.indices[1] + 1):
            if record.span == one.span:
                count = line_count(record, both_ends=True)
                found += [Row(record.seq - 1, line, one.side == "client") for line in range(count)]
    return sorted(found)


def draw(run: WorldRun, row: Row, texts: Texts) -> Both:
    """The client's words left, the server's right."""
    record = run.known[row.record]
    said = half(record, texts, secure=run.log.is_secure(row.record), line=row.line)
    return Both(said, None) if row.client else Both(None, said)


def name_of(plan: Plan, peer: str) -> str:
    """A host's name for what a session calls its peer."""
    return next((spot.name for spot in plan.spots if peer in (spot.name, *spot.addresses)), peer)
