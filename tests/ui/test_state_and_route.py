"""The state and the route as pictures, read off the state machine's table and the journey."""

import pytest

from smtplab.smtp import states
from smtplab.ui.widgets import rail, route, state
from smtplab.view.journey import Journey
from smtplab.view.session import Session
from smtplab.view.texts import Texts
from smtplab.wire.extension import parse_extensions

EN = Texts("en")


def session(name: str, *extensions: str) -> Session:
    return Session(0, "a.example", "client", host="b.example", state=name, extensions=extensions)


def plain(lines) -> str:
    return "\n".join(line.plain for line in lines)


@pytest.mark.parametrize("name", states.STATES)
@pytest.mark.parametrize("language", ["en", "vi"])
def test_every_state_has_its_words(name, language):
    shown = plain(state.picture(session(name), Texts(language)))
    assert name in shown
    assert "⟦" not in shown


def test_only_what_was_announced_is_offered():
    assert "STARTTLS" not in plain(state.picture(session("ready"), EN))
    assert "STARTTLS" in plain(state.picture(session("ready", "STARTTLS"), EN))


def test_every_legal_command_is_shown_and_no_other():
    for name in states.STATES:
        shown = plain(state.picture(session(name, "AUTH PLAIN", "CHUNKING"), EN)).replace(":", " ").split()
        legal = set(states.legal_verbs(name, parse_extensions(("AUTH PLAIN", "CHUNKING"))))
        assert legal - set(shown) == set()
        assert {verb for verb in states.KNOWN_VERBS if verb.isalpha()} & set(shown) - {"BDAT", "TLS"} <= legal


def test_the_route_shows_every_attempt_and_where_the_message_is(campus_records):
    shown = plain(route.picture(Journey.at(campus_records, len(campus_records)), EN)).splitlines()
    assert [line.split()[1] for line in shown if line.startswith("●")] == [
        "laptop.neu.example",
        "smtp.neu.example",
        "mx2.hust.example",
    ]
    assert any("✗ mx1.hust.example" in line for line in shown)
    assert "in the mailbox student" in shown[-1]


def test_the_message_rests_with_the_relay_between_the_hops(campus_records):
    relay = next(n for n, record in enumerate(campus_records) if record.hop == 1)
    shown = plain(route.picture(Journey.at(campus_records, relay + 1), EN))
    assert "◆ smtp.neu.example  the message is here" in shown


def test_before_anything_happened_the_panes_say_what_to_wait_for():
    assert "No host yet" in plain(route.picture(Journey(), EN))
    assert "No dialogue yet" in plain(state.picture(None, EN))


def test_the_rail_names_its_stages_where_they_fit_and_marks_them_where_not(campus_records):
    journey = Journey.at(campus_records, 30)
    hop, record = journey.hops[0], campus_records[29]
    for cells in (40, 78, 160):
        assert rail.line(hop, record, EN, cells).cell_length <= cells
    assert EN("stage.dns") in rail.line(hop, record, EN, 160).plain
