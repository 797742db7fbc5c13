import datetime as dt

import dns.zone
import pytest

from smtplab.mta.behaviour.pattern import is_in_network
from smtplab.sim.library import bundled_worlds, load_world
from smtplab.sim.loopback import Addresses, served

START = dt.datetime(2026, 11, 23, 1, 0, tzinfo=dt.UTC)


def served_world(name: str, speed: float = 1.0):
    world = load_world(name)
    return served(world, Addresses(world), speed=speed, start=START)


@pytest.mark.parametrize("name", bundled_worlds())
def test_every_bundled_world_moves_to_loopback_with_zones_that_can_be_read(name: str):
    world, moved = load_world(name), served_world(name)
    addresses = [address for host in moved.hosts for address in host.addresses]
    assert len(set(addresses)) == len(addresses) == sum(len(host.addresses) for host in world.hosts)
    assert all(address.startswith("127.") for address in addresses)
    assert all(dns.zone.from_text(zone.text, zone.origin) for zone in moved.zones)


def test_an_address_keeps_its_last_octet_and_its_neighbours():
    addresses = Addresses(load_world("campus"))
    first, second, other = (addresses.move(one) for one in ("10.1.0.25", "10.1.0.26", "10.2.0.25"))
    assert (first.rpartition(".")[2], other.rpartition(".")[2]) == ("25", "25")
    assert first.rpartition(".")[0] == second.rpartition(".")[0] != other.rpartition(".")[0]
    assert addresses.holds(first)
    assert not addresses.holds("127.0.0.1")


def test_a_network_of_clients_moves_with_its_hosts():
    addresses = Addresses(load_world("campus"))
    hust, neu, south = (addresses.move(one) for one in ("10.1.0.25", "10.2.0.25", "10.3.0.25"))
    assert is_in_network(hust, addresses.move_network("10.1.0.0/24"))
    assert not is_in_network(neu, addresses.move_network("10.1.0.0/24"))
    assert is_in_network(hust, addresses.move_network("10.1.0.0/255.255.255.0"))
    assert addresses.move_network("10.1.0.25") == f"{hust}/32"
    assert all(is_in_network(one, addresses.move_network("10.0.0.0/8")) for one in (hust, neu, south))
    assert not is_in_network("127.0.0.1", addresses.move_network("10.0.0.0/8"))
    assert addresses.move_network("2001:db8::/32") == "2001:db8::/32"
    assert addresses.move_network("") == ""


def test_a_zone_has_its_addresses_moved_a_reversed_name_reversed_and_a_blocklists_answer_left_alone():
    addresses = Addresses(load_world("campus"))
    moved = addresses.move("10.1.0.25")
    reverse = ".".join(reversed(moved.split(".")))
    zone = (
        "{reverse} IN A 127.0.0.2\n"
        "relay IN A {address}\n"
        '@ IN TXT "v=spf1 ip4:{address} -all"\n'
        "{reverse}.in-addr.arpa. PTR relay"
    )
    before = zone.format(address="10.1.0.25", reverse="25.0.1.10")
    assert addresses.move_text(before) == zone.format(address=moved, reverse=reverse)
    assert addresses.move_text("x IN TXT version1.2.3.4 2001:db8::1") == "x IN TXT version1.2.3.4 2001:db8::1"


def test_speed_divides_what_is_waited_for_and_leaves_the_rest():
    world, quick = load_world("greylisting"), served_world("greylisting", 60.0)
    old, new = world.host("mx.school.example"), quick.host("mx.school.example")
    assert new.greylisting is not None
    assert old.greylisting is not None
    assert new.greylisting.delay_s == old.greylisting.delay_s / 60
    assert new.retry_s[0] == old.retry_s[0] / 60
    assert quick.links[0].latency_ms == world.links[0].latency_ms / 60
    assert (new.domains, quick.users, quick.start) == (old.domains, world.users, START)
