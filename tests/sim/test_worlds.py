import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.sim.library import bundled_worlds, load_world
from smtplab.sim.run import JourneyError, RestlessError, play
from smtplab.told import tell

WANTED = frozenset(
    """
campus first-mail multi-hop backup-mx greylisting five-days open-relay mail-loop dns-broken null-mx big-attachment
tls-downgrade expired-certificate rate-limit blocklisted smtputf8 smuggling uucp-1982 classroom mailing-list
""".split()  # noqa: SIM905 (a list of twenty names is read sooner so)
)


def test_the_worlds_that_the_lessons_need_are_bundled():
    assert set(bundled_worlds()) >= WANTED


@pytest.mark.parametrize("name", bundled_worlds())
def test_what_a_bundled_world_expects_of_its_journeys_comes_true(name: str):
    world = load_world(name)
    records: list[Record] = []
    played = play(world, None, None, records.append)
    assert [verdict for verdict in played.verdicts if not verdict.held] == []
    assert len(world.expectations) >= 3
    assert played.queued == ()
    assert [record.seq for record in records] == list(range(1, len(records) + 1))
    started = [record for record in records if isinstance(record.event, ev.JourneyStarted)]
    ended = [record.event for record in records if isinstance(record.event, ev.JourneyEnded)]
    assert len(started) == len(world.journeys)
    assert tuple(ended) == played.journeys


@pytest.mark.parametrize("name", bundled_worlds())
def test_a_bundled_world_teaches_the_same_with_another_seed(name: str):
    played = play(load_world(name), 7, None, lambda _: None)
    assert [verdict for verdict in played.verdicts if not verdict.held] == []


PROGRAM = """
import msgspec
from smtplab.sim.library import load_world
from smtplab.sim.run import play
for name in ("mail-loop", "rate-limit", "tls-downgrade", "uucp-1982", "blocklisted"):
    play(load_world(name), 3, None, lambda record: print(msgspec.json.encode(record).decode()))
"""


def test_the_same_world_and_seed_give_the_same_records_in_any_process():
    outputs = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            check=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("77", "Asia/Ho_Chi_Minh"))
    ]
    assert len(outputs[0].splitlines()) > 5000
    assert outputs[0] == outputs[1]


def played_until(name: str, until: float | str | None):
    records: list[Record] = []
    return records, play(load_world(name), None, until, records.append)


def test_a_run_to_a_moment_ends_there_and_is_the_beginning_of_the_whole_run():
    whole, _ = played_until("five-days", None)
    part, played = played_until("five-days", 86400.0)
    assert part == whole[: len(part)]
    assert whole[len(part)].elapsed_us > 86400e6
    assert [waiting.node for waiting in played.queued] == ["mail.home.example"]
    assert [ended.result for ended in played.journeys] == ["deferred"]


def test_a_run_to_an_event_ends_with_it():
    part, played = played_until("five-days", "deferred")
    assert isinstance(part[-1].event, ev.Deferred)
    assert sum(isinstance(record.event, ev.Deferred) for record in part) == 1
    assert not played.as_expected


def test_a_run_to_the_very_moment_of_a_journey_ends_there():
    records, played = played_until("first-mail", 0.0)
    assert records == []
    assert [ended.detail for ended in played.journeys] == ["not-begun"]
    records, played = played_until("greylisting", 3600.0)
    assert all(record.elapsed_us <= 3600e6 for record in records)


def test_a_run_to_before_the_first_journey_has_nothing_to_tell():
    world = load_world("first-mail")
    late = msgspec.structs.replace(world, journeys=(msgspec.structs.replace(world.journeys[0], at_s=60.0),))
    records: list[Record] = []
    played = play(late, None, 30.0, records.append)
    assert records == []
    assert [ended.detail for ended in played.journeys] == ["not-begun"]


def test_a_world_that_goes_on_and_on_is_the_worlds_mistake_and_no_bug_of_ours():
    world = load_world("five-days")
    late = msgspec.structs.replace(world, journeys=(msgspec.structs.replace(world.journeys[0], at_s=59 * 86400.0),))
    with pytest.raises(RestlessError) as told:
        play(late, None, None, lambda _: None)
    assert told.value.told == tell("world.endless", world="five-days", days=60)


def test_a_world_without_journeys_can_not_be_played():
    world = msgspec.structs.replace(load_world("first-mail"), journeys=())
    with pytest.raises(JourneyError) as told:
        play(world, None, None, lambda _: None)
    assert (told.value.why, told.value.what) == (tell("world.no-journeys"), "first-mail")
