"""Every lesson that comes with smtplab: its model solution, its wrong attempts, its texts."""

import re
import unicodedata
from pathlib import Path

import pytest

from smtplab.lesson.check import check
from smtplab.lesson.doing import attempt, show
from smtplab.lesson.goals import reached_by
from smtplab.lesson.judge import judge
from smtplab.lesson.lesson import Choice, Predict, Show, Task
from smtplab.lesson.library import bundled_lessons, find_lesson, open_lesson, read_solution, read_wrong_attempts
from smtplab.lesson.rfcs import unknown_citations
from smtplab.lesson.validate import validate
from smtplab.view.texts import LANGUAGES, Texts

LESSONS = [folder.name for folder in bundled_lessons()]
SEEDS = (1, 2, 3)


def opened(name: str):
    return open_lesson(find_lesson(name))


def test_the_lessons_that_are_promised_are_there():
    assert {
        "01-way-of-one-message",
        "02-where-mail-comes-from",
        "03-first-message-by-hand",
        "04-envelope-and-header",
        "05-finding-the-way",
        "06-relay-after-relay",
        "07-the-queue",
        "08-attachments-and-alphabets",
    } <= set(LESSONS)


@pytest.mark.parametrize("name", LESSONS)
def test_a_bundled_lesson_has_nothing_to_mend(name: str):
    assert validate(opened(name)) == []


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", LESSONS)
def test_the_model_solution_earns_every_point_at_any_seed(name: str, seed: int):
    lesson = opened(name)
    checked = check(lesson, read_solution(lesson.folder / "solution.toml"), seed)
    assert [step for step in checked.steps if step.status != "done"] == []
    assert checked.passed
    assert checked.points == checked.points_max > 0


@pytest.mark.parametrize("name", LESSONS)
def test_doing_nothing_reaches_no_goal(name: str):
    lesson = opened(name)
    for task in lesson.lesson.steps:
        if isinstance(task, Task):
            assert reached_by(task.goals, attempt(lesson.world, task, None, 1)) == ()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", LESSONS)
def test_for_each_goal_there_is_a_wrong_attempt_that_misses_it(name: str, seed: int):
    lesson = opened(name)
    owed = {(task.id, goal.id) for task in lesson.lesson.steps if isinstance(task, Task) for goal in task.goals}
    for one in read_wrong_attempts(lesson.folder).attempts:
        task = lesson.lesson.step(one.step)
        assert isinstance(task, Task)
        reached = reached_by(task.goals, attempt(lesson.world, task, one.action, seed))
        assert set(one.misses).isdisjoint(reached)
        owed -= {(one.step, goal) for goal in one.misses}
    assert owed == set()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", LESSONS)
def test_every_recording_shows_lines_in_both_languages(name: str, language):
    lesson = opened(name)
    for step in lesson.lesson.steps:
        if isinstance(step, Show | Predict):
            shown = show(lesson.world, step.records, Texts(language))
            assert any(line.marked for line in shown)
            assert not any("⟦" in line.line.text for line in shown)


@pytest.mark.parametrize("name", LESSONS)
def test_every_wrong_choice_has_an_explanation_of_its_own_in_both_languages(name: str):
    lesson = opened(name)
    for step in lesson.lesson.steps:
        if isinstance(step, Choice):
            for prose in lesson.prose.values():
                said = [
                    prose.sections[step.id].wrong[judge(step, letter).wrong]
                    for letter in step.choices
                    if letter != step.right
                ]
                assert len(set(said)) == len(step.choices) - 1


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", LESSONS)
def test_the_texts_are_nfc_and_cite_documents_that_exist(name: str, language: str):
    text = (find_lesson(name) / f"{language}.md").read_text("utf-8")
    assert unicodedata.is_normalized("NFC", text)
    assert list(unknown_citations(text)) == []
    assert len(re.findall(r"RFC \d+ \d", text)) >= 8


@pytest.mark.parametrize("name", LESSONS)
def test_no_dialogue_is_typed_into_the_text(name: str):
    for language in LANGUAGES:
        text = (find_lesson(name) / f"{language}.md").read_text("utf-8")
        assert re.findall(r"^\s*(?:<-|->|~>|<~|<\*\*|[SC]: )", text, re.MULTILINE) == []


def test_both_languages_cite_the_same_documents():
    for name in LESSONS:
        cited = [
            sorted(set(re.findall(r"RFC\s(\d+)", (find_lesson(name) / f"{language}.md").read_text("utf-8"))))
            for language in LANGUAGES
        ]
        assert cited[0] == cited[1], name


def test_no_lesson_lies_about_its_folder():
    assert [Path(name).name for name in LESSONS] == sorted(LESSONS)
