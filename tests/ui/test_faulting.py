"""What the fault's form offers, and what becomes of its words."""

import functools
from typing import get_args, get_type_hints

import pytest

from smtplab.events import DnsAnswered
from smtplab.journal import Record
from smtplab.lab.bad_input import BadInput
from smtplab.lab.worlds import bundled_worlds, overlay, plan_of
from smtplab.mta.behaviour.faults import BrokenReply, Certificate
from smtplab.sim import consistency
from smtplab.sim.library import load_world
from smtplab.sim.run import play
from smtplab.ui import faulting
from smtplab.view.texts import Texts


def test_every_fault_that_the_form_offers_makes_a_world(tmp_path, monkeypatch):
    # The zones are the same in each of these worlds, and reading them is most of what takes time.
    monkeypatch.setattr(consistency, "zone_flaw", functools.cache(consistency.zone_flaw))
    for spot in plan_of("campus").spots:
        for what in faulting.kinds(spot):
            for stage in faulting.stages(spot, what) or (None,):
                held = faulting.DETAIL.get(what) or "hust.example MX 5 relay.hust.example."
                for detail in faulting.WAYS.get(what, (held,)):
                    for since_s in (None, 3600.0):
                        change = faulting.change(what, spot.name, stage, "1", detail, since_s)
                        assert change is not None
                        overlay("campus", change, tmp_path)


@pytest.mark.parametrize("world", bundled_worlds())
def test_every_kind_of_fault_that_the_form_offers_at_a_host_fits_its_roles(tmp_path, world):
    seen: set[tuple[str, ...]] = set()
    zone = {"blocklisted": "9.0.4.10.list.bl.example A 127.0.0.2"}.get(world, "vnet.example TXT hello")
    for spot in plan_of(world).spots:
        if spot.roles in seen:
            continue
        seen.add(spot.roles)
        for what in faulting.kinds(spot):
            detail = faulting.WAYS.get(what, (faulting.DETAIL.get(what) or zone,))[0]
            change = faulting.change(what, spot.name, (faulting.stages(spot, what) or (None,))[-1], "", detail)
            assert change is not None
            overlay(world, change, tmp_path)


def test_at_a_blocklist_its_records_change_and_a_program_has_no_faults():
    kinds = {spot.name: faulting.kinds(spot) for spot in plan_of("blocklisted").spots}
    assert kinds["list.bl.example"] == ("record",)
    assert kinds["pc.firm.example"] == ()
    assert "record" in kinds["ns.vnet.example"]


def test_the_ways_of_a_fault_are_those_of_a_worlds_file():
    assert faulting.WAYS["certificate"] == get_args(get_type_hints(Certificate)["how"])
    assert faulting.WAYS["broken-reply"] == get_args(get_type_hints(BrokenReply)["how"])


def test_a_record_can_be_changed_from_a_moment_on(tmp_path):
    change = faulting.change("record", "ns.vnet.example", None, "", "school.example MX 10 nobody.school.example.", 60.0)
    records: list[Record] = []
    play(load_world(str(overlay("greylisting", change, tmp_path))), None, None, records.append)
    answers = [
        (record.elapsed_us // 60_000_000, record.event.records)
        for record in records
        if isinstance(record.event, DnsAnswered) and record.event.rrtype == "MX"
    ]
    before, after = ("10 mx.school.example.",), ("10 nobody.school.example.",)
    # After five minutes the sender's cache still holds what was true; after an hour it has to ask again.
    assert answers == [(0, before), (5, before), (60, after)]


def test_a_form_without_a_number_or_a_code_is_no_change():
    assert faulting.change("delay", "mx", "rcpt", "", "soon") is None
    assert faulting.change("reply", "mx", "rcpt", "", "Go away") is None
    assert faulting.change("reply", "mx", "rcpt", "often", "451 Later") is None
    assert faulting.change("record", "ns", None, "", "away.example") is None


def test_a_record_of_a_type_that_nobody_knows_is_refused_in_both_languages(tmp_path):
    change = faulting.change("record", "ns.vnet.example", None, "", "away.example FOO 10")
    assert change is not None
    with pytest.raises(BadInput) as bad:
        overlay("first-mail", change, tmp_path)
    for language, said in (("en", "there is no record type 'FOO'"), ("vi", "không có loại bản ghi 'FOO'")):
        assert said in Texts(language)(bad.value.text, **bad.value.arguments)
