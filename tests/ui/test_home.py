"""The home screen: whom to write to, where, and what was kept."""

import os
import unicodedata
from pathlib import Path

import pytest

from smtplab.lab.request import BadInput, WalkRequest
from smtplab.sim.library import load_world
from smtplab.ui.app import EXAMPLES, WORLD
from smtplab.ui.keep import capture_path
from smtplab.ui.screens.home import Offers, newest_captures, place_of
from smtplab.ui.screens.walk import WalkScreen
from smtplab.ui.widgets.place_switch import PlaceSwitch
from smtplab.ui.widgets.recipient_input import RecipientInput


@pytest.fixture
def asked(play, tape):
    """Runs a scene on the home screen; every walk asked for is kept in the list that it gives."""
    requests: list[WalkRequest] = []

    def make_feed(request: WalkRequest):
        requests.append(request)
        if "@" not in request.recipient:
            raise BadInput("cli.not-an-address", address=request.recipient)
        return tape()

    def run(scene, **arguments):
        async def prepared(stage):
            stage.app._make_feed = make_feed
            await scene(stage)

        play(prepared, None, **arguments)
        return requests

    return run


def test_enter_walks_an_example_domain_in_the_simulated_internet(asked):
    async def scene(stage):
        await stage.press(*"a@b.example", "enter")
        assert isinstance(stage.app.screen, WalkScreen)

    assert asked(scene) == [WalkRequest(recipient="a@b.example", sim="campus")]


def test_a_real_domain_is_walked_live(asked):
    async def scene(stage):
        await stage.press(*"a@b.org", "enter")

    assert asked(scene) == [WalkRequest(recipient="a@b.org", live=True)]


def test_the_person_s_own_choice_stands_above_the_domain_s(asked):
    async def scene(stage):
        stage.app.screen.query_one(PlaceSwitch).focus()
        await stage.press("space", "shift+tab", *"a@b.example", "enter")

    assert asked(scene) == [WalkRequest(recipient="a@b.example", live=True)]


def test_the_bundled_world_completes_a_recipient(asked):
    async def scene(stage):
        await stage.press(*"stu")
        await stage.pilot.pause(0.1)
        await stage.press("right")
        assert stage.app.screen.query_one(RecipientInput).value == "student@hust.example"

    asked(scene)


def test_nothing_typed_says_what_to_do(asked):
    async def scene(stage):
        await stage.press("enter")
        assert "Type a recipient first" in stage.shown()

    assert asked(scene) == []


def test_what_is_no_address_is_refused_on_the_home_screen(asked):
    async def scene(stage):
        await stage.press(*"nobody", "enter")
        assert not isinstance(stage.app.screen, WalkScreen)
        assert stage.app.screen.query_one("#note").has_class("-refusal")

    asked(scene)


def test_q_on_a_walk_comes_back_home(asked):
    async def scene(stage):
        await stage.press(*"a@b.example", "enter", "q")
        await stage.pilot.pause()
        assert stage.app.screen.query_one(RecipientInput).value == "a@b.example"

    asked(scene)


def test_letters_that_are_commands_elsewhere_can_be_typed(asked):
    async def scene(stage):
        await stage.press(*"qld")
        assert stage.app.screen.query_one(RecipientInput).value == "qld"
        assert stage.app.texts.language == "en"

    asked(scene)


def test_a_letter_and_its_mark_become_one(asked):
    async def scene(stage):
        entry = stage.app.screen.query_one(RecipientInput)
        entry.insert_text_at_cursor("e")
        entry.insert_text_at_cursor("\u0302")
        entry.insert_text_at_cursor("\u0323")
        assert entry.value == "ệ"
        entry.value = unicodedata.normalize("NFD", "Việt")
        assert entry.value == "Việt"
        entry.cursor_position = 3
        entry.insert_text_at_cursor("a\u0302")
        assert (entry.value, entry.cursor_position) == ("Việât", 4)

    asked(scene)


@pytest.mark.parametrize("language", ["en", "vi"])
def test_nothing_is_cut_off_at_80_by_24(asked, language):
    async def scene(stage):
        rows = stage.shown().splitlines()
        assert len(rows) == 24
        assert "⏎" in "".join(rows[-3:])
        assert "⟦" not in "".join(rows)

    asked(scene, size=(80, 24), language=language)


@pytest.mark.parametrize(
    ("recipient", "place"),
    [
        ("a@b.example", "sim"),
        ("a@B.TEST.", "sim"),
        ("a@example", "sim"),
        ("a", "sim"),
        ("a@b.com", "live"),
        ("a@[192.0.2.1]", "live"),
    ],
)
def test_the_domain_decides_where(recipient, place):
    assert place_of(recipient) == place


def test_every_example_but_the_unknown_one_lives_in_the_bundled_world():
    users = {user.address for user in load_world(WORLD).users}
    assert [name for name in EXAMPLES if name not in users] == ["nobody@hust.example"]


def test_captures_are_listed_newest_first(tmp_path: Path):
    for age, name in enumerate(("new.jsonl", "old.jsonl", "older.jsonl")):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    assert newest_captures(tmp_path) == ["new.jsonl", "old.jsonl", "older.jsonl"]
    assert newest_captures(tmp_path / "nowhere") == []


def test_a_capture_s_name_is_fit_for_any_file_system(tmp_path: Path):
    path = capture_path(tmp_path, "../a/b:c@hust.example")
    assert path.parent == tmp_path
    assert path.name.endswith("_a_b_c@hust.example.jsonl")
    path.touch()
    assert not capture_path(tmp_path, "../a/b:c@hust.example").exists()


def test_down_and_enter_take_what_is_offered_and_up_leads_back(asked):
    async def scene(stage):
        field = stage.app.screen.query_one(RecipientInput)
        assert field.has_focus
        await stage.press("down")
        offers = stage.app.screen.query_one(Offers)
        assert offers.has_focus
        assert offers.get_option_at_index(offers.highlighted).id == "example:student@hust.example"
        await stage.press("down", "up", "up")
        assert field.has_focus
        await stage.press("tab", "down", "enter")
        assert isinstance(stage.app.screen, WalkScreen)

    assert [request.recipient for request in asked(scene, size=(80, 24))] == [EXAMPLES[0]]
