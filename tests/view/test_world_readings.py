"""The readings of a whole world: moments of a kind, who talks with whom, what one node knew, two runs side by side."""

import pytest

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.sim.library import load_world
from smtplab.sim.run import play
from smtplab.view.difference import pairs
from smtplab.view.knowledge import Knowledge, other_end
from smtplab.view.moments import Moments, line_count
from smtplab.view.network import NetworkHistory, Spot


def played(name: str) -> list[Record]:
    records: list[Record] = []
    play(load_world(name), None, None, records.append)
    return records


@pytest.fixture(scope="module")
def five_days() -> list[Record]:
    return played("five-days")


@pytest.fixture(scope="module")
def greylisting() -> list[Record]:
    return played("greylisting")


def spots(name: str) -> list[Spot]:
    return [Spot(host.name, host.site, host.roles, host.addresses) for host in load_world(name).hosts]


def knew(records: list[Record], node: str, until: type[ev.Event] | None = None) -> Knowledge:
    """What the node knew once the first event of this kind was told, with that event."""
    end = len(records)
    if until is not None:
        end = next(index for index, record in enumerate(records, 1) if isinstance(record.event, until))
    known = Knowledge()
    for record in records[:end]:
        if record.node == node:
            known.advance(record)
    return known


def moments_of(records: list[Record]) -> Moments:
    moments = Moments()
    moments.extend(records)
    return moments


def test_each_step_by_command_ends_behind_a_command(greylisting):
    moments, position, commands = moments_of(greylisting), 0, 0
    while (found := moments.after(position, "command")) is not None:
        assert isinstance(greylisting[found - 1].event, ev.CommandSent)
        assert moments.before(found, "command") == (position or None)
        position, commands = found, commands + 1
    assert commands == sum(isinstance(record.event, ev.CommandSent) for record in greylisting)


def test_a_hop_handed_on_is_a_delivery_as_a_mailbox_is(greylisting):
    moments = moments_of(greylisting)
    first = moments.after(0, "delivery")
    assert greylisting[first - 1].event == ev.Dequeued(greylisting[first - 1].event.queue_id, "relayed")
    assert isinstance(greylisting[moments.after(first, "delivery") - 1].event, ev.Delivered)


def test_the_last_moment_of_each_time_holds_all_records_up_to_it(five_days):
    moments = moments_of(five_days)
    for elapsed_us in (0, 1_000_000, 86_400_000_000, moments.end_us):
        position = moments.at_time(elapsed_us)
        assert all(record.elapsed_us <= elapsed_us for record in five_days[:position])
        assert all(record.elapsed_us > elapsed_us for record in five_days[position:])


def test_a_server_s_view_takes_no_line_beside_its_client_s():
    received = Record(1, 0, 0, 1, "mx", "receive/1/10.0.0.1", "ehlo", ev.CommandReceived("EHLO", "EHLO a"))
    assert (line_count(received), line_count(received, both_ends=True)) == (0, 1)


def test_going_back_gives_the_same_network_as_folding_from_the_start(five_days):
    forth, back = NetworkHistory(five_days, spots("five-days")), NetworkHistory(five_days, spots("five-days"))
    back.at(len(five_days))
    for count in (1200, 700, 90, 0):
        fresh = forth.at(count) if count == 1200 else NetworkHistory(five_days, spots("five-days")).at(count)
        again = back.at(count)
        assert (again.count, again.hosts, again.flows) == (fresh.count, fresh.hosts, fresh.flows)


def test_a_host_tries_again_at_the_soonest_of_what_waits_whatever_else_leaves_its_queue(five_days):
    history, waits = NetworkHistory(five_days, spots("five-days")), {}
    for count, record in enumerate(five_days, 1):
        match record.event:
            case ev.Deferred(queue_id=queue_id, next_attempt=moment):
                waits[queue_id] = moment
            case ev.AttemptStarted(queue_id=queue_id) | ev.Dequeued(queue_id=queue_id):
                waits.pop(queue_id, None)
        assert history.at(count).host("mail.home.example").next_attempt == min(waits.values(), default="")


def test_a_dialogue_is_seen_between_the_hosts_of_the_plan_and_is_gone_at_its_end(greylisting):
    history = NetworkHistory(greylisting, spots("greylisting"))
    sent = next(index for index, record in enumerate(greylisting, 1) if isinstance(record.event, ev.MessageSent))
    (flow,) = history.at(sent).flows.values()
    assert (flow.client, flow.server, flow.loaded) == ("laptop.home.example", "mail.home.example", True)
    assert history.at(len(greylisting)).flows == {}


def test_a_queue_knows_its_message_with_envelope_attempts_and_next_try(five_days):
    (entry,) = knew(five_days, "mail.home.example", ev.Deferred).queue.values()
    assert (entry.sender, entry.recipients) == ("lan@home.example", ("minh@gone.example",))
    assert (entry.state, entry.attempts, entry.reason) == ("deferred", 1, "timed-out")
    assert entry.next_attempt > "2026"


def test_a_queue_is_empty_after_the_bounce(five_days):
    assert knew(five_days, "mail.home.example").queue == {}


def test_a_dns_answer_is_forgotten_when_its_time_is_over(five_days):
    known = knew(five_days, "mail.home.example", ev.Deferred)
    (answer,) = [one for one in known.answers.values() if one.rrtype == "MX"]
    assert answer.records == ("10 mx.gone.example.",)
    assert answer in known.cached_at(answer.until_us - 1)
    assert answer not in known.cached_at(answer.until_us)


def test_no_node_knows_what_another_one_was_told(greylisting):
    assert [one.verdict for one in knew(greylisting, "mx.school.example").judgements][:2] == ["new", "passed"]
    assert knew(greylisting, "mail.home.example").judgements == []


def test_a_session_finds_its_other_end(greylisting):
    client, server = knew(greylisting, "mail.home.example"), knew(greylisting, "mx.school.example")
    addresses = next(spot.addresses for spot in spots("greylisting") if spot.name == "mail.home.example")
    calls = [talk for talk in client.talks.values() if talk.peer == "mx.school.example"]
    ends = [other_end(talk, server.talks.values(), addresses) for talk in calls]
    assert len({end.span for end in ends}) == len(calls) == len(server.talks)
    assert [other_end(end, client.talks.values(), ("10.2.0.25",)) for end in ends] == calls


def test_the_same_run_twice_differs_nowhere(greylisting):
    found = pairs(greylisting, played("greylisting"))
    assert all(pair.same for pair in found)
    assert [pair.old for pair in found] == list(range(len(greylisting)))


def test_what_only_the_new_run_has_is_the_first_difference(greylisting):
    fault = Record(0, 0, 0, 1, "mx.school.example", "receive/2", "envelope", ev.FaultInjected("reply", "rcpt"))
    found = pairs(greylisting, [*greylisting[:100], fault, *greylisting[100:]])
    assert [pair.same for pair in found].index(False) == 100
    assert (found[100].old, found[100].new) == (None, 100)
    assert all(pair.same for number, pair in enumerate(found) if number != 100)


def test_another_server_s_greeting_and_another_offer_are_differences():
    def heard(verb: str, *lines: str) -> list[Record]:
        return [Record(1, 0, 0, 1, "relay", "deliver/1/mx", "ehlo", ev.ReplyReceived(250, None, lines, 1.0, verb))]

    def same(verb: str, old: tuple[str, ...], new: tuple[str, ...]) -> bool:
        return all(pair.same for pair in pairs(heard(verb, *old), heard(verb, *new)))

    assert not same("", ("mx1.example ESMTP",), ("mx2.example ESMTP",))
    assert same("", ("mx1.example ESMTP; 01:00:00",), ("mx1.example ESMTP; 02:00:00",))
    assert not same("EHLO", ("mx1", "STARTTLS"), ("mx1", "SIZE"))
    assert same(".", ("Queued as 1",), ("Queued as 2",))
