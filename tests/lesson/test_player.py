"""A student's way through a lesson, without a screen."""

import re
import unicodedata
from pathlib import Path

import pytest

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.lesson.check import check
from smtplab.lesson.doing import ActionError, attempt, records_of
from smtplab.lesson.judge import Judgement, judge
from smtplab.lesson.lesson import Action, Order, Short, Solution, Task
from smtplab.lesson.library import LessonError, find_lesson, open_lesson, read_solution
from smtplab.lesson.player import Player, Progress
from smtplab.lesson.progress import load_progress, save_progress
from smtplab.sim.library import load_world
from smtplab.sim.world import Trip

FIRST_MAIL = load_world("first-mail")
LAPTOP, SERVER = "laptop.home.example", "mail.away.example"


def spoken(*lines: str) -> list[Record]:
    action = Action(script="\n".join(lines) + "\n", client=LAPTOP, server=SERVER)
    return records_of(FIRST_MAIL, action, 1)


def replies(records: list[Record]) -> list[int | None]:
    return [
        one.event.code for one in records if isinstance(one.event, ev.ReplyReceived) and one.span.startswith("session/")
    ]


def test_a_session_is_spoken_line_by_line_and_its_message_is_delivered():
    said = (
        "HELO x",
        "MAIL FROM:<a@b.example>",
        "RCPT TO:<minh@away.example>",
        "DATA",
        "Subject: x",
        "",
        "x",
        ".",
        "QUIT",
    )
    records = spoken(*said)
    assert replies(records) == [220, 250, 250, 250, 354, 250, 221]
    assert [one.event.mailbox for one in records if isinstance(one.event, ev.Delivered)] == ["minh@away.example"]


def test_lines_after_a_refused_data_leave_as_commands():
    assert replies(spoken("HELO x", "DATA", "Subject: x", "QUIT")) == [220, 250, 503, 500, 221]


def test_a_line_more_changes_nothing_of_what_was_said_before():
    said = ["HELO x", "MAIL FROM:<a@b.example>", "RCPT TO:<minh@away.example>"]
    whole = [one.event for one in spoken(*said) if one.span.startswith("session/") and one.node == LAPTOP]
    part = [one.event for one in spoken(*said[:2]) if one.span.startswith("session/") and one.node == LAPTOP]
    until_the_end = [event for event in part if not isinstance(event, ev.Disconnected)]
    assert whole[: len(until_the_end)] == until_the_end


@pytest.mark.parametrize(
    "said",
    [
        ("EHLO x", "STARTTLS", "QUIT"),
        ("EHLO x", "AUTH LOGIN", "bGFu", "eA==", "QUIT"),
        ("EHLO x", "MAIL FROM:<a@b.example>", "RCPT TO:<minh@away.example>", "BDAT 1000 LAST", "x", "QUIT"),
        ("",),
        ("Xin chào \x00", "\r\n.\r\n", "QUIT", "QUIT"),
        ("HELO x", "MAIL FROM:<a@b.example>", "RCPT TO:<minh@away.example>", "DATA", "no end"),
    ],
)
def test_whatever_is_said_comes_to_an_end(said: tuple[str, ...]):
    records = spoken(*said)
    assert isinstance(records[-1].event, ev.Event)
    assert replies(records)[0] == 220


def test_the_same_script_and_seed_give_the_same_records():
    assert spoken("HELO x", "QUIT") == spoken("HELO x", "QUIT")


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (Action(script="QUIT\n", client="nobody.example", server=SERVER), "$.client"),
        (Action(zones={"nowhere.example": ""}), "$.zones"),
        (Action(zones={"away.example": "no zone at all"}), "no master file"),
        (Action(send=(Trip("stranger@home.example", ("minh@away.example",)),)), "$.send[0].sender"),
    ],
)
def test_an_action_that_cannot_be_done_says_where(english, action: Action, said: str):
    with pytest.raises(ActionError) as trouble:
        records_of(FIRST_MAIL, action, 1)
    assert said in english(trouble.value.told)


def test_an_action_of_another_kind_is_refused(english):
    lesson = open_lesson(find_lesson("1"))
    task = lesson.lesson.step("send-one")
    assert isinstance(task, Task)
    with pytest.raises(ActionError) as trouble:
        attempt(lesson.world, task, Action(script="QUIT\n"), 1)
    assert english(trouble.value.told) == "this task is to send, not to speak - at `$.actions.send-one`"


SHORT = Short(id="x", accept=("Hộp thư", "5.1.?"), wrong={"near": ("5.*",)})


@pytest.mark.parametrize(
    ("said", "judgement"),
    [
        ("hộp thư", Judgement(right=True)),
        ("  HỘP   THƯ ", Judgement(right=True)),
        (unicodedata.normalize("NFD", "hộp thư"), Judgement(right=True)),
        ("5.1.1", Judgement(right=True)),
        ("5.7.1", Judgement(right=False, wrong="near")),
        ("", Judgement(right=False, wrong="other")),
    ],
)
def test_a_short_answer_is_judged_by_its_letters(said: str, judgement: Judgement):
    assert judge(SHORT, said) == judgement


@pytest.mark.parametrize("said", ["c a b", "c, a, b", "cab", "C A B"])
def test_an_order_may_be_typed_as_one_likes(said: str):
    assert judge(Order(id="x", right=("c", "a", "b")), said).right


def test_a_player_goes_on_and_back_and_keeps_what_is_done():
    lesson = open_lesson(find_lesson("1")).lesson
    player = Player(lesson)
    assert player.is_first
    assert not player.back()
    assert player.forward()
    assert player.forward()
    question = player.step
    assert question.id == "first-stop"
    assert not player.answer(question, "a").right
    assert not player.is_done
    assert player.answer(question, "b").right
    assert (player.is_done, player.points) == (True, 1)
    again = Player(lesson, player.progress)
    assert (again.step.id, again.points, again.progress.tries) == ("first-stop", 1, {"first-stop": 1})


def test_hints_come_by_degrees_and_begin_anew_at_the_next_step():
    player = Player(open_lesson(find_lesson("1")).lesson)
    assert [player.next_hint(("one", "two")) for _ in range(3)] == ["one", "two", None]
    player.forward()
    assert player.next_hint(("three",)) == "three"


def test_goals_tick_as_the_records_come():
    lesson = open_lesson(find_lesson("1"))
    task = lesson.lesson.step("send-one")
    assert isinstance(task, Task)
    player = Player(lesson.lesson, Progress(at="send-one"))
    goals, seen = player.goals(task), [()]
    action = read_solution(lesson.folder / "solution.toml").actions["send-one"]
    for record in attempt(lesson.world, task, action, 1):
        goals.read(record)
        if goals.reached != seen[-1]:
            seen.append(goals.reached)
    assert seen == [(), ("two-servers",), ("two-servers", "in-mailbox")]
    assert player.attempted(task, goals.reached)
    assert player.points == 3


def test_progress_is_kept_and_a_damaged_file_is_a_lesson_not_begun(tmp_path: Path):
    progress = Progress("b", ("a",), {"a": 2})
    save_progress(tmp_path, "x", progress)
    assert load_progress(tmp_path, "x") == progress
    assert [path.name for path in (tmp_path / "progress").iterdir()] == ["x.json"]
    (tmp_path / "progress" / "x.json").write_text("{", "utf-8")
    assert load_progress(tmp_path, "x") == Progress()


def test_progress_of_an_older_lesson_forgets_steps_that_are_gone():
    player = Player(open_lesson(find_lesson("1")).lesson, Progress("gone", ("gone", "first-stop"), {"gone": 1}))
    assert (player.number, player.progress.done, player.progress.tries) == (1, ("first-stop",), {})


def test_an_empty_hand_in_earns_nothing_and_a_stranger_step_is_refused(english):
    lesson = open_lesson(find_lesson("7"))
    checked = check(lesson, Solution())
    assert (checked.passed, checked.points) == (False, 0)
    assert {step.status for step in checked.steps} == {"missing"}
    with pytest.raises(LessonError) as trouble:
        check(lesson, Solution(answers={"gone": "a"}))
    assert re.search(r"there is second-try, .* at `\$\.answers\.gone`", english(trouble.value.told))


def test_a_wrong_answer_names_its_explanation():
    checked = check(open_lesson(find_lesson("3")), Solution(answers={"out-of-order": "550"}))
    assert next(step.explanation for step in checked.steps if step.step == "out-of-order") == "no-user"
