import msgspec

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.sim.library import load_world
from smtplab.sim.roads import Roads
from smtplab.sim.run import play
from smtplab.sim.world import Trip, World

FIRST = load_world("first-mail")
HOME, AWAY = "10.1.0.25", "10.2.0.25"


def with_links(**changes) -> World:
    links = tuple(msgspec.structs.replace(link, **changes) for link in FIRST.links)
    return msgspec.structs.replace(FIRST, links=links, expectations=())


def sending_ms(world: World, size_octets: int) -> float:
    """From the first octet of the content to the answer to the last, between the two servers."""
    trip = msgspec.structs.replace(FIRST.journeys[0], size_octets=size_octets)
    records: list[Record] = []
    play(msgspec.structs.replace(world, journeys=(trip,)), None, None, records.append)
    (reply,) = [
        r.event
        for r in records
        if r.node == "mail.home.example" and isinstance(r.event, ev.ReplyReceived) and r.event.verb == "."
    ]
    return reply.ms


def test_a_way_is_as_narrow_as_its_narrowest_link_and_loses_what_any_of_them_loses():
    narrow = msgspec.structs.replace(FIRST.links[0], bits_per_s=8000.0, loss=0.5, name="a")
    wide = msgspec.structs.replace(FIRST.links[1], bits_per_s=80000.0, loss=0.5, name="b")
    roads = Roads(msgspec.structs.replace(FIRST, links=(narrow, wide)))
    way = roads.way(HOME, AWAY)
    assert (way.loss, way.links) == (0.75, ("a", "b"))
    assert way.lanes is not None
    there, back = way.lanes
    assert there.carried_at_s(1000, 0.0) == 1.0
    assert there.carried_at_s(1000, 0.0) == 2.0
    assert back.carried_at_s(500, 0.0) == 0.5
    assert roads.way(AWAY, HOME).lanes == (back, there)


def test_a_message_takes_as_long_as_its_octets_take_on_a_narrow_line():
    # 100,000 octets and a little at a million bits a second are 0.8 s.
    assert sending_ms(with_links(), 100_000) < 100
    assert 800 < sending_ms(with_links(bits_per_s=1e6), 100_000) < 900


def test_messages_side_by_side_share_a_narrow_line_but_not_with_those_that_come_the_other_way():
    world = with_links(bits_per_s=1e6)
    senders = [msgspec.structs.replace(FIRST.users[0], address=f"lan{n}@home.example") for n in range(2)]
    hosts = tuple(
        msgspec.structs.replace(host, roles=(*host.roles, "submission")) if "away" in host.site else host
        for host in FIRST.hosts
    )
    laptop = msgspec.structs.replace(
        FIRST.hosts[1], name="pc.away.example", site="away", addresses=("10.2.0.101",), submits_to="mail.away.example"
    )
    minh = msgspec.structs.replace(FIRST.users[1], agent=laptop.name)
    there = [Trip(who.address, ("minh@away.example",), size_octets=100_000) for who in senders]
    back = Trip("minh@away.example", (senders[0].address,), size_octets=100_000)
    records: list[Record] = []
    changed = msgspec.structs.replace(
        world, users=(*senders, minh), hosts=(*hosts, laptop), journeys=(*there, back), expectations=()
    )
    play(changed, None, None, records.append)
    ms = sorted(
        r.event.ms for r in records if r.hop == 1 and isinstance(r.event, ev.ReplyReceived) and r.event.verb == "."
    )
    # The one that comes first is soon through, the other waits for it.
    assert [one // 800 for one in ms] == [1, 1, 2]


def test_what_is_lost_is_sent_again_and_costs_time_only():
    world = with_links(loss=0.05)
    assert sending_ms(world, 100_000) > 400
    assert sending_ms(world, 100_000) == sending_ms(world, 100_000)


def test_a_line_that_loses_everything_is_silent():
    links = (FIRST.links[0], msgspec.structs.replace(FIRST.links[1], loss=1.0))
    records: list[Record] = []
    play(msgspec.structs.replace(FIRST, links=links, expectations=()), None, 100.0, records.append)
    assert [r.event.reason for r in records if isinstance(r.event, ev.ConnectFailed)] == ["timed-out"]
