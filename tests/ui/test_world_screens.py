"""The screens of a world: time by keys and mouse, hosts, faults, two runs side by side."""

import asyncio
import os
import unicodedata
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot

from smtplab import events as ev
from smtplab.capture import file as capture_file
from smtplab.journal import Record
from smtplab.lab.feed import Ended, RecordsFeed
from smtplab.lab.worlds import world_text
from smtplab.sim.library import load_world
from smtplab.sim.run import play as play_world
from smtplab.ui.app import SmtplabApp
from smtplab.ui.comparing import Worlds
from smtplab.ui.log import short
from smtplab.ui.nodes import Nodes
from smtplab.ui.screens.compare import CompareScreen
from smtplab.ui.screens.fault import FaultScreen
from smtplab.ui.screens.host import HostScreen
from smtplab.ui.screens.world import WorldScreen
from smtplab.ui.screens.worlds import WorldsScreen
from smtplab.ui.widgets.choice import Choice
from smtplab.ui.widgets.map import WorldMap
from smtplab.ui.widgets.timeline import Timeline, scale
from smtplab.ui.widgets.transcript import Transcript
from smtplab.ui.widgets.two_columns import TwoColumns
from smtplab.ui.world import WorldRun
from smtplab.view.knowledge import Knowledge
from smtplab.view.moments import Moments
from smtplab.view.texts import Texts


def records_of(world: str) -> list[Record]:
    records: list[Record] = []
    play_world(load_world(world), None, None, records.append)
    return records


class PlayedFeed:
    """Plays the world when it is run, beside the UI's loop as the process of the real one does."""

    kind = "sim"
    gate = None

    def __init__(self, world: str) -> None:
        self.subject = self._world = world
        self.records: list[Record] = []
        self.ended: Ended | None = None

    async def run(self) -> Ended:
        self.records += await asyncio.to_thread(records_of, self._world)
        self.ended = Ended(0)
        return self.ended


class Stage:
    def __init__(self, app: SmtplabApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def run(self) -> WorldRun:
        return self.app.screen._run

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Another thread or process is at work; the test's time-out ends what never comes."""
        async with asyncio.timeout(10):
            while not holds():
                await self.pilot.pause(0.02)
        await self.pilot.pause()

    async def all_known(self) -> None:
        await self.until(lambda: self.app.screen._feed.ended is not None)
        while self.run.read_on():
            pass
        await self.press("home")

    def shown(self) -> str:
        width = self.app.size.width
        return "\n".join(strip.text[:width] for strip in self.app.screen._compositor.render_strips())


@pytest.fixture
def stage(tmp_path: Path) -> Callable[..., None]:
    """Runs a scene on a world's screen, all its records known, at its first moment."""

    def run(scene: Callable[[Stage], Awaitable[None]], world: str, size: tuple[int, int] = (120, 40)) -> None:
        async def scenes() -> None:
            app = SmtplabApp("en", tmp_path / "captures", make_world_feed=PlayedFeed)
            async with app.run_test(size=size) as pilot:
                app._open_world(world)
                await pilot.pause()
                stage = Stage(app, pilot)
                await stage.all_known()
                await scene(stage)

        asyncio.run(scenes())

    return run


def test_the_home_screen_leads_to_the_worlds_and_enter_plays_one(tmp_path):
    async def scene() -> None:
        app = SmtplabApp("vi", tmp_path, make_world_feed=PlayedFeed)
        async with app.run_test(size=(80, 24)) as pilot:
            stage = Stage(app, pilot)
            await stage.press("f4")
            assert isinstance(app.screen, WorldsScreen)
            await stage.press("down", "enter")
            assert isinstance(app.screen, WorldScreen)
            assert app.screen._feed.subject == "big-attachment"

    asyncio.run(scene())


def test_what_a_world_teaches_can_be_read_to_its_end_on_a_small_terminal(tmp_path):
    async def scene() -> None:
        app = SmtplabApp("en", tmp_path / "captures", make_world_feed=PlayedFeed)
        async with app.run_test(size=(80, 24)) as pilot:
            stage = Stage(app, pilot)
            await stage.press("f4", "end", "tab", *["down"] * 20)
            assert "here." in stage.shown()
            await stage.press("tab", "home")
            assert "A backup MX only keeps mail" in stage.shown()
            await stage.press("enter")
            assert app.screen._feed.subject == "backup-mx"

    asyncio.run(scene())


def test_a_person_s_own_worlds_stand_on_top_and_a_broken_one_is_told_with_its_error(tmp_path):
    folder = tmp_path / "worlds"
    folder.mkdir()
    text = world_text("first-mail")
    (folder / "mine.toml").write_text(text, "utf-8")
    (folder / "broken.toml").write_text(text.replace('site = "home"', 'site = "nowhere"', 1), "utf-8")
    os.utime(folder / "mine.toml", (1, 1))

    async def scene() -> None:
        app = SmtplabApp("en", tmp_path / "captures", make_world_feed=PlayedFeed)
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            stage = Stage(app, pilot)
            await stage.press("f4")
            places = [stage.shown().index(one) for one in ("◆ broken", "◆ mine", "The backup MX")]
            assert places == sorted(places)
            await stage.press("enter")
            assert isinstance(app.screen, WorldsScreen)
            await stage.until(lambda: "$.hosts[" in stage.shown())
            await stage.press("down")
            assert "mine.toml" in stage.shown()
            assert "Messages sent: 1." in stage.shown()
            await stage.press("enter")
            assert isinstance(app.screen, WorldScreen)

    asyncio.run(scene())


def test_a_run_that_is_broken_off_does_not_stand_as_one_that_ended(stage):
    async def scene(on: Stage) -> None:
        await on.press("end")
        await on.until(lambda: on.run.whole)
        assert "■ end" in on.shown()
        on.run.failed = True
        on.app.screen._show()
        await on.pilot.pause()
        assert "✗ broken off" in on.shown()

    stage(scene, "first-mail")


def test_an_own_world_tells_what_goes_wrong_in_it_and_can_be_deleted(tmp_path):
    folder = tmp_path / "worlds"
    folder.mkdir()
    fault = '[[faults]]\nwhat = "reply"\nwhere = "mail.away.example"\nstage = "rcpt"\ncode = 451\n'
    (folder / "mine.toml").write_text(f"{world_text('first-mail')}\n{fault}", "utf-8")

    async def scene() -> None:
        app = SmtplabApp("en", tmp_path / "captures", make_world_feed=PlayedFeed)
        async with app.run_test(size=(120, 40)) as pilot:
            stage = Stage(app, pilot)
            await stage.press("f4")
            assert "mail.away.example/rcpt  reply  451" in stage.shown()
            assert "x delete" in stage.shown()
            await stage.press("x", "escape")
            assert (folder / "mine.toml").exists()
            await stage.press("x", "enter")
            assert not (folder / "mine.toml").exists()
            assert "mine" not in stage.shown()
            assert "x delete" not in stage.shown()
            await stage.press("x")
            assert isinstance(app.screen, WorldsScreen)

    asyncio.run(scene())


def test_the_world_at_hand_stays_so_when_a_changed_one_comes_on_top(tmp_path):
    async def scene() -> None:
        app = SmtplabApp("en", tmp_path / "captures", make_world_feed=PlayedFeed)
        async with app.run_test(size=(120, 40)) as pilot:
            stage = Stage(app, pilot)
            await stage.press("f4", "down", "down", "enter", "q")
            (tmp_path / "worlds").mkdir()
            (tmp_path / "worlds" / "mine.toml").write_text(world_text("first-mail"), "utf-8")
            await stage.press("q", "f4", "down", "down", "enter")
            name = app.screen._source.name
            (tmp_path / "worlds" / "other.toml").write_text(world_text("first-mail"), "utf-8")
            await stage.press("q")
            assert "◆ other" in stage.shown()
            await stage.press("enter")
            assert app.screen._source.name == name

    asyncio.run(scene())


@pytest.mark.parametrize("language", ["en", "vi"])
def test_w_tells_what_a_world_teaches_how_it_went_and_all_that_is_in_it(stage, language):
    async def scene(on: Stage) -> None:
        on.app.texts = Texts(language)
        on.app.screen.speak(on.app.texts)
        await on.until(lambda: on.run.whole)
        await on.press("w", "y")
        said = on.app.clipboard
        result = on.app.texts("result.bounced")
        assert f"lan@home.example → minh@gone.example: {result}: " in said
        assert f"✓ delivered (mailbox = lan@home.example): {on.app.texts('sim.expect.exactly', number=2)}" in said
        assert "10.1.0.25  (submission, mx)" in said or "mail.home.example  10.1.0.25" in said
        assert "hoa-sen-2026" in said
        assert "✗" not in said
        assert "⟦" not in said
        await on.press("w")
        assert isinstance(on.app.screen, WorldScreen)

    stage(scene, "five-days")


def test_a_world_whose_file_is_written_anew_is_run_again_beside_what_was_seen(tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text(world_text("first-mail"), "utf-8")

    async def scene() -> None:
        app = SmtplabApp("en", tmp_path / "captures", make_world_feed=PlayedFeed)
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            stage = Stage(app, pilot)
            app._open_world(str(mine))
            await pilot.pause()
            await stage.all_known()
            world = app.screen
            assert " mine " in stage.shown()
            fault = '[[faults]]\nwhat = "reply"\nwhere = "mail.away.example"\nstage = "rcpt"\ncode = 550\n'
            mine.write_text(f"{world_text('first-mail')}\n{fault}", "utf-8")
            await stage.press("x")
            assert app.screen is world
            await stage.until(lambda: "has been written anew" in stage.shown())
            world.query_one(WorldMap).choose("mail.away.example")
            await stage.press("end", "enter", "3")
            assert "has been written anew" in stage.shown()
            await stage.press("q", "r")
            await stage.until(lambda: getattr(app.screen, "_same", None) is not None)
            assert "After · returned to the sender: 1" in stage.shown()
            await stage.press("q")
            mine.write_text("name = 1", "utf-8")
            await stage.press("r")
            assert app.screen is world
            mine.unlink()
            await stage.press("r", "x", "enter", "3", "q", "w", "w")
            assert app.screen is world

    asyncio.run(scene())


def test_each_key_for_time_goes_to_its_kind_of_moment_and_back(stage):
    async def scene(on: Stage) -> None:
        await on.press("full_stop")
        assert isinstance(on.run.record.event, ev.CommandSent)
        first = on.run.at
        await on.press("full_stop", "comma")
        assert on.run.at == first
        await on.press("greater_than_sign")
        assert isinstance(on.run.record.event, ev.Dequeued | ev.Delivered)
        await on.press("f")
        assert isinstance(on.run.record.event, ev.ConnectFailed | ev.ReplyReceived | ev.Bounced)
        at = on.run.at
        await on.press("space", "left")
        assert on.run.at == at
        await on.press("home")
        assert on.run.at <= 2

    stage(scene, "five-days")


def test_an_hour_passes_though_nothing_happens_in_it(stage):
    async def scene(on: Stage) -> None:
        assert "2026-11-23 01:00:00 UTC" in on.shown()
        await on.press("h", "h")
        assert on.run.now_us == 2 * 3_600_000_000
        assert "2026-11-23 03:00:00 UTC" in on.shown()
        await on.press(*["h"] * 4, "H")
        assert on.run.now_us == 5 * 3_600_000_000
        await on.press("end", "h")
        assert on.run.now_us == on.run.moments.end_us

    stage(scene, "five-days")


def test_the_timeline_can_be_dragged(stage):
    async def scene(on: Stage) -> None:
        line = on.app.screen.query_one(Timeline)
        width = line.content_size.width
        await on.pilot.mouse_down(Timeline, offset=(10, 0))
        await on.pilot.hover(Timeline, offset=(1 + (width - 1) // 2, 0))
        await on.pilot.mouse_up(Timeline, offset=(1 + (width - 1) // 2, 0))
        assert on.run.now_us == pytest.approx(on.run.moments.end_us / 2, rel=0.02)
        at = on.run.at
        await on.pilot.hover(Timeline, offset=(5, 0))
        assert on.run.at == at
        await on.press("z")
        await on.pilot.click(Timeline, offset=(width, 0))
        assert on.run.at == len(on.run.known)
        await on.press("enter")
        assert on.app.screen.query_one(Timeline).by_events
        await on.press("z", "q")
        assert not line.by_events

    stage(scene, "five-days")


def test_without_colours_the_timeline_still_tells_failures_from_deliveries(stage, monkeypatch):
    async def scene(on: Stage) -> None:
        line = on.app.screen.query_one(Timeline)
        bar = line.render().plain.split("\n")[0]
        assert "✗" in bar
        assert "✓" in bar
        assert "─" in bar

    monkeypatch.setenv("NO_COLOR", "1")
    stage(scene, "smtputf8")


@pytest.mark.parametrize("width", [76, 77, 78, 96, 98, 118, 150])
def test_no_label_of_the_timeline_is_cut_off(width):
    moments = Moments()
    for hours in range(49):
        moments.extend([Record(hours + 1, 0, hours * 3_600_000_000, 0, "mx", "", "queue", ev.Queued("1"))])
    labels = scale(moments, width, Texts("en"), by_events=False)
    assert len(labels) > 2
    assert all(column + len(text) <= width for column, text in labels)


def test_what_is_played_goes_on_by_itself_until_it_is_paused(stage):
    async def scene(on: Stage) -> None:
        await on.press("p")
        await on.until(lambda: on.run.at > 3)
        await on.press("p")
        at = on.run.at
        await on.pilot.pause(0.3)
        assert on.run.at == at

    stage(scene, "first-mail")


def test_who_wants_the_end_while_records_still_come_is_taken_to_it(stage):
    async def scene(on: Stage) -> None:
        screen, more = on.app.screen, list(on.run.known[-200:])
        await on.press("end")
        screen._feed.records += more
        await on.until(lambda: on.run.at == len(on.run.known) == len(screen._feed.records))
        await on.press("left")
        at = on.run.at
        screen._feed.records += more
        await on.until(lambda: len(on.run.known) == len(screen._feed.records))
        assert on.run.at == at

    stage(scene, "first-mail")


def test_a_host_s_queue_is_shown_at_the_moment_of_the_world(stage):
    async def scene(on: Stage) -> None:
        await on.press("h")
        on.app.screen.query_one(WorldMap).choose("mail.home.example")
        await on.press("enter")
        assert isinstance(on.app.screen, HostScreen)
        assert "lan@home.example → minh@gone.example" in on.shown()
        await on.press("end")
        assert "No message waits here." in on.shown()

    stage(scene, "five-days")


def test_a_host_s_log_ends_at_the_moment_and_its_sessions_have_two_ends(stage):
    async def scene(on: Stage) -> None:
        await on.press("end")
        on.app.screen.query_one(WorldMap).choose("mail.away.example")
        await on.press("enter", "2")
        assert "minh@away.example" in on.shown()
        await on.press("4")
        ends = on.app.screen.query_one(TwoColumns)
        both = [ends._draw(row) for row in range(ends.count)]
        assert ends.heads == ("mail.home.example", "mail.away.example")
        for side in ("left", "right"):
            said = [half.text for one in both if (half := getattr(one, side))]
            assert " -> STARTTLS" in said
            assert any(one.startswith(" ~> MAIL FROM") for one in said)
            assert "<~  250 ENHANCEDSTATUSCODES" in said

    stage(scene, "first-mail")


def test_what_a_host_knew_is_the_same_whichever_way_one_comes_to_the_moment():
    def told(known: Knowledge) -> tuple[object, ...]:
        return known.count, known.queue, known.answers, known.judgements, known.mailboxes, known.talks

    records = records_of("five-days")
    again = Nodes(records)
    again.extend(records, 0)
    for at in (0, 400, 1200, 700, 701, 90, len(records)):
        once = Nodes(records)
        once.extend(records, 0)
        for host in ("mail.home.example", "laptop.home.example", "nobody.example"):
            assert told(again.knowledge(host, at)) == told(once.knowledge(host, at))


@pytest.mark.parametrize("tab", ["1", "2", "3", "4"])
def test_the_keys_for_time_work_on_every_tab_of_a_host(stage, tab):
    async def scene(on: Stage) -> None:
        on.app.screen.query_one(WorldMap).choose("mail.away.example")
        await on.press("enter", tab, "end")
        assert on.run.at == len(on.run.known)
        await on.press("left")
        assert on.run.at < len(on.run.known)
        await on.press("home")
        assert on.run.at <= 2
        await on.press("right")
        assert on.run.at > 1

    stage(scene, "first-mail")


def test_a_host_follows_the_run_while_it_plays_and_the_world_what_was_done_there(stage):
    async def scene(on: Stage) -> None:
        world, run = on.app.screen, on.run
        await on.press("p", "enter")
        assert isinstance(on.app.screen, HostScreen)
        at = run.at
        await on.until(lambda: run.at > at + 3)
        await on.press("p")
        await on.until(lambda: f"❚❚ 1×  {on.app.texts.duration(run.now_us / 1e6)}" in on.shown())
        assert f"{run.at}/{len(run.known)}" in on.shown()
        await on.press("end", "left", "q")
        assert on.app.screen is world
        assert run.at < len(run.known)
        assert f"{run.at}/{len(run.known)}" in on.shown()

    stage(scene, "first-mail")


def test_a_host_that_is_opened_before_anything_happened_shows_what_comes(tmp_path):
    records = records_of("first-mail")

    async def scene() -> None:
        app = SmtplabApp("en", tmp_path / "captures", make_world_feed=lambda world: RecordsFeed([], world))
        async with app.run_test(size=(80, 24)) as pilot:
            stage = Stage(app, pilot)
            app._open_world("first-mail")
            await pilot.pause()
            feed = app.screen._feed
            await pilot.click(Timeline, offset=(40, 0))
            await stage.press("h", "space", "enter")
            assert "What mail.home.example knows at 0.000 ─" in stage.shown()
            feed.records += records
            await stage.until(lambda: 0 < stage.run.at < len(stage.run.known) == len(records))
            await stage.press("end", "2")
            assert "leaves the queue" in stage.shown()

    asyncio.run(scene())


def test_a_host_s_log_shows_all_of_its_moment_though_the_run_was_read_on_just_now(stage):
    async def scene(on: Stage) -> None:
        await on.press("end", "enter", "2")
        host, feed, run = on.app.screen, on.app.screen_stack[-2]._feed, on.run
        before = host._log.count
        feed.records += [record for record in run.known if record.node == host._host][-5:]
        while run.read_on():
            pass
        host._show()
        assert host._log.count > before
        assert host._shown.selected == host._log.count - 1

    stage(scene, "first-mail")


def test_what_comes_while_a_host_is_looked_at_is_taken_into_its_log(stage):
    async def scene(on: Stage) -> None:
        await on.press("end", "enter", "2")
        host, feed = on.app.screen._host, on.app.screen_stack[-2]._feed
        before = on.app.screen._log.count
        more = [record for record in on.run.known if record.node == host][-5:]
        feed.records += more
        await on.until(lambda: on.app.screen._log.count > before)
        await on.until(lambda: on.run.at == len(on.run.known))

    stage(scene, "first-mail")


def test_a_line_that_is_chosen_while_the_world_plays_stays_at_hand(stage):
    async def scene(on: Stage) -> None:
        await on.press("end", "left", "left", "p", "tab", "up", "up")
        assert not on.run.player.playing
        chosen, at = on.app.screen._shown.selected, on.run.at
        await on.pilot.pause(0.3)
        assert (on.app.screen._shown.selected, on.run.at) == (chosen, at)

    stage(scene, "first-mail")


def test_a_click_chooses_the_very_line_that_is_clicked(stage):
    async def scene(on: Stage) -> None:
        await on.press("end")
        log = on.app.screen.query_one(Transcript)
        inside = log.content_region
        await on.pilot.click(offset=(inside.x + 20, inside.y + 3))
        assert log.selected == log.scroll_offset.y + 3
        on.app.screen.query_one(WorldMap).choose("mail.away.example")
        await on.press("tab", "enter", "4")
        ends = on.app.screen.query_one(TwoColumns)
        inside = ends.content_region
        await on.pilot.click(offset=(inside.x + 20, inside.y + 3))
        assert ends.selected == ends.scroll_offset.y + 2
        await on.pilot.click(offset=(inside.x + 20, inside.y))
        assert ends.selected == ends.scroll_offset.y + 2

    stage(scene, "first-mail")


def test_a_click_on_the_arrow_of_a_choice_goes_its_way(stage):
    async def scene(on: Stage) -> None:
        await on.press("x")
        what = on.app.screen.query_one("#what", Choice)
        first = what.value
        await on.pilot.click("#what", offset=(3, 0))
        assert what.value != first
        await on.pilot.click("#what", offset=(0, 0))
        assert what.value == first

    stage(scene, "first-mail")


def test_enter_on_a_line_of_the_log_takes_the_world_back_to_its_moment(stage):
    async def scene(on: Stage) -> None:
        await on.press("end", "slash", *"354", "enter")
        chosen = on.app.screen._shown.record
        assert chosen.seq < on.run.at
        await on.press("enter")
        assert on.run.record == chosen
        assert on.app.screen.query_one(WorldMap).chosen == chosen.node
        await on.press("escape", "tab", "enter", "2")
        host, log = on.app.screen._host, on.app.screen.query_one(Transcript)
        assert host == chosen.node
        y = log.content_region.y + log.selected - log.scroll_offset.y - 2
        told = on.app.screen._log.record(log.selected - 2)
        await on.pilot.click(offset=(40, y), times=2)
        assert on.run.record == told

    stage(scene, "first-mail")


def test_enter_on_a_line_of_a_session_takes_the_world_back_to_its_moment(stage):
    async def scene(on: Stage) -> None:
        await on.press("end")
        on.app.screen.query_one(WorldMap).choose("mail.away.example")
        await on.press("enter", "4", "tab", "up", "up", "up", "enter")
        ends = on.app.screen.query_one(TwoColumns)
        assert ends.selected == ends.count - 1
        assert on.run.record == on.run.known[on.app.screen._rows[-1].record]
        assert on.run.at < len(on.run.known)

    stage(scene, "first-mail")


def test_the_line_of_a_session_at_hand_is_told_whole_and_explained(stage):
    async def scene(on: Stage) -> None:
        await on.press("end")
        on.app.screen.query_one(WorldMap).choose("mail.away.example")
        await on.press("enter", "4", "tab")
        ends = on.app.screen.query_one(TwoColumns)
        drawn = [ends._draw(row).right for row in range(ends.count)]
        ends.select(next(row for row, half in enumerate(drawn) if half and "DATA" in half.text) + 1)
        await on.pilot.pause()
        assert "354 End the message with a dot on a line of its own" in on.shown()
        await on.press("i")
        assert "The reply 354 to DATA" in on.shown()

    stage(scene, "first-mail", size=(80, 24))


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
def test_a_mailbox_lists_its_subjects_and_shows_the_stored_bytes(stage, size):
    async def scene(on: Stage) -> None:
        await on.press("end")
        on.app.screen.query_one(WorldMap).choose("mx.school.example")
        await on.press("enter", "3")
        await on.until(lambda: "Return-Path: <lan.nguyễn@home.example>" in on.shown())
        line = next(line for line in on.shown().splitlines() if "Thư bằng tiếng Việt" in line)
        assert ("hương.vũ@school.example  Thư bằng tiếng Việt" in line) == (size == (80, 24))
        await on.press("left")
        await on.pilot.resize_terminal(120, 40)
        await on.until(lambda: on.app.screen.size.width == 120)
        assert "Thư bằng tiếng Việt" in on.shown()
        await on.press("home")
        assert "Thư bằng tiếng Việt" not in on.shown()
        assert "No message lies in a mailbox" in on.shown()

    stage(scene, "smtputf8", size=size)


def test_a_long_host_s_name_leaves_its_tabs_and_its_subjects_in_sight(tmp_path):
    long = "mail.faculty-of-information-and-communication-technology.away.example"
    mine = tmp_path / "long.toml"
    mine.write_text(
        world_text("first-mail")
        .replace("mail.away.example", long)
        .replace("10 mail\nmail IN", f"10 {long}.\n{long}. IN")
        .replace("minh@away.example", "nguyen.thi.minh.khai.giang.vien.chinh@away.example"),
        "utf-8",
    )

    async def scene() -> None:
        app = SmtplabApp("vi", tmp_path / "captures", make_world_feed=PlayedFeed)
        async with app.run_test(size=(80, 24)) as pilot:
            stage = Stage(app, pilot)
            app._open_world(str(mine))
            await pilot.pause()
            await stage.all_known()
            await stage.press("end")
            app.screen.query_one(WorldMap).choose(long)
            await stage.press("enter", "3")
            assert "4 phiên" in stage.shown()
            await stage.until(lambda: "My first mail" in stage.shown())
            await pilot.resize_terminal(160, 48)
            await stage.until(lambda: long in stage.shown().splitlines()[3])

    asyncio.run(scene())


def test_a_name_server_s_log_tells_what_it_was_asked(stage):
    async def scene(on: Stage) -> None:
        on.app.screen.query_one(WorldMap).choose("ns.vnet.example")
        await on.press("end", "enter")
        assert "What it was asked stands in its log" in on.shown()
        await on.press("4")
        assert "Its log (2) tells what it was asked." in on.shown()
        await on.press("2", "Y")
        asked = on.app.clipboard
        assert "mail.home       DNS: MX of away.example? (asking 10.0.0.53)" in asked
        assert "mail.home       DNS: MX of away.example: 10 mail.away.example." in asked
        assert "MAIL FROM" not in asked
        await on.press("home")
        assert on.app.screen._shown.count == 0
        await on.press("space", "space", "i")
        assert on.app.screen._shown.count > 0
        assert "Inspector" in on.shown()

    stage(scene, "first-mail")


def test_something_can_go_wrong_at_the_host_that_is_looked_into(stage):
    async def scene(on: Stage) -> None:
        on.app.screen.query_one(WorldMap).choose("mail.away.example")
        await on.press("enter", "2", "x")
        assert isinstance(on.app.screen, FaultScreen)
        assert "go wrong at mail.away.example" in on.shown()
        await on.press("enter")
        await on.until(lambda: getattr(on.app.screen, "_same", None) is not None)
        await on.press("q")
        assert isinstance(on.app.screen, HostScreen)

    stage(scene, "first-mail")


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
def test_i_tells_what_the_line_at_hand_means(stage, size):
    async def scene(on: Stage) -> None:
        await on.press("end", "slash", *"354", "enter", "i")
        assert "The reply 354 to DATA" in on.shown()
        assert "It answers: DATA" in on.shown()
        await on.press("up", "up")
        assert "The reply 354" not in on.shown()
        await on.press("i")
        assert "Hosts" in on.shown()
        assert on.app.screen.query_one(WorldMap).display

    stage(scene, "first-mail", size=size)


def test_i_on_a_host_explains_a_line_of_its_log_from_any_tab(stage):
    async def scene(on: Stage) -> None:
        await on.press("end")
        on.app.screen.query_one(WorldMap).choose("mail.away.example")
        await on.press("enter", "i")
        assert "Inspector" in on.shown()
        await on.press("slash", *"queued as", "enter")
        assert "The reply 250 to the content" in on.shown()
        await on.press("i")
        assert "Inspector" not in on.shown()

    stage(scene, "first-mail", size=(120, 40))


def test_the_help_of_a_world_tells_of_what_has_the_focus_and_of_time(stage):
    async def scene(on: Stage) -> None:
        await on.press("question_mark")
        assert "The hosts of a world" in on.shown()
        assert "The line on top is the whole run" in on.shown()

    stage(scene, "first-mail", size=(120, 40))


def test_the_map_moves_to_the_host_that_acts_and_a_person_may_look_elsewhere(stage):
    async def scene(on: Stage) -> None:
        assert "mail.sv20.example" not in on.shown()
        on.run.go_to(next(record.seq for record in on.run.known if record.node == "mail.sv20.example") + 5)
        on.app.screen._show()
        await on.pilot.pause()
        assert "mail.sv20.example" in on.shown()
        on.app.screen.query_one(WorldMap).choose("mail.sv01.example")
        await on.pilot.pause()
        assert "mail.sv01.example" in on.shown()

    stage(scene, "classroom", size=(80, 24))


def test_a_fault_is_chosen_by_its_stage_and_both_runs_stand_side_by_side(stage, tmp_path):
    async def scene(on: Stage) -> None:
        on.app.screen.query_one(WorldMap).choose("mail.away.example")
        await on.press("x")
        assert isinstance(on.app.screen, FaultScreen)
        assert on.app.screen.query_one("#stage", Choice).value == "rcpt"
        on.app.screen.query_one("#detail").value = "550 5.7.1 Not you"
        await on.press("enter")
        assert isinstance(on.app.screen, CompareScreen)
        await on.until(lambda: on.app.screen._same is not None)
        shown = on.shown()
        assert "550 5.7.1 Not you" in shown
        assert "Fault injected" in shown
        assert list((tmp_path / "worlds").glob("first-mail-reply-rcpt-*.toml"))

    stage(scene, "first-mail", size=(160, 48))


def test_the_row_at_hand_stands_whole_below_the_two_runs(stage):
    async def scene(on: Stage) -> None:
        on.app.screen.query_one(WorldMap).choose("mail.away.example")
        await on.press("x")
        on.app.screen.query_one("#detail").value = "550 5.7.1 Not you, and not anybody else who comes from there"
        await on.press("enter")
        await on.until(lambda: on.app.screen._same is not None)
        await on.press("f")
        assert "first-mail-reply-rcpt-mail.away.example" in on.shown()
        columns = on.app.screen.query_one(TwoColumns)
        columns.select(next(row for row in range(columns.count) if "550" in str(columns._draw(row).right)))
        await on.pilot.pause()
        assert "After" in on.shown()
        assert "mail.home.example: 550 5.7.1 Not you, and not anybody" in on.shown()

    stage(scene, "first-mail", size=(80, 24))


def test_two_runs_are_searched_copied_and_kept_and_the_changed_world_opens_at_the_row_s_moment(stage, tmp_path):
    async def scene(on: Stage) -> None:
        on.app.screen.query_one(WorldMap).choose("mail.away.example")
        await on.press("x")
        on.app.screen.query_one("#detail").value = "550 5.7.1 Not you"
        await on.press("enter")
        await on.until(lambda: on.app.screen._same is not None and on.app.screen._rows.whole)
        columns = on.app.screen.query_one(TwoColumns)
        await on.press("end")
        assert columns.selected == columns.count - 1
        await on.press("home", "slash", *"not you", "enter")
        assert "550 5.7.1 Not you" in str(columns._draw(columns.selected).right)
        assert "1 of " in on.shown()
        await on.press("y")
        assert on.app.clipboard.startswith("+ <~*")
        assert on.app.clipboard.endswith("mail.home.example: 550 5.7.1 Not you")
        await on.press("Y", "s")
        assert on.app.clipboard.startswith("Before │ After\n  === laptop.home.example: A message for")
        saved = list((tmp_path / "captures").glob("*first-mail-reply-rcpt*.jsonl"))
        assert len(saved) == 1
        await on.press("o")
        await on.until(lambda: on.run.at > 0)
        assert isinstance(on.app.screen, WorldScreen)
        assert "550" in str(on.run.known[on.run.at - 1]) + str(on.run.known[on.run.at - 2])
        assert not on.run.player.playing
        await on.press("q", "f")
        assert isinstance(on.app.screen, CompareScreen)
        await on.press("escape", "escape")
        assert isinstance(on.app.screen, WorldScreen)

    stage(scene, "first-mail")


@pytest.mark.parametrize("width", [80, 200])
def test_how_both_runs_end_is_never_cut_off(tmp_path, width):
    records, others = records_of("campus"), records_of("rate-limit")

    async def scene() -> None:
        app = SmtplabApp("vi", tmp_path / "captures")
        async with app.run_test(size=(width, 24)) as pilot:
            stage = Stage(app, pilot)
            feed = RecordsFeed(others, "rate-limit")
            await app.push_screen(CompareScreen(app.texts, records, feed, Worlds("rate-limit"), tmp_path))
            await stage.until(lambda: app.screen._same is not None)
            shown = stage.shown()
            ends = Worlds("x")
            ends.lay(records, others, app.texts)
            assert all(end in shown for end in ends.ends(app.texts))
            await pilot.resize_terminal(280 - width, 24)
            await stage.until(lambda: app.screen.size.width == 280 - width)
            await stage.until(lambda: all(end in stage.shown() for end in ends.ends(app.texts)))

    asyncio.run(scene())


def test_two_runs_are_laid_side_by_side_when_the_old_one_is_known_to_its_end(tmp_path):
    records = records_of("first-mail")

    async def scene() -> None:
        old, whole = list(records[:40]), [False]
        app = SmtplabApp("en", tmp_path / "captures")
        async with app.run_test(size=(80, 24)) as pilot:
            feed = RecordsFeed(records, "first-mail")
            screen = CompareScreen(app.texts, old, feed, Worlds("first-mail"), tmp_path, is_whole=lambda: whole[0])
            await app.push_screen(screen)
            await pilot.pause(0.3)
            assert screen._same is None
            old += records[40:]
            whole[0] = True
            stage = Stage(app, pilot)
            await stage.until(lambda: screen._same is not None)
            assert all(screen._same)
            await stage.press("f", "Y")
            assert "the change never came into play" in stage.shown()

    asyncio.run(scene())


def test_a_difference_in_the_first_row_is_found_too(tmp_path):
    records, others = records_of("first-mail"), records_of("null-mx")

    async def scene() -> None:
        app = SmtplabApp("en", tmp_path / "captures")
        async with app.run_test(size=(80, 24)) as pilot:
            feed = RecordsFeed(others, "null-mx")
            await app.push_screen(CompareScreen(app.texts, records, feed, Worlds("null-mx"), tmp_path))
            stage = Stage(app, pilot)
            await stage.until(lambda: app.screen._same is not None)
            assert not app.screen._same[0]
            await stage.press("end", "f")
            assert app.screen.query_one(TwoColumns).selected == 0

    asyncio.run(scene())


def test_two_hosts_of_one_name_stay_two_in_a_narrow_column():
    assert short("submission.neu.example", 9) == "subm….neu"
    assert short("submission.hust.example", 9) == "sub….hust"
    assert short("mx1.neu.example", 9) == "mx1.neu"
    assert short("a-host-without-a-domain", 9) == "a-host-w…"
    assert short("x.a-domain-of-many-letters", 9) == "x.a-doma…"


def test_a_fault_may_begin_at_the_moment_and_what_was_before_stays(stage):
    async def scene(on: Stage) -> None:
        on.app.screen.query_one(WorldMap).choose("mx.school.example")
        await on.press("h", "x")
        form = on.app.screen
        assert "this moment: 1 h" not in on.shown()
        form.query_one("#since", Choice).action_turn(1)
        await on.pilot.pause()
        assert "this moment: 1 h" in on.shown()
        await on.press("enter")
        await on.until(lambda: on.app.screen._same is not None)
        both = on.app.screen._comparison
        first = on.app.screen._same.index(False)
        assert all(both._old[pair.old][0].elapsed_us >= 3600e6 for pair in both._pairs[first:] if pair.old is not None)
        assert first > 10

    stage(scene, "greylisting", size=(120, 40))


def test_a_fault_that_comes_in_several_ways_offers_them_in_words(stage):
    async def scene(on: Stage) -> None:
        on.app.screen.query_one(WorldMap).choose("mail.away.example")
        await on.press("x", "left")
        assert "it has expired" in on.shown()
        await on.press("down", "right")
        assert "it is another host's" in on.shown()

    stage(scene, "first-mail")


def test_a_fault_that_cannot_be_is_refused_in_the_form(stage):
    async def scene(on: Stage) -> None:
        on.app.screen.query_one(WorldMap).choose("mail.away.example")
        await on.press("x")
        on.app.screen.query_one("#detail").value = "Not you"
        await on.pilot.pause()
        await on.press("enter")
        assert isinstance(on.app.screen, FaultScreen)
        assert "begins with its code" in on.shown()

    stage(scene, "first-mail")


def test_a_record_is_changed_at_a_name_server_and_the_form_has_only_what_that_needs(stage):
    async def scene(on: Stage) -> None:
        on.app.screen.query_one(WorldMap).choose("ns.vnet.example")
        await on.press("x")
        form = on.app.screen
        assert "name TYPE data: away.example A 10.2.0.99 " in on.shown()
        assert "How often" not in on.shown()
        await on.press("enter")
        assert "A record has a name, a type and data" in on.shown()
        form.query_one("#detail").value = "away.example MX"
        await on.press("enter")
        await on.until(lambda: on.app.screen is not form and on.app.screen._same is not None)
        assert "Before · delivered: 1 " in on.shown()
        assert "After · returned to the sender: 1 " in on.shown()

    stage(scene, "first-mail", size=(80, 24))


def test_a_fault_at_a_stage_to_which_nothing_comes_is_told_as_that(stage):
    async def scene(on: Stage) -> None:
        on.app.screen.query_one(WorldMap).choose("mail.away.example")
        await on.press("x")
        form = on.app.screen
        form.query_one("#stage", Choice).action_turn(-2)
        assert form.query_one("#stage", Choice).value == "auth"
        await on.press("enter")
        await on.until(lambda: on.app.screen is not form and on.app.screen._same is not None)
        assert "the change never came into play" in on.shown()

    stage(scene, "first-mail", size=(80, 24))


def test_a_message_beyond_what_is_shown_is_told_to_go_on(stage):
    async def scene(on: Stage) -> None:
        await on.press("end")
        on.app.screen.query_one(WorldMap).choose("mx.studio.example")
        await on.press("enter", "3")
        await on.until(lambda: "Return-Path: <" in on.shown())
        await on.pilot.pause()
        await on.press("Y")
        assert " octets more" in on.app.clipboard
        assert "\\t" not in on.app.clipboard

    stage(scene, "big-attachment")


def test_a_program_that_answers_nobody_has_no_faults(stage):
    async def scene(on: Stage) -> None:
        on.app.screen.query_one(WorldMap).choose("laptop.home.example")
        await on.press("x")
        assert isinstance(on.app.screen, WorldScreen)

    stage(scene, "first-mail")


def test_the_language_changes_everywhere(stage):
    async def scene(on: Stage) -> None:
        await on.press("full_stop", "l")
        shown = on.shown()
        assert "Các máy" in shown
        assert "⟦" not in shown
        await on.press("enter", "1")
        assert "Bộ nhớ đệm DNS" in on.shown()

    stage(scene, "first-mail", size=(160, 48))


def test_the_next_match_stays_at_hand_though_the_world_was_played_on(stage):
    async def scene(on: Stage) -> None:
        await on.press("end", "slash", *"sender ok", "enter", "comma", "comma", "comma", "p")
        assert on.run.player.playing
        await on.press("n")
        chosen = on.app.screen._shown.selected
        await on.pilot.pause(0.3)
        assert on.app.screen._shown.selected == chosen
        assert "Sender OK" in on.app.screen._shown.draw(chosen)[1].text

    stage(scene, "first-mail")


def test_an_outcome_names_whose_it_is(stage):
    async def scene(on: Stage) -> None:
        await on.press("end")
        shown = on.shown()
        assert "Outcome: returned to the sender · minh@old.example" in shown
        assert "Outcome: delivered · hương.vũ@đạihọc.example" in shown

    stage(scene, "smtputf8")


def test_what_is_looked_for_is_found_however_its_accents_were_typed(stage):
    async def scene(on: Stage) -> None:
        await on.press("end", "slash")
        on.app.post_message(events.Paste(unicodedata.normalize("NFD", "Nguyễn@home")))
        await on.pilot.pause()
        await on.press("enter")
        log = on.app.screen.query_one(Transcript)
        assert "nguyễn@home" in on.app.screen._shown.draw(log.selected)[1].text
        assert "elsewhere" not in on.shown()

    stage(scene, "smtputf8")


def test_a_world_s_log_is_searched_copied_and_kept_as_a_capture(stage, tmp_path):
    async def scene(on: Stage) -> None:
        await on.press("end", "slash", *"mail from", "enter")
        log = on.app.screen.query_one(Transcript)
        first = log.selected
        assert "MAIL FROM" in on.app.screen._shown.draw(first)[1].text
        await on.press("n")
        assert log.selected != first
        await on.press("N", "y")
        assert log.selected == first
        assert "MAIL FROM:<" in on.app.clipboard
        await on.press("Y")
        assert len(on.app.clipboard.splitlines()) == on.run.count
        await on.press("s")
        (kept,) = (tmp_path / "captures").glob("*.jsonl")
        assert len(capture_file.read(kept).records) == len(on.run.known)

    stage(scene, "campus")


def test_of_the_future_nothing_is_found(stage):
    async def scene(on: Stage) -> None:
        await on.press("home", "slash", *"mail from", "enter")
        assert "MAIL FROM" not in on.app.screen._shown.draw(max(on.app.screen._shown.selected, 0))[1].text

    stage(scene, "campus")


def test_a_host_s_log_sessions_and_mailboxes_are_searched_and_copied(stage, tmp_path):
    async def scene(on: Stage) -> None:
        await on.press("end")
        on.app.screen.query_one(WorldMap).choose("mx1.hust.example")
        await on.press("enter")
        await on.press("slash", *"rcpt to", "enter", "y")
        assert "RCPT TO:<" in on.app.clipboard
        await on.press("4", "Y")
        assert "EHLO" in on.app.clipboard
        await on.press("3")
        await on.until(lambda: "Return-Path: <" in on.shown())
        await on.press("y")
        assert "Subject:" in on.app.clipboard
        await on.press("s")
        assert len(list((tmp_path / "captures").glob("*.jsonl"))) == 1

    stage(scene, "campus", (120, 40))
