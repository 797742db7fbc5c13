from __future__ import annotations

from typing import get_args

from smtplab.smtp.replies import LISTED_CODES
from smtplab.smtp.states import STATES, TABLE, State, advance, legal_verbs, transitions
from smtplab.wire.extension import Extensions


def test_every_state_stands_in_the_table_and_in_the_order() -> None:
    assert set(STATES) == set(TABLE) == set(get_args(State))
    assert len(STATES) == len(set(STATES))


def test_every_state_but_the_first_can_be_reached() -> None:
    reached = {target for state in STATES for _, _, target in transitions(state)}
    assert reached == set(STATES) - {"connected"}


def test_421_closes_every_state() -> None:
    assert {advance(state, verb, 421) for state in STATES for verb in ("NOOP", "*")} == {"closed"}


def test_a_refusal_of_what_is_illegal_moves_nothing() -> None:
    for state in STATES:
        for verb in LISTED_CODES:
            if verb not in TABLE[state]:
                assert advance(state, verb, 503) == state


def test_nothing_leads_out_of_closed() -> None:
    assert {advance("closed", verb, code) for verb in LISTED_CODES for code in (220, 250, 354)} == {"closed"}


def test_each_dialect_has_its_own_hello() -> None:
    nothing = Extensions()
    assert legal_verbs("greeted", nothing)[:2] == ("EHLO", "HELO")
    assert legal_verbs("greeted", nothing, "smtp")[0] == "HELO"
    assert legal_verbs("greeted", nothing, "lmtp")[0] == "LHLO"
    assert legal_verbs("refused", nothing) == ("QUIT",)
