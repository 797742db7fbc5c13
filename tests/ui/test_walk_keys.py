"""Each key of the walk does what it says."""

from pathlib import Path

import pytest

from smtplab.capture.file import scan
from smtplab.journal import Record
from smtplab.ui.widgets.pane import Pane
from smtplab.ui.widgets.transcript import Transcript


def open_panes(stage) -> set[str]:
    return {pane.id for pane in stage.walk.query(Pane) if pane.has_class("-open") and pane.display}


def test_space_takes_one_step(play, tape):
    async def scene(stage):
        before = stage.walk._walk.player.at
        await stage.press("space")
        assert stage.walk._walk.player.at > before
        assert not stage.walk._walk.player.playing

    play(scene, tape())


def test_p_plays_and_pauses(play, tape):
    async def scene(stage):
        player = stage.walk._walk.player
        await stage.press("p")
        assert player.playing
        await stage.press("p")
        assert not player.playing

    play(scene, tape())


def test_left_and_right_go_back_and_forth_through_recorded_time(play, tape):
    async def scene(stage):
        player = stage.walk._walk.player
        await stage.press("right", "right")
        at = player.at
        await stage.press("right")
        assert player.at > at
        await stage.press("left")
        assert player.at == at

    play(scene, tape())


def test_home_and_end_go_to_the_first_line_and_the_last(play, tape):
    async def scene(stage):
        walk = stage.walk._walk
        await stage.press("end")
        assert (walk.player.at, walk.selected) == (len(walk.known), walk.count - 1)
        await stage.press("home")
        assert walk.player.at < len(walk.known)
        assert walk.selected == walk.count - 1

    play(scene, tape())


def test_plus_and_minus_change_the_speed(play, tape):
    async def scene(stage):
        player = stage.walk._walk.player
        await stage.press("plus", "plus", "minus")
        assert player.speed == 2.0

    play(scene, tape())


def test_up_down_j_and_k_choose_a_line(play, tape):
    async def scene(stage):
        await stage.press("end")
        last = stage.walk._walk.selected
        await stage.press("up", "k", "k", "j", "down")
        assert stage.walk._walk.selected == last - 1
        assert stage.walk.query_one(Transcript).selected == last - 1

    play(scene, tape())


def test_a_click_chooses_a_line(play, tape):
    async def scene(stage):
        await stage.press("end")
        transcript = stage.walk.query_one(Transcript)
        await stage.pilot.click(Transcript, offset=(20, 3))
        await stage.pilot.pause()
        assert stage.walk._walk.selected == transcript.scroll_offset.y + 3

    play(scene, tape())


def test_the_panes_show_the_moment_of_the_selected_line(play, tape):
    async def scene(stage):
        await stage.press("end")
        assert "closed" in stage.shown()
        await stage.press("slash", *"RCPT", "enter", "n")
        assert "● mail " in stage.shown()

    play(scene, tape(), (160, 48))


def test_m_switches_to_the_marks_of_swaks(play, tape):
    async def scene(stage):
        await stage.press("end", "m")
        assert " ~> QUIT" in stage.shown()
        await stage.press("m")
        assert " ~> QUIT" not in stage.shown()

    play(scene, tape())


def test_f_goes_to_the_next_failure(play, tape):
    async def scene(stage):
        await stage.press("f")
        walk = stage.walk._walk
        assert walk.record is not None
        assert type(walk.record.event).__name__ == "ConnectFailed"

    play(scene, tape())


def test_search_finds_whatever_the_case_and_goes_round(play, tape):
    async def scene(stage):
        await stage.press("end", "slash", *"mail from", "enter")
        first = stage.walk._walk.selected
        assert "MAIL FROM" in stage.selected
        await stage.press("n")
        second = stage.walk._walk.selected
        assert "MAIL FROM" in stage.selected
        assert second != first
        await stage.press("n")
        assert stage.walk._walk.selected == first
        await stage.press("N")
        assert stage.walk._walk.selected == second

    play(scene, tape())


def test_a_search_without_a_match_says_so(play, tape):
    async def scene(stage):
        await stage.press("slash", *"zzz")
        assert "nothing found" in stage.shown()

    play(scene, tape())


def test_y_copies_the_line_and_capital_y_the_whole_transcript(play, tape):
    async def scene(stage):
        await stage.press("end", "slash", *"QUIT", "enter", "y")
        assert stage.app.clipboard == "QUIT"
        await stage.press("Y")
        lines = stage.app.clipboard.splitlines()
        assert " ~> QUIT" in lines
        assert len(lines) == stage.walk._walk.count

    play(scene, tape())


def test_s_saves_a_capture_that_reads_back(play, tape, campus_records, tmp_path: Path):
    async def scene(stage):
        await stage.press("s")

    play(scene, tape())
    (saved,) = tmp_path.glob("*.jsonl")
    with saved.open("rb") as file:
        assert [item for item in scan(file) if isinstance(item, Record)] == campus_records


def test_a_capture_that_cannot_be_saved_is_said_in_one_line(play, tape, tmp_path: Path):
    async def scene(stage):
        stage.walk._captures = tmp_path / "file" / "below"
        (tmp_path / "file").write_bytes(b"")
        await stage.press("s")
        assert "Could not save" in "".join(note.message for note in stage.app._notifications)

    play(scene, tape())


@pytest.mark.parametrize(("key", "pane"), [("i", "inspector"), ("r", "route"), ("g", "state")])
def test_a_drawer_opens_and_shuts_at_80_by_24(play, tape, key, pane):
    async def scene(stage):
        assert open_panes(stage) == set()
        await stage.press(key)
        assert open_panes(stage) == {pane}
        await stage.press(key)
        assert open_panes(stage) == set()

    play(scene, tape(), (80, 24))


def test_one_drawer_at_a_time_at_80_by_24(play, tape):
    async def scene(stage):
        await stage.press("i", "r")
        assert open_panes(stage) == {"route"}

    play(scene, tape(), (80, 24))


def test_at_120_columns_the_inspector_stands_beside(play, tape):
    async def scene(stage):
        assert open_panes(stage) == {"inspector"}

    play(scene, tape(), (120, 30))


def test_at_200_by_60_all_panes_stand(play, tape):
    async def scene(stage):
        assert open_panes(stage) == {"inspector", "route", "state"}

    play(scene, tape(), (200, 60))


def test_help_is_about_what_has_the_focus(play, tape):
    async def scene(stage):
        await stage.press("question_mark")
        assert "The transcript" in stage.shown()
        assert "A walk" in stage.shown()
        await stage.press("escape", "tab", "question_mark")
        assert "The inspector" in stage.shown()

    play(scene, tape())


def test_the_palette_finds_a_command_by_its_words_and_runs_it(play, tape):
    async def scene(stage):
        await stage.press("ctrl+p")
        await stage.press(*"marks")
        await stage.pilot.pause(0.3)
        await stage.press("enter")
        await stage.pilot.pause(0.1)
        assert stage.walk.query_one(Transcript).with_marks

    play(scene, tape())


def test_l_changes_the_language_everywhere_at_once(play, tape):
    async def scene(stage):
        await stage.press("end", "l")
        shown = stage.shown()
        for word in ("Giải thích", "Đường đi", "Trạng thái", "chọn dòng", "Internet mô phỏng"):
            assert word in shown
        for word in ("Inspector", "Route", "copy line", "simulated"):
            assert word not in shown
        await stage.press("l")
        assert "Inspector" in stage.shown()

    play(scene, tape(), (200, 60))


def test_d_changes_between_dark_and_light(play, tape):
    async def scene(stage):
        assert stage.app.current_theme.dark
        await stage.press("d")
        assert not stage.app.current_theme.dark

    play(scene, tape())


def test_q_leaves_a_walk_that_the_app_was_opened_on(play, tape):
    async def scene(stage):
        await stage.press("q")
        assert stage.app._exit

    play(scene, tape())


@pytest.mark.parametrize("language", ["en", "vi"])
def test_every_key_of_the_footer_is_seen_whole_at_80_by_24(play, tape, language):
    async def scene(stage):
        await stage.press("end")
        rows = stage.shown().splitlines()
        assert len(rows) == 24
        for hint in ("space ", "p ", "i ", "r ", "g ", "? ", "^p ", "q "):
            assert any(f" {hint}" in row for row in rows[-4:])
        assert stage.walk.query_one("KeyBar").size.height <= 4

    play(scene, tape(), (80, 24), language)


def test_who_wants_the_end_while_records_still_come_is_taken_to_it(play, tape):
    async def scene(stage):
        walk, feed = stage.walk._walk, stage.walk._feed
        await stage.press("end", "space", "end")
        more = feed.records[-3:]
        feed.records.extend(more)
        for _ in range(500):
            await stage.pilot.pause(0.01)
            if walk.player.at == len(feed.records):
                break
        assert walk.player.at == len(walk.known) == len(feed.records)
        assert walk.selected == walk.count - 1

    play(scene, tape())
