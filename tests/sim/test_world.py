import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from smtplab.flaws import in_file
from smtplab.mta.behaviour.manner import Manner
from smtplab.sim.expect import Expectation
from smtplab.sim.library import WorldError, bundled_worlds, load_world, parse_world
from smtplab.sim.roads import Roads
from smtplab.sim.world import (
    Alias,
    Host,
    Letter,
    Link,
    MailList,
    Role,
    Site,
    Software,
    Trip,
    User,
    World,
    Zone,
)
from smtplab.sim.world import Texts as Texts_
from smtplab.told import tell
from smtplab.view.texts import LANGUAGES, Texts

CAMPUS = Path("smtplab/worlds/campus.toml")


def campus() -> str:
    return Path(__file__).parents[2].joinpath(CAMPUS).read_text("utf-8")


def test_campus_is_bundled_and_has_its_texts_in_both_languages():
    assert "campus" in bundled_worlds()
    for name in bundled_worlds():
        world = load_world(name)
        assert world.name == name
        assert all((world.title.en, world.title.vi, world.teaches.en, world.teaches.vi))


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ('roles = ["user-agent"]', 'roles = ["user"]', "$.hosts[1].roles[0]"),
        ('resolver = "10.0.0.53"', 'resolver = "10.0.0.54"', "$.hosts[1].resolver"),
        ('resolver = "10.0.0.53"\nsubmits_to', "submits_to", "$.hosts[1].resolver"),
        ('submits_to = "submission.hust.example"', 'submits_to = "mx1.hust.example"', "$.hosts[1].submits_to"),
        ('relays_to = "relay.hust.example"', 'relays_to = "relay.example"', "$.hosts[2].relays_to"),
        ('accepts_from = ["submission.hust.example"', 'accepts_from = ["x.example"', "$.hosts[3].accepts_from[0]"),
        ('addresses = ["10.1.0.10"]', 'addresses = ["10.1.0.1000"]', "$.hosts[2].addresses[0]"),
        ('addresses = ["10.1.0.10"]', 'addresses = ["10.0.0.53"]', "$.hosts[2].addresses[0]"),
        ('addresses = ["10.1.0.10"]', 'addresses = ["2001:DB8:0::10"]', "$.hosts[2].addresses[0]"),
        ('site = "hust"', 'site = "hanoi"', "$.hosts[1].site"),
        ('sites = ["south", "exchange"]', 'sites = ["south", "north"]', "$.links[2].sites[1]"),
        ('[[links]]\nsites = ["south", "exchange"]\nlatency_ms = 15.0', "", "$.sites[3]"),
        ("latency_ms = 15.0", "latency_ms = -1", "$.links[2].latency_ms"),
        ("latency_ms = 15.0", "latency = 15.0", "$.links[2]"),
        ("seed = 20261123", 'seed = "one"', "$.seed"),
        ("start = 2026-11-23T01:00:00Z", "start = 2026-11-23T01:00:00", "$.start"),
        ("@           IN MX    10 mx1", "@           IN MX    mx1", "$.zones[1].text"),
        ("@  IN SOA a.root", "; no SOA", "$.zones[0].text"),
        ('address = "student@neu.example"', 'address = "student@hust.example"', "$.users[1].address"),
        ('address = "student@neu.example"', 'address = "student@elsewhere.example"', "$.users[1].address"),
        ('agent = "laptop.neu.example"', 'agent = "phone.neu.example"', "$.users[1].agent"),
        ('password = "cau-long-bien"\n', "", "$.users[1].password"),
        ("[teaches]", "[teaching]", "teaching"),
        ("start = 2026-11-23T01:00:00Z", "start = 9999-12-30T01:00:00Z", "$.start"),
        ("start = 2026-11-23T01:00:00Z", "start = 0001-01-01T00:00:00Z", "$.start"),
        ('name = "south"', 'name = "neu"', "$.sites[3].name"),
        ('origin = "neu.example"', 'origin = "hust.example"', "$.zones[2].origin"),
        ("@           IN MX    10 mx1", "$GENERATE 1-9999999 h$ A 10.9.9.9", "$.zones[1].text"),
        ('banner = "{host} ESMTP backup"', 'banner = "{host}\\r\\n250 Ok"', "$.hosts[9].software.banner"),
        ('banner = "{host} ESMTP backup"', 'banner = "{host} ESMTP\\n"', "$.hosts[9].software.banner"),
        ('name = "relay.hust.example"', 'name = "relay.hust.example\\n"', "$.hosts[3].name"),
        ('subject = "Hello', 'subject = """Hello\\n"""#', "$.letter.subject"),
        ('address = "student@neu.example"', 'address = "Student@HUST.example"', "$.users[1].address"),
        ('extensions = ["PIPELINING"', 'extensions = ["PIPE\\r\\nLINING"', "$.hosts[2].software.extensions[0]"),
        ('subject = "Hello', 'subject = "Bcc\\nHello', "$.letter.subject"),
        ("at_s = 60.0", "at_s = inf", "$.journeys[1].at_s"),
        ("at_s = 60.0", "at_s = 1e30", "$.journeys[1].at_s"),
        ('roles = ["relay"]', 'roles = ["relay"]\nretry_s = [0.0]', "$.hosts[3].retry_s[0]"),
        ('address = "lecturer@neu.example"', 'address = "lec..turer@neu.example"', "$.users[3].address"),
        ('recipients = ["student@neu.example"]', 'recipients = ["student"]', "$.journeys[0].recipients[0]"),
    ],
)
def test_a_mistake_in_a_world_is_told_with_the_path_of_its_field(old: str, new: str, path: str):
    assert old in campus()
    with pytest.raises(WorldError) as told:
        parse_world(campus().replace(old, new, 1), "mine.toml")
    for language in LANGUAGES:
        line = Texts(language).told(told.value.told)
        assert line.startswith("mine.toml: ")
        assert path in line
        assert not re.search(r"[\n⟦]", line)


def test_a_file_that_is_no_toml_is_told_with_its_line():
    with pytest.raises(WorldError) as told:
        parse_world("this is no world", "mine.toml")
    assert re.match(r"mine\.toml: .*line 1", in_english(told.value))


def test_a_world_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(WorldError) as told:
        load_world("atlantis")
    assert re.match(r"atlantis: no such world; there is .*campus.*, or the path", in_english(told.value))
    with pytest.raises(WorldError) as told:
        load_world("atlantis.toml")
    assert in_english(told.value) == "atlantis.toml: No such file or directory"


def test_a_world_is_read_from_a_path_too(tmp_path: Path):
    file = tmp_path / "mine.toml"
    file.write_text(campus(), "utf-8")
    assert load_world(str(file)) == load_world("campus")
    file.write_bytes(b"name = '\xff'")
    with pytest.raises(WorldError) as told:
        load_world(str(file))
    assert in_english(told.value).endswith("not UTF-8 at octet 8")


def test_a_packet_takes_the_quickest_way_over_the_links():
    roads = Roads(load_world("campus"))
    assert roads.latency_s("10.1.0.25", "10.1.0.26") == pytest.approx(0.0003)
    assert roads.latency_s("10.1.0.25", "10.2.0.26") == pytest.approx(0.002)
    assert roads.latency_s("10.2.0.26", "10.1.0.25") == pytest.approx(0.002)
    assert not roads.knows("192.0.2.1")


CLUB = Path("smtplab/worlds/mailing-list.toml")


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ('address = "captain@club.example"', 'address = "thu@club.example"', "$.aliases[0].address"),
        ('address = "captain@club.example"', 'address = "captain@else.example"', "$.aliases[0].address"),
        ('to = ["minh@away.example"]', 'to = ["minh..@away.example"]', "$.aliases[0].to[0]"),
        ('to = ["thu@club.example"]', 'to = ["thu@club.example", "lan@home.example"]', "$.aliases[2].to"),
        ('address = "*@club.example"', 'address = "*@else.example"', "$.aliases[2].address"),
        ('address = "tours@club.example"', 'address = "captain@club.example"', "$.lists[0].address"),
        ('"ha@away.example", "lan', '"ha..@away.example", "lan', "$.lists[0].members[1]"),
        ('owner = "thu@club.example"', 'owner = "thu."', "$.lists[0].owner"),
    ],
)
def test_a_mistake_in_an_alias_or_a_list_is_told_likewise(old: str, new: str, path: str):
    club = Path(__file__).parents[2].joinpath(CLUB).read_text("utf-8")
    assert old in club
    with pytest.raises(WorldError) as told:
        parse_world(club.replace(old, new, 1), "mine.toml")
    assert path in in_english(told.value)


def test_a_file_that_is_there_and_is_no_toml_is_told_so(tmp_path: Path):
    file = tmp_path / "world.txt"
    file.write_text("name = 1")
    with pytest.raises(WorldError) as told:
        load_world(str(file))
    assert told.value.told == in_file(file, tell("world.no-toml"))


def test_what_is_nested_too_deeply_or_too_large_is_told():
    for text, line in (("x = " + "[" * 100_000, "nested too deeply"), ("#" * 1_000_001, "larger than 1000000 octets")):
        with pytest.raises(WorldError) as told:
            parse_world(text, "mine.toml")
        assert in_english(told.value) == f"mine.toml: {line}"


def test_the_line_of_a_zone_in_which_a_mistake_stands_is_told():
    with pytest.raises(WorldError) as told:
        parse_world(campus().replace("@           IN MX    10 mx1", "@ IN MX ten mx1"), "mine.toml")
    assert (
        in_english(told.value)
        == "mine.toml: no master file: expecting an integer (in its line 4) - at `$.zones[1].text`"
    )


def test_a_file_of_many_octets_in_few_characters_is_too_large_too(tmp_path: Path):
    file = tmp_path / "mine.toml"
    file.write_text(campus() + "#" + "ố" * 400_000, "utf-8")
    with pytest.raises(WorldError) as told:
        load_world(str(file))
    assert in_english(told.value) == f"{file}: larger than 1000000 octets"


def test_the_mark_that_some_editors_put_in_front_does_no_harm(tmp_path: Path):
    file = tmp_path / "mine.toml"
    file.write_text(campus(), "utf-8-sig")
    assert load_world(str(file)) == load_world("campus")


TABLES = (World, Texts_, Letter, Site, Link, Host, Software, Zone, User, Alias, MailList, Trip, Expectation)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_the_handbook_names_every_key_of_a_worlds_file(table: type[msgspec.Struct]):
    handbook = Path(__file__).parents[2].joinpath("docs/worlds.md").read_text("utf-8")
    named = set(re.findall(r"\w+", " ".join(re.findall(r"`+[^`]+`+", handbook))))
    assert set(table.__struct_fields__) <= named


def test_the_handbook_names_every_role_and_every_manner():
    handbook = Path(__file__).parents[2].joinpath("docs/worlds.md").read_text("utf-8")
    assert all(f"`{word}`" in handbook for word in (*get_args(Role), *get_args(Manner)))


def in_english(error: WorldError) -> str:
    return Texts("en").told(error.told)
