"""The map in cells: no host is lost, and what travels is seen where it is."""

import pytest
from rich.cells import cell_len

from smtplab.lab.worlds import bundled_worlds, plan_of
from smtplab.ui import mapping
from smtplab.view.network import Flow, HostNow, Network, Plan, Spot
from smtplab.view.texts import Texts

EN = Texts("en")


def text_of(picture: mapping.Picture) -> list[str]:
    return ["".join(text for text, _ in row) for row in picture.rows]


@pytest.mark.parametrize("cells", [60, 90, 130])
@pytest.mark.parametrize("world", bundled_worlds())
def test_every_host_stands_where_the_picture_says_and_no_row_is_too_wide(world, cells):
    plan = plan_of(world)
    picture = mapping.draw(plan, Network({}), "", cells, EN)
    rows = text_of(picture)
    assert list(picture.places) == mapping.order(plan)
    assert len(rows) == mapping.height(plan, as_list=cells < mapping.MAP_CELLS_MIN)
    for host, (y, start, end) in picture.places.items():
        assert host.removesuffix(".example")[:18] in rows[y][start:end]
    assert all(cell_len(row) <= cells for row in rows)


@pytest.mark.parametrize("cells", [60, 84, 90, 130])
def test_long_names_stay_apart_and_leave_room_for_what_their_hosts_hold(cells):
    hosts = [f"{name}.faculty-of-{what}.example" for name in ("mail", "laptop") for what in ("medicine", "mathematics")]
    spots = tuple(Spot(host, "here", ("mx",), ()) for host in hosts)
    net = Network({})
    net.hosts[hosts[0]] = HostNow(queued=12, stored=345)
    picture = mapping.draw(Plan("long", ("here",), spots), net, "", cells, EN)
    rows = text_of(picture)
    places = [rows[y][start:end].strip() for y, start, end in picture.places.values()]
    assert len({place.split("  ")[0] for place in places}) == len(hosts)
    assert all(cell_len(row) <= cells for row in rows)
    assert "12" in places[0]
    assert "345" in places[0]
    assert not any(" …" in place for place in places)


def network(**flow: object) -> Network:
    net = Network({})
    flow = {"client": "relay.hust.example", "server": "mx1.neu.example", "stage": "data", **flow}
    net.flows["relay.hust.example", "deliver/1"] = Flow(**flow)  # type: ignore[arg-type]
    return net


def test_a_message_on_its_way_is_a_letter_on_a_line_with_an_arrow_at_the_server():
    picture = mapping.draw(plan_of("campus"), network(loaded=True), "relay.hust.example", 110, EN)
    rows = text_of(picture)
    assert sum(row.count("✉") for row in rows) == 1
    assert "◀" in rows[picture.places["mx1.neu.example"][0]]
    assert "╭" in rows[picture.places["relay.hust.example"][0]]


def test_an_encrypted_dialogue_has_a_double_line():
    rows = text_of(mapping.draw(plan_of("campus"), network(secure=True), "relay.hust.example", 110, EN))
    assert any("║" in row for row in rows)


def test_the_list_says_what_each_host_does():
    net = network()
    net.hosts["mx2.vnet.example"] = HostNow(queued=2, waiting=(("2026-11-23T02:00:00Z", "1"),))
    picture = mapping.draw(plan_of("campus"), net, "", 100 - 22, EN)
    rows = text_of(picture)
    assert "talks to mx1.neu: Content" in rows[picture.places["relay.hust.example"][0]]
    assert "answers relay.hust" in rows[picture.places["mx1.neu.example"][0]]
    assert "2 queued · tries again at 11-23 02:00 " in rows[picture.places["mx2.vnet.example"][0]]


def test_more_dialogues_than_lanes_are_no_tangle():
    net = Network({})
    for number, spot in enumerate(plan_of("campus").spots):
        net.flows[spot.name, str(number)] = Flow(spot.name, "relay.hust.example", "data", loaded=True)
    rows = text_of(mapping.draw(plan_of("campus"), net, "mx1.neu.example", 110, EN))
    assert sum(row.count("✉") for row in rows) <= 3


@pytest.mark.parametrize("language", ["en", "vi"])
@pytest.mark.parametrize("cells", [86, 96, 110])
def test_what_a_host_holds_is_told_whole_on_a_narrow_map_too(language, cells):
    net = Network({})
    net.hosts["mail.home.example"] = HostNow(queued=12, stored=3)
    picture = mapping.draw(plan_of("five-days"), net, "", cells, Texts(language))
    y, start, end = picture.places["mail.home.example"]
    row = text_of(picture)[y][start:end]
    assert "12" in row
    assert "3" in row
    assert "…" not in row


@pytest.mark.parametrize("language", ["en", "vi"])
def test_a_row_of_the_list_says_whole_what_its_host_holds_and_waits_for(language):
    net = Network({})
    net.hosts["mail.home.example"] = HostNow(queued=12, stored=3, waiting=(("2026-11-23T02:00:00Z", "1"),))
    picture = mapping.draw(plan_of("five-days"), net, "", 76, Texts(language))
    row = text_of(picture)[picture.places["mail.home.example"][0]]
    assert "11-23 02:00" in row
    assert cell_len(row) <= 76
