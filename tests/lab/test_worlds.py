"""Worlds as offers, as plans, and with a fault more."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from smtplab.events import ReplySent
from smtplab.journal import Record
from smtplab.lab.bad_input import BadInput
from smtplab.lab.mailboxes import stored_in
from smtplab.lab.worlds import Change, bundled_worlds, offer, overlay, plan_of, world_text
from smtplab.mta.behaviour import faults
from smtplab.sim.library import WorldError, load_world
from smtplab.sim.run import play
from smtplab.view.texts import Texts


def test_every_bundled_world_says_in_both_languages_what_it_teaches():
    for name in bundled_worlds():
        offers = [offer(name, language) for language in ("en", "vi")]
        assert all(one.title and one.teaches for one in offers)


def test_a_plan_has_each_host_at_its_site():
    plan = plan_of("first-mail")
    assert {(spot.name, spot.site) for spot in plan.spots} == {
        (host.name, host.site) for host in load_world("first-mail").hosts
    }


def test_an_overlay_is_the_world_with_one_fault_more(tmp_path):
    change = Change("reply", "mx1.neu.example", stage="rcpt", count=2, after=1, code=451, text='Say "when"')
    path = overlay("campus", change, tmp_path / "worlds")
    world = load_world(str(path))
    first, *others = world.faults
    when = faults.When(after=1)
    assert first == faults.WrongReply(
        where="mx1.neu.example", when=when, count=2, stage="rcpt", code=451, text='Say "when"'
    )
    assert tuple(others) == load_world("campus").faults


@pytest.mark.parametrize("world", bundled_worlds())
def test_a_fault_more_changes_nothing_else_of_any_bundled_world(tmp_path, world):
    servers = (host.name for host in load_world(world).hosts if "mx" in host.roles)
    before, after = load_world(world), load_world(str(overlay(world, Change("disk-full", next(servers)), tmp_path)))
    assert after.faults[1:] == before.faults
    assert msgspec.structs.replace(after, faults=()) == msgspec.structs.replace(before, faults=())


def replies(world: Path) -> set[str]:
    records: list[Record] = []
    play(load_world(str(world)), None, None, records.append)
    return {line for record in records if isinstance(record.event, ReplySent) for line in record.event.lines}


def test_of_two_faults_at_one_stage_the_newer_one_acts(tmp_path):
    one, two = (Change("reply", "mail.away.example", stage="rcpt", code=550, text=text) for text in ("One", "Two"))
    first = overlay("first-mail", one, tmp_path)
    assert "One" in replies(first)
    both = replies(overlay(str(first), two, tmp_path))
    assert "Two" in both
    assert "One" not in both


def test_a_fault_stands_behind_all_where_what_looks_like_one_is_a_text(tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text(world_text("first-mail").replace('body = """', 'body = """\n[[faults]]', 1), "utf-8")
    world = load_world(str(overlay(str(mine), Change("disk-full", "mail.away.example"), tmp_path)))
    assert [fault.where for fault in world.faults] == ["mail.away.example"]
    assert "[[faults]]" in world.letter.body


def test_a_record_changed_after_another_one_leaves_that_changed(tmp_path):
    first = overlay("first-mail", Change("record", "", text="one.away.example A 192.0.2.1", from_s=60.0), tmp_path)
    for from_s, kept in ((None, False), (60.0, True), (3600.0, True)):
        change = Change("record", "", text="two.away.example A 192.0.2.2", from_s=from_s)
        *_, last = load_world(str(overlay(str(first), change, tmp_path))).faults
        assert "two.away.example." in last.text
        assert ("one.away.example." in last.text) == kept


def test_a_fault_upon_a_fault_keeps_both(tmp_path):
    first = overlay("campus", Change("disk-full", "mx1.neu.example"), tmp_path)
    second = overlay(str(first), Change("disk-full", "mx1.hust.example"), tmp_path)
    assert len(load_world(str(second)).faults) == len(load_world("campus").faults) + 2
    assert first != second


def test_an_overlay_never_takes_another_s_place(tmp_path):
    change = Change("disk-full", "mx1.neu.example")
    assert len({overlay("campus", change, tmp_path) for _ in range(3)}) == 3


def test_a_fault_that_cannot_be_is_refused_and_leaves_no_file(tmp_path):
    with pytest.raises(BadInput):
        overlay("campus", Change("reply", "nowhere.example", stage="rcpt", code=451), tmp_path / "worlds")
    assert not (tmp_path / "worlds").exists()


def test_the_mailboxes_of_a_world_hold_what_its_records_tell():
    stored = asyncio.run(stored_in("first-mail"))
    (message,) = stored["minh@away.example"]
    assert message.startswith(b"Return-Path: <lan@home.example>\r\n")


def test_a_changed_record_takes_the_place_of_its_fellows(tmp_path):
    change = Change("record", "ns.vnet.example", text="hust.example MX 5 relay.hust.example.")
    *_, last = load_world(str(overlay("campus", change, tmp_path))).faults
    assert last.where == "hust.example"
    assert [line for line in last.text.splitlines() if " MX " in line] == [
        "hust.example. 300 IN MX 5 relay.hust.example."
    ]
    assert "laptop.hust.example." in last.text


def test_a_record_without_data_is_taken_away(tmp_path):
    *_, last = load_world(str(overlay("campus", Change("record", "ns", text="hust.example MX"), tmp_path))).faults
    assert " MX " not in last.text


@pytest.mark.parametrize(
    "text", ["", "hust.example", "hust.example MX ten", "hust.example NOTYPE x", "a..b A 10.0.0.1"]
)
def test_a_record_that_is_none_is_refused(tmp_path, text):
    with pytest.raises(BadInput):
        overlay("campus", Change("record", "ns.vnet.example", text=text), tmp_path)


def test_what_the_process_of_the_mailboxes_refuses_is_told_as_a_value(tmp_path: Path):
    file = tmp_path / "mine.toml"
    file.write_text("name = 1")
    with pytest.raises(BadInput) as bad:
        asyncio.run(stored_in(str(file)))
    with pytest.raises(WorldError) as told:
        load_world(str(file))
    assert bad.value.arguments == {"reason": told.value.told}


@pytest.mark.parametrize(
    ("record", "line"),
    [
        ("www.elsewhere.test A 192.0.2.1", "www.elsewhere.test A 192.0.2.1: no zone of this world holds the name "),
        ("away.example A mail", "away.example A mail: Text input is malformed."),
        ("away.example", "away.example: there is no record type ''"),
    ],
)
def test_a_record_that_can_stand_nowhere_is_refused_with_the_reason(tmp_path: Path, record: str, line: str):
    rootless = tmp_path / "mine.toml"
    rootless.write_text(world_text("first-mail").replace('origin = "."', 'origin = "test.example"'), "utf-8")
    with pytest.raises(BadInput) as bad:
        overlay(str(rootless), Change("record", "", text=record), tmp_path)
    assert line in Texts("en")(bad.value.text, **bad.value.arguments)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = ", "Invalid value"),
        ("x = 1", "the field `title` is missing"),
        ("title = 1\nteaches = 1", "its tables are not those of a world"),
        ("hosts = [1]", "its tables are not those of a world"),
        ("hosts = 1", "its tables are not those of a world"),
    ],
)
def test_what_can_not_be_offered_is_told_by_its_file(tmp_path: Path, text: str, line: str):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(BadInput) as bad:
        offer(str(file), "en")
    assert Texts("en")(bad.value.text, **bad.value.arguments).startswith(f"{file}: {line}")
