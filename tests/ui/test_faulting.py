"""What the fault's form offers, and what becomes of its words."""

from smtplab.lab.worlds import overlay, plan_of
from smtplab.ui import faulting


def test_every_fault_that_the_form_offers_makes_a_world(tmp_path):
    for spot in plan_of("campus").spots:
        for what in faulting.kinds(spot):
            for stage in faulting.stages(spot, what) or (None,):
                change = faulting.change(
                    what, spot.name, stage, "1", faulting.DETAIL.get(what) or "hust.example MX 5 relay.hust.example."
                )
                assert change is not None
                overlay("campus", change, tmp_path)


def test_a_form_without_a_number_or_a_code_is_no_change():
    assert faulting.change("delay", "mx", "rcpt", "", "soon") is None
    assert faulting.change("reply", "mx", "rcpt", "", "Go away") is None
