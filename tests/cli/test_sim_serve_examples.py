"""What `sim serve` proposes to type: the world's own story, told with other programs."""

import datetime as dt
import shlex

import msgspec
import pytest

from smtplab.cli.sim_serve_examples import examples
from smtplab.lab.world_serving import Standing
from smtplab.sim.character import maildrop_rules, rules_by_port
from smtplab.sim.library import bundled_worlds, load_world
from smtplab.sim.loopback import Addresses, served
from smtplab.sim.serve import Open
from smtplab.sim.world import World


def commands(world: World, shared: str = "") -> list[list[str]]:
    world = served(world, Addresses(world), speed=1.0, start=dt.datetime(2026, 11, 23, tzinfo=dt.UTC))
    opened = []
    for host in world.hosts:
        protocols = ["dns"] if "resolver" in host.roles else []
        protocols += [{25: "smtp", 587: "submission"}[port] for port in rules_by_port(world, host, None)]
        people = [user for domain in host.domains for user in world.people(domain)]
        protocols += ["pop3"] if maildrop_rules(host, people, None) else []
        opened += [Open(host.name, protocol, shared or host.addresses[0], 2000) for protocol in protocols]
    return [shlex.split(line) for line in examples(Standing(world, tuple(opened), b""))]


@pytest.mark.parametrize("name", bundled_worlds())
def test_a_world_is_tried_with_the_first_of_its_own_journeys(name: str):
    world = load_world(name)
    asking, sending, *_ = commands(world)
    trip = next(one for one in world.journeys if one.recipients[0] in sending)
    assert trip.sender in sending
    assert asking[0] == "dig"
    assert asking[-2:] == [trip.recipients[0].rpartition("@")[2], "MX"]


def test_where_mail_lies_that_can_be_collected_curl_collects_it():
    *_, collecting = commands(load_world("campus"))
    assert collecting[:3] == ["curl", "-u", "student@neu.example:cau-long-bien"]
    *_, collecting = commands(load_world("first-mail"))
    assert collecting[:2] == ["curl", "-u"]
    assert collecting[2].startswith("minh@away.example:")
    *_, collecting = commands(load_world("null-mx"))
    assert collecting[:3] == ["curl", "-u", "lan@home.example:hoa-sen-2026"]


def test_an_address_beyond_ascii_is_written_to_with_a_program_that_can():
    _, sending, *_ = commands(load_world("smtputf8"))
    assert sending[0] == "curl"


def test_who_has_no_account_sends_from_the_address_of_its_own_program_where_there_is_one():
    _, sending = commands(load_world("open-relay"))
    assert sending[3] == "-li"
    assert sending[4].startswith("127.")
    _, sending = commands(load_world("open-relay"), shared="127.0.0.1")
    assert "-li" not in sending


def test_a_password_is_quoted_for_the_shell():
    world = load_world("campus")
    people = tuple(msgspec.structs.replace(user, password="it's $5; a lot") for user in world.users)
    _, sending, collecting = commands(msgspec.structs.replace(world, users=people))
    assert "it's $5; a lot" in sending
    assert "student@neu.example:it's $5; a lot" in collecting
