"""The captures screen: listed, filtered, opened, kept under another name, exported, thrown away."""

import shutil
import weakref
from pathlib import Path

import pytest

from smtplab import events as ev
from smtplab.capture import file as capture_file
from smtplab.capture.library import bundled_folder
from smtplab.journal import Journal
from smtplab.ui.screens.ask import AskScreen
from smtplab.ui.screens.captures import CapturesScreen
from smtplab.ui.screens.walk import WalkScreen
from smtplab.ui.widgets.row_list import RowList

BUNDLED = len(list(bundled_folder().glob("*.jsonl")))


@pytest.fixture
def shelf(play, tmp_path):
    """Runs a scene on the captures screen, with one capture of the person's own."""

    def run(scene, **arguments):
        async def prepared(stage):
            # As `smtplab` gives it: the captures lie in a folder of the home.
            stage.app._captures = tmp_path / "home" / "captures"
            await stage.press("f7")
            await scene(stage)

        play(prepared, None, **arguments)

    folder = tmp_path / "home" / "captures"
    folder.mkdir(parents=True)
    shutil.copy(bundled_folder() / "bdat.jsonl", folder / "mine.jsonl")
    return run


def rows(stage) -> RowList:
    return stage.app.screen.query_one(RowList)


def test_one_s_own_stand_above_those_that_come_with_smtplab(shelf):
    async def scene(stage):
        shown = stage.shown()
        assert shown.index("mine") < shown.index("auth-login")
        assert f"1 of your own (◆), {BUNDLED} with smtplab" in shown
        assert rows(stage).count == BUNDLED + 1

    shelf(scene)


def test_what_is_typed_filters_at_once_by_name_and_by_what_is_shown(shelf):
    async def scene(stage):
        await stage.press("slash", *"lhlo")
        assert [one.name for one in stage.app.screen._shown] == ["lmtp"]
        await stage.press("enter", "slash", "escape")
        assert rows(stage).count == BUNDLED + 1

    shelf(scene)


def test_a_filter_that_nothing_holds_says_what_to_press(shelf):
    async def scene(stage):
        await stage.press("slash", *"zzz")
        assert "Press / and change it" in stage.shown()

    shelf(scene, size=(80, 24))


def test_what_one_capture_holds_is_gone_once_the_next_is_read(shelf):
    async def scene(stage):
        async def read() -> weakref.ref:
            await stage.press("end", "enter")
            while not stage.app.screen._all_taken:
                await stage.pilot.pause()
            await stage.pilot.pause()
            held = weakref.ref(stage.app.screen)
            await stage.press("q")
            return held

        first = await read()
        await read()
        assert first() is None

    shelf(scene)


def test_enter_opens_the_capture_and_q_comes_back_to_the_list(shelf):
    async def scene(stage):
        await stage.press("end", "enter")
        await stage.pilot.pause()
        assert isinstance(stage.app.screen, WalkScreen)
        await stage.press("q")
        assert isinstance(stage.app.screen, CapturesScreen)

    shelf(scene)


def test_a_copy_under_another_name_holds_no_secret(shelf, tmp_path: Path):
    folder = tmp_path / "home" / "captures"
    journal = Journal(lambda: 1.0)
    scope = journal.scope(node="a", hop=0, span="deliver/1")
    scope(ev.JourneyStarted("x@y.example", "", "live", None, None))
    scope(ev.BytesSent(b"AUTH PLAIN AGEAc2VjcmV0\r\n"))
    capture_file.save(folder / "mine.jsonl", journal.records)

    async def scene(stage):
        await stage.press("s")
        assert isinstance(stage.app.screen, AskScreen)
        await stage.press(*"-2", "enter")
        await stage.pilot.pause(0.1)
        assert isinstance(stage.app.screen, CapturesScreen)
        assert rows(stage).count == BUNDLED + 2

    shelf(scene)
    assert b"AGEAc2VjcmV0" not in (folder / "mine-2.jsonl").read_bytes()
    copied = capture_file.read(folder / "mine-2.jsonl").records
    assert [type(record.event) for record in copied] == [ev.JourneyStarted, ev.BytesSent]


@pytest.mark.parametrize(("typed", "why"), [("", "is there already"), ("/../x", "can't name a file")])
def test_a_name_that_will_not_do_is_refused_in_the_form(shelf, typed, why):
    async def scene(stage):
        await stage.press("s", *typed, "enter")
        await stage.pilot.pause(0.1)
        assert why in stage.shown()
        await stage.press("escape")
        assert rows(stage).count == BUNDLED + 1

    shelf(scene)


@pytest.mark.parametrize(
    ("turns", "suffix", "begins"),
    [(0, ".txt", b"="), (1, ".md", b"#"), (2, ".pcapng", b"\x0a\x0d\x0d\x0a")],
)
def test_an_export_writes_the_file_that_was_named(shelf, tmp_path: Path, turns, suffix, begins):
    async def scene(stage):
        await stage.press("e", *["right"] * turns, "down", "ctrl+u")
        await stage.paste(str(tmp_path / "out"))
        await stage.press("enter")
        await stage.pilot.pause(0.5)
        assert isinstance(stage.app.screen, CapturesScreen)

    shelf(scene)
    assert (tmp_path / f"out{suffix}").read_bytes().startswith(begins)


def test_an_export_never_writes_over_a_file(shelf, tmp_path: Path):
    (tmp_path / "out.txt").write_bytes(b"precious")

    async def scene(stage):
        await stage.press("e", "down", "ctrl+u")
        await stage.paste(str(tmp_path / "out"))
        await stage.press("enter")
        await stage.pilot.pause(0.2)
        assert "is there already" in stage.shown()

    shelf(scene)
    assert (tmp_path / "out.txt").read_bytes() == b"precious"


def test_one_s_own_is_thrown_away_after_a_question_only(shelf, tmp_path: Path):
    mine = tmp_path / "home" / "captures" / "mine.jsonl"

    async def scene(stage):
        await stage.press("x", "escape")
        assert mine.exists()
        await stage.press("x", "enter")
        await stage.pilot.pause(0.1)
        assert not mine.exists()
        assert rows(stage).count == BUNDLED

    shelf(scene)


def test_what_comes_with_smtplab_cannot_be_thrown_away(shelf):
    async def scene(stage):
        await stage.press("down", "x")
        assert isinstance(stage.app.screen, CapturesScreen)
        assert "delete" not in stage.shown()

    shelf(scene)


def test_a_click_chooses_and_a_second_one_opens(shelf):
    async def scene(stage):
        await stage.pilot.click(RowList, offset=(5, 3))
        assert rows(stage).chosen == 2
        await stage.pilot.click(RowList, offset=(5, 3), times=2)
        await stage.pilot.pause()
        assert isinstance(stage.app.screen, WalkScreen)

    shelf(scene)


def test_another_language_changes_every_word(shelf):
    async def scene(stage):
        await stage.press("l")
        shown = stage.shown()
        assert "Bản ghi phiên" in shown
        assert "lưu với tên khác" in shown

    shelf(scene)


def test_a_damaged_line_costs_only_itself_and_is_named_by_its_number(shelf, tmp_path: Path):
    mine = tmp_path / "home" / "captures" / "mine.jsonl"
    lines = mine.read_bytes().splitlines(keepends=True)
    lines[4] = b'{"seq":4,"time":\n'
    mine.write_bytes(b"".join(lines))

    async def scene(stage):
        await stage.press("enter")
        await stage.pilot.pause(0.5)
        assert [note.message.endswith("the first is line 5") for note in stage.app._notifications] == [True]
        assert len(stage.walk._walk.known) == len(lines) - 2

    shelf(scene)
