"""The quick layout of a transcript agrees with the transcript."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from smtplab.capture import file as capture_file
from smtplab.capture.library import bundled_folder
from smtplab.journal import Record
from smtplab.sim.library import load_world
from smtplab.sim.run import play
from smtplab.view import ladder
from smtplab.view.journey import NEAR, History, Journey
from smtplab.view.outline import Outline
from smtplab.view.texts import Texts

FOLDER = bundled_folder()
assert FOLDER is not None
CAPTURES = sorted(FOLDER.glob("*.jsonl"))


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_every_record_has_as_many_lines_as_the_outline_says(path: Path):
    agrees(capture_file.read(path).records)


@pytest.mark.parametrize("world", ["mailing-list", "multi-hop", "smuggling"])
def test_it_says_so_of_worlds_in_which_much_happens_side_by_side_too(world: str):
    records: list[Record] = []
    play(load_world(world), None, None, records.append)
    agrees(records)


def agrees(records: Sequence[Record]) -> None:
    outline, journey, texts = Outline(), Journey(), Texts("en")
    for record in records:
        journey.advance(record)
        rows = ladder.rows(record, journey, texts)
        failed = any(row.tone in ("refusal", "error") for row in rows)
        assert outline.take(record) == (len(rows), failed), record


def test_a_moment_far_ahead_is_told_from_what_is_near_it_until_all_before_it_is_folded():
    records = list(capture_file.read(FOLDER / "mailbox-full.jsonl").records) * 8
    history = History(records)
    end = len(records)
    assert end > NEAR * 2
    assert history.near(end).session == Journey.at(records[end - NEAR :], NEAR).session
    assert history.known == 0
    history.fold_to(end)
    assert history.near(end).attempts == Journey.at(records, end).attempts
    assert history.near(100).hops == Journey.at(records, 100).hops
