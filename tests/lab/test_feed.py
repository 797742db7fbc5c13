"""Where a front end's records come from."""

import asyncio

import pytest

from smtplab import events as ev
from smtplab.capture.codec import encode_header
from smtplab.journal import Record
from smtplab.lab.bad_input import BadInput
from smtplab.lab.feed import feed_for, feed_from_capture, feed_of_world, save_capture
from smtplab.lab.request import WalkRequest
from smtplab.lab.walk import run_walk
from smtplab.lab.worlds import world_text

RECORDS = [Record(number, number, number, 0, "here", "x", "queue", ev.Queued(str(number))) for number in range(1, 6000)]


def test_a_simulated_feed_brings_the_same_records_as_the_walk_itself():
    request = WalkRequest(
        recipient="student@hust.example", content=b"Subject: hi\r\n\r\n.\r\n", sender="student@neu.example"
    )
    walked: list[Record] = []
    code = run_walk(request, walked.append)
    feed = feed_for(request)
    ended = asyncio.run(feed.run())
    assert (feed.kind, feed.gate, ended.exit_code, ended.problem) == ("sim", None, code, None)
    assert feed.records == walked
    assert isinstance(walked[-1].event, ev.JourneyEnded)


def test_a_simulated_feed_that_can_not_begin_says_why():
    feed = feed_for(WalkRequest(recipient="student@hust.example", sender="nobody@hust.example"))
    ended = asyncio.run(feed.run())
    assert (ended.exit_code, ended.problem) == (2, "cli.said")
    assert "nobody@hust.example" in str(ended.arguments["text"])


@pytest.mark.parametrize(("language", "said"), [("en", "no message is sent"), ("vi", "không có thư nào")])
def test_a_feed_says_in_its_language_why_it_can_not_run(tmp_path, language, said):
    mine = tmp_path / "mine.toml"
    mine.write_text(world_text("first-mail").split("[[journeys]]")[0], "utf-8")
    ended = asyncio.run(feed_of_world(str(mine), language=language).run())
    assert said in str(ended.arguments["text"])


def test_a_world_that_goes_on_and_on_says_so_though_it_has_told_much(tmp_path):
    mine = tmp_path / "mine.toml"
    restless = 'roles = ["submission", "mx"]\nlifetime_s = 8640000\nretry_s = [86400]'
    mine.write_text(world_text("five-days").replace('roles = ["submission", "mx"]', restless, 1), "utf-8")
    feed = feed_of_world(str(mine))
    ended = asyncio.run(feed.run())
    assert (ended.exit_code, ended.problem) == (2, "cli.said")
    assert "60" in str(ended.arguments["text"])
    assert len(feed.records) > 100


def test_what_a_world_expected_in_vain_is_no_failure_of_its_run(tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text(world_text("first-mail").replace("count = 1", "count = 7", 1), "utf-8")
    ended = asyncio.run(feed_of_world(str(mine)).run())
    assert (ended.exit_code, ended.problem) == (1, None)


def test_a_simulated_feed_that_is_cancelled_ends_its_process_and_keeps_what_came():
    async def run() -> None:
        feed = feed_for(WalkRequest(recipient="student@hust.example"))
        running = asyncio.create_task(feed.run())
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(run())


def test_what_is_no_address_is_refused_before_anything_runs():
    with pytest.raises(BadInput):
        feed_for(WalkRequest(recipient="nobody"))


def test_a_saved_capture_is_a_feed_too(tmp_path):
    save_capture(RECORDS, tmp_path / "walk.jsonl")
    feed = feed_from_capture(tmp_path / "walk.jsonl")
    assert asyncio.run(feed.run()).problem is None
    assert (feed.kind, feed.subject, feed.records) == ("capture", "walk.jsonl", RECORDS)


def test_a_damaged_capture_is_read_and_the_damage_told(tmp_path):
    save_capture(RECORDS[:3], tmp_path / "walk.jsonl")
    with (tmp_path / "walk.jsonl").open("ab") as file:
        file.write(b"{half a li")
    feed = feed_from_capture(tmp_path / "walk.jsonl")
    ended = asyncio.run(feed.run())
    assert (ended.problem, ended.arguments["line"]) == ("cli.damaged-lines", 5)
    assert feed.records == RECORDS[:3]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cli.cannot-read"),
        (b"\x00\x01", "cli.not-a-capture"),
        (encode_header().replace(b":1,", b":7,"), "cli.unknown-version"),
    ],
)
def test_a_file_that_can_not_be_shown_is_a_problem_with_a_name(tmp_path, content, problem):
    if content is not None:
        (tmp_path / "x").write_bytes(content)
    ended = asyncio.run(feed_from_capture(tmp_path / "x").run())
    assert (ended.exit_code, ended.problem) == (2, problem)
    assert ended.arguments["file"] == str(tmp_path / "x")
