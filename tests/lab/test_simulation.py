from pathlib import Path

import pytest

from smtplab.journal import Record
from smtplab.lab.bad_input import BadInput
from smtplab.lab.simulation import list_worlds, prepare_run, show_world


def test_every_bundled_world_is_listed_with_what_it_teaches_in_both_languages():
    listed = list_worlds()
    assert [world.name for world in listed] == sorted(world.name for world in listed)
    assert len(listed) >= 19
    assert all((world.title.en, world.title.vi, world.teaches.en, world.teaches.vi) for world in listed)


def test_a_world_is_shown_whole():
    assert [host.name for host in show_world("first-mail").hosts][-1] == "mail.away.example"


def test_a_run_whose_expectations_hold_is_done_also_where_a_message_bounced():
    records: list[Record] = []
    report = prepare_run("null-mx", seed=4)(records.append)
    assert (report.world, report.seed, report.exit_code) == ("null-mx", 4, 0)
    assert [ended.result for ended in report.journeys] == ["bounced", "bounced"]
    assert len(records) > 100


def test_a_run_whose_expectation_fails_says_so(tmp_path: Path):
    text = Path(__file__).parents[2].joinpath("smtplab/worlds/first-mail.toml").read_text("utf-8")
    mine = tmp_path / "mine.toml"
    mine.write_text(text + '\n[[expectations]]\nevent = "bounced"\nmin = 1\n', "utf-8")
    report = prepare_run(str(mine))(lambda _: None)
    assert report.exit_code == 1
    assert [(verdict.expectation.event, verdict.seen) for verdict in report.expectations if not verdict.held] == [
        ("bounced", 0)
    ]


def test_a_run_may_end_early_and_says_what_is_queued():
    report = prepare_run("five-days", until="2d12h")(lambda _: None)
    assert (report.queued, report.cut, report.exit_code) == (1, True, 0)
    # Too few attempts yet, and no bounce: of what may still come nothing has failed.
    assert [(verdict.held, verdict.settled) for verdict in report.expectations] == [(False, False)] * 5


@pytest.mark.parametrize(
    ("world", "until", "text"), [("atlantis", None, "cli.bad-world"), ("campus", "soon", "sim.bad-until")]
)
def test_what_can_not_be_used_is_told_before_anything_happens(world: str, until: str | None, text: str):
    with pytest.raises(BadInput) as told:
        prepare_run(world, until=until)
    assert told.value.text == text
