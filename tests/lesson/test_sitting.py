"""One student at one lesson: what a screen shows of it, without a screen."""

from pathlib import Path

from smtplab.lesson.agreement import open_to_play
from smtplab.lesson.doing import attempt, picked
from smtplab.lesson.lesson import Action, Shown, Task
from smtplab.lesson.library import Opened, find_lesson, read_solution
from smtplab.lesson.note import Note
from smtplab.lesson.player import Player, Progress
from smtplab.lesson.sitting import Sitting

EVERY_TASK = Path(__file__).parent / "lessons" / "90-every-task"


def sitting_at(folder: Path, step: str) -> Sitting:
    opened = open_to_play(folder)
    return Sitting(opened, Player(opened.lesson, Progress(at=step)))


def model(opened: Opened, task: Task) -> Action:
    return read_solution(opened.folder / "solution.toml").actions[task.id]


def test_a_wrong_answer_leaves_its_explanation_until_the_next_one():
    sitting = sitting_at(find_lesson("1"), "first-stop")
    sitting.answer("a")
    assert sitting.notes == (Note("wrong", "a"),)
    sitting.answer("c")
    assert sitting.notes == (Note("wrong", "c"),)
    sitting.answer("b")
    assert sitting.notes == (Note("right"),)


def test_hints_stand_above_the_verdict_and_end_with_a_word_said_once():
    sitting = sitting_at(find_lesson("1"), "first-stop")
    for _ in range(4):
        sitting.hint(("one", "two"))
    sitting.answer("a")
    assert [note.kind for note in sitting.notes] == ["hint", "hint", "no-more-hints", "wrong"]


def test_a_prediction_may_be_watched_once_it_was_answered_or_given_away():
    before = sitting_at(find_lesson("1"), "where-next")
    assert before.recording is not None
    assert before.recording[0] == "asking-dns"
    before.answer("mail.away.example")
    assert before.recording[0] == "where-next"
    given = sitting_at(find_lesson("1"), "where-next")
    assert given.give_away() == "mail.away.example"
    assert given.recording is not None
    assert (given.recording[0], given.player.points) == ("where-next", 0)


def test_a_task_is_solved_as_soon_as_its_last_goal_is_reached():
    sitting = sitting_at(EVERY_TASK, "mend-it")
    task = sitting.task
    assert task is not None
    sitting.attempt.begin()
    assert sitting.attempt.read(attempt(sitting.opened.world, task, model(sitting.opened, task), 1))
    assert (sitting.notes, sitting.player.points) == ((Note("right"),), 2)


def test_an_attempt_that_misses_a_goal_counts_as_a_try():
    sitting = sitting_at(EVERY_TASK, "mend-it")
    sitting.attempt.begin()
    sitting.attempt.end()
    assert (sitting.notes, sitting.player.progress.tries) == ((Note("not-yet"),), {"mend-it": 1})


def test_a_demonstration_ticks_and_earns_nothing_and_the_next_attempt_begins_anew():
    sitting = sitting_at(EVERY_TASK, "mend-it")
    task = sitting.task
    assert task is not None
    sitting.attempt.begin(demonstrating=True)
    assert not sitting.attempt.read(attempt(sitting.opened.world, task, model(sitting.opened, task), 1))
    assert (set(sitting.attempt.reached), sitting.notes, sitting.player.points) == ({"to-minh"}, (Note("model"),), 0)
    sitting.attempt.end()
    assert sitting.player.progress.tries == {}
    sitting.attempt.begin()
    assert (sitting.attempt.reached, sitting.notes) == (frozenset(), ())


def test_what_is_done_inside_and_outside_adds_up():
    sitting = sitting_at(find_lesson("3"), "is-anybody-there")
    task = sitting.task
    assert task is not None
    records = attempt(sitting.opened.world, task, model(sitting.opened, task), 1)
    asked = next(place for place, one in enumerate(records) if "QUIT" in str(one.event))
    assert not sitting.attempt.read_outside(records[:asked])
    assert sitting.attempt.reached == {"no-such-user"}
    sitting.attempt.begin()
    assert sitting.attempt.reached == {"no-such-user"}
    assert sitting.attempt.read(records)


def test_what_was_solved_stays_solved_when_one_comes_back():
    sitting = sitting_at(EVERY_TASK, "find-it")
    task = sitting.task
    assert task is not None
    records = picked(sitting.opened.world, task.records or Shown())
    right = next(one for one in records if "NXDOMAIN" in str(one.event))
    sitting.attempt.point_at(records[-1])
    assert sitting.notes == (Note("wrong", "bounce"),)
    sitting.attempt.point_at(right)
    sitting.forward()
    sitting.back()
    assert (sitting.notes, set(sitting.attempt.reached)) == ((Note("right"),), {"name"})
