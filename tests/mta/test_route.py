"""MX and what stands in for it."""

from __future__ import annotations

import pytest

from smtplab.events import HostFound, HostSkipped, RouteFound, RuleBroken
from smtplab.mta.options import Routing
from smtplab.mta.outcome import NoRoute, judge_no_route
from smtplab.mta.route import HOSTS_MAX, Route, find_route

STRAIGHT = Routing()


def route(kit, data, domain="d.example", routing=STRAIGHT):
    found = []

    async def play(bench):
        bench.zone.data.update(data)
        found.append(await find_route(domain, bench.net, routing, bench.scope))

    bench = kit.on_bench(play)
    return found[0], bench


def hosts(result):
    assert isinstance(result, Route)
    return [(host.host, host.preference, host.addresses) for host in result.hosts]


def test_smaller_preferences_come_first(kit):
    data = {
        ("d.example", "MX"): ["30 c.", "10 a.", "20 b."],
        **{(n, "A"): [f"10.0.1.{i}"] for i, n in enumerate("abc", 1)},
    }
    result, bench = route(kit, data)
    assert [host for host, _, _ in hosts(result)] == ["a", "b", "c"]
    assert [event.source for event in bench.told(RouteFound)] == ["mx"]


def test_equal_preferences_are_shuffled_by_the_given_chance_whatever_the_servers_order(kit):
    names = [f"m{number}" for number in range(8)]
    addresses = {(name, "A"): [f"10.0.1.{number}"] for number, name in enumerate(names, 1)}
    one, _ = route(kit, {("d.example", "MX"): [f"10 {name}." for name in names], **addresses})
    two, _ = route(kit, {("d.example", "MX"): [f"10 {name}." for name in reversed(names)], **addresses})
    assert hosts(one) == hosts(two)
    assert [host for host, _, _ in hosts(one)] != names
    assert sorted(host for host, _, _ in hosts(one)) == names


def test_without_mx_the_domain_itself_is_the_host(kit):
    result, _ = route(kit, {("d.example", "A"): ["10.0.1.1"], ("d.example", "AAAA"): ["2001:db8::1"]})
    assert result == Route("d.example", "implicit-mx", (HostFound("d.example", None, ("10.0.1.1", "2001:db8::1")),))


def test_a_cname_at_the_domain_is_followed_to_its_target(kit):
    result, _ = route(kit, {("d.example", "CNAME"): ["e.example"], ("e.example", "A"): ["10.0.1.1"]})
    assert hosts(result) == [("e.example", None, ("10.0.1.1",))]


def test_a_null_mx_means_that_the_domain_takes_no_mail(kit):
    result, bench = route(kit, {("d.example", "MX"): ["0 ."], ("d.example", "A"): ["10.0.1.1"]})
    judgement = judge_no_route(result)
    assert (judgement.result, judgement.code, judgement.enhanced) == ("refused", 556, "5.1.10")
    assert bench.told(RouteFound) == [RouteFound("d.example", "null-mx", ())]


def test_an_mx_that_is_an_alias_is_followed_and_said_to_break_the_rule(kit):
    data = {("d.example", "MX"): ["10 mx."], ("mx", "CNAME"): ["real"], ("real", "A"): ["10.0.1.1"]}
    result, bench = route(kit, data)
    assert hosts(result) == [("mx", 10, ("10.0.1.1",))]
    assert bench.told(RuleBroken) == [RuleBroken("mx-is-cname", "them", "mx", "RFC 2181 10.3")]


def test_an_mx_that_is_an_address_is_skipped(kit):
    data = {("d.example", "MX"): ["10 192.0.2.1.", "20 mx."], ("mx", "A"): ["10.0.1.1"]}
    result, bench = route(kit, data)
    assert [host for host, _, _ in hosts(result)] == ["mx"]
    assert bench.told(HostSkipped) == [HostSkipped("192.0.2.1", "is-address-literal")]


@pytest.mark.parametrize("ourselves", [frozenset({"b"}), frozenset({"10.0.1.2"})])
def test_as_an_mx_ourselves_we_try_only_better_ones(kit, ourselves):
    data = {("d.example", "MX"): ["10 a.", "20 b.", "20 b2.", "30 c."]}
    data |= {(name, "A"): [f"10.0.1.{number}"] for number, name in enumerate(["a", "b", "b2", "c"], 1)}
    result, bench = route(kit, data, routing=Routing(ourselves=ourselves))
    assert [host for host, _, _ in hosts(result)] == ["a"]
    skipped = {(event.host, event.reason) for event in bench.told(HostSkipped)}
    assert skipped == {("b", "we-are-this-mx"), ("b2", "lower-preference-than-us"), ("c", "lower-preference-than-us")}


def test_as_the_best_mx_ourselves_it_is_a_loop(kit):
    data = {("d.example", "MX"): ["10 us.", "20 b."], ("us", "A"): ["10.0.1.1"], ("b", "A"): ["10.0.1.2"]}
    result, _ = route(kit, data, routing=Routing(ourselves=frozenset({"us"})))
    judgement = judge_no_route(result)
    assert (result.kind, judgement.result, judgement.enhanced) == ("loop", "refused", "5.4.6")


@pytest.mark.parametrize(
    ("data", "kind", "result"),
    [
        ({}, "nxdomain", "refused"),
        ({("d.example", "MX"): "servfail"}, "servfail", "deferred"),
        ({("d.example", "MX"): "timed-out"}, "timed-out", "deferred"),
        ({("d.example", "TXT"): ["x"]}, "nodata", "refused"),
        ({("d.example", "A"): "servfail"}, "servfail", "deferred"),
        ({("d.example", "MX"): ["10 mx."]}, "no-usable-host", "refused"),
        ({("d.example", "MX"): ["10 mx."], ("mx", "A"): [], ("mx", "AAAA"): "timed-out"}, "timed-out", "deferred"),
        ({("d.example", "MX"): ["10 a.", "20 b."], ("b", "A"): "servfail"}, "servfail", "deferred"),
    ],
)
def test_the_kinds_of_no_answer_are_kept_apart(kit, data, kind, result):
    found, _ = route(kit, data)
    assert isinstance(found, NoRoute)
    assert (found.kind, judge_no_route(found).result) == (kind, result)


def test_a_host_without_an_answer_is_skipped_and_the_others_are_kept(kit):
    data = {("d.example", "MX"): ["10 a.", "20 b.", "30 c."], ("b", "A"): "servfail", ("c", "A"): ["10.0.1.3"]}
    result, bench = route(kit, data)
    assert [host for host, _, _ in hosts(result)] == ["c"]
    assert bench.told(HostSkipped) == [HostSkipped("a", "nxdomain"), HostSkipped("b", "servfail")]


@pytest.mark.parametrize(
    ("domain", "addresses"), [("[192.0.2.1]", ("192.0.2.1",)), ("[IPv6:2001:db8::1]", ("2001:db8::1",))]
)
def test_a_literal_is_its_own_host_and_no_question_is_asked(kit, domain, addresses):
    result, bench = route(kit, {}, domain)
    assert (result.source, result.hosts[0].addresses, bench.zone.asked) == ("literal", addresses, [])


def test_a_literal_that_is_none_has_no_route(kit):
    result, _ = route(kit, {}, "[300.1.1.1]")
    assert result == NoRoute("[300.1.1.1]", "bad-literal")


def test_only_the_wanted_family_is_asked_for(kit):
    data = {("d.example", "MX"): ["10 a.", "20 b."], ("a", "A"): ["10.0.1.1"], ("b", "AAAA"): ["2001:db8::1"]}
    result, bench = route(kit, data, routing=Routing(family=6))
    assert hosts(result) == [("b", 20, ("2001:db8::1",))]
    assert ("a", "A") not in bench.zone.asked
    assert bench.told(HostSkipped) == [HostSkipped("a", "family")]


def test_a_pinned_host_is_not_looked_up(kit):
    result, bench = route(kit, {("d.example", "MX"): ["10 mx."]}, routing=Routing(pins={"mx": ("127.0.0.9",)}))
    assert hosts(result) == [("mx", 10, ("127.0.0.9",))]
    assert bench.zone.asked == [("d.example", "MX")]


def test_more_hosts_than_the_bound_are_not_looked_up(kit):
    names = [f"m{number:03}" for number in range(HOSTS_MAX + 5)]
    data = {("d.example", "MX"): [f"{number} {name}." for number, name in enumerate(names)]}
    data |= {(name, "A"): ["10.0.1.1"] for name in names}
    result, bench = route(kit, data)
    assert len(hosts(result)) == HOSTS_MAX
    assert len(bench.zone.asked) == 1 + 2 * HOSTS_MAX


def test_garbage_in_mx_data_is_no_surprise(kit):
    result, _ = route(kit, {("d.example", "MX"): ["", "x", "ten mx.", "10", "-1 mx."]})
    assert result == NoRoute("d.example", "no-usable-host")
