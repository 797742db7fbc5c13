"""Everything that an author can be told of a lesson is said in both languages, and can come about."""

import asyncio
import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from smtplab.cli import lesson as lesson_commands
from smtplab.lesson.check import check
from smtplab.lesson.doing import fitted
from smtplab.lesson.draft import write_draft
from smtplab.lesson.lesson import Action, Solution, Task
from smtplab.lesson.library import LessonError, find_lesson, model_solution, open_lesson
from smtplab.lesson.outside import Outside
from smtplab.lesson.running import Runner
from smtplab.lesson.settings import with_settings
from smtplab.lesson.validate import validate
from smtplab.sim.expect import Pattern
from smtplab.sim.library import load_world
from smtplab.sim.world import Trip
from smtplab.told import Told, Unfit
from smtplab.view.texts import LANGUAGES, Texts

CATALOGUE = Path(__file__).resolve().parents[2] / "smtplab" / "locale" / "src" / "en" / "lessonflaw.po"

Spoilt = tuple[tuple[str, str, str], ...]
"""A file of the draft, what stands in it, and what is written in its place."""

PREDICTION: Spoilt = (
    ("lesson.toml", 'kind = "show"', 'kind = "predict"\naccept = ["x"]\ntruth = { event = "bounced" }'),
)
ANSWERED = "### wrong\n- other: No.\n### hints\n- Look.\n### right\n[[records]]"

SPOILT: dict[str, Spoilt] = {
    "no-title": (("en.md", "# A new lesson", "A new lesson"),),
    "no-step-id": (("vi.md", "{#which}", ""),),
    "second-section": (("en.md", "{#send-it}", "{#which}"),),
    "no-part": (("en.md", "### hints", "### tips"),),
    "no-item": (("en.md", "- Look at the marked line again.", "Look"),),
    "no-named-item": (("vi.md", "- b: MAIL FROM", "- MAIL FROM"),),
    "one-side-only": (("vi.md", "{#which}", "{#what}"),),
    "other-order": (
        ("en.md", "{#which}", "{#x}"),
        ("en.md", "{#send-it}", "{#which}"),
        ("en.md", "{#x}", "{#send-it}"),
    ),
    "no-nfc": (("vi.md", "Một bài học", unicodedata.normalize("NFD", "Một bài học")),),
    "unknown-rfc": (("en.md", "RFC 5321 4.1.1.3", "RFC 53210 4.1.1.3"),),
    "lost-brackets": (("en.md", "Look first", "Say MAIL FROM:<lan@home.example>"),),
    "dead-link": (("en.md", "Look first", "Look [first](nowhere.md)"),),
    "no-text": (("en.md", "Which command names the sender?", ""),),
    "ordered-already": (
        (
            "lesson.toml",
            'kind = "choice"\nchoices = ["a", "b"]\nright = "b"',
            'kind = "order"\nright = ["a", "b", "c"]',
        ),
        ("en.md", "- b: MAIL FROM", "- b: MAIL FROM\n- c: DATA"),
    ),
    "no-right": (("en.md", "### right\nIt has arrived.", ""),),
    "no-hints": (("en.md", "### hints\n- A journey has a sender and recipients.", ""),),
    "records-in-text": (("en.md", "[[records]]", ""),),
    "records-under-right": PREDICTION,
    "no-recording": (("en.md", "Which command", "[[records]]\n\nWhich command"),),
    "lacks": (("en.md", "- other: Type a or b.", ""),),
    "surplus": (("en.md", "- other: Type a or b.", "- other: Type a or b.\n- z: No."),),
    "second-step": (("lesson.toml", 'id = "which"', 'id = "watch"'),),
    "no-choice": (("lesson.toml", 'right = "b"', 'right = "c"'),),
    "which-records": (("lesson.toml", 'does = "send"', 'does = "find"'),),
    "which-host": (("lesson.toml", 'does = "send"', 'does = "configure"'),),
    "which-zone": (("lesson.toml", 'does = "send"', 'does = "mend"'),),
    "other-folder": (("lesson.toml", 'id = "my-lesson"', 'id = "your-lesson"'),),
    "no-other-lesson": (("lesson.toml", "minutes = 10", 'minutes = 10\nprerequisites = ["no-such"]'),),
    "no-such-records": (
        ("lesson.toml", '{ event = "command_sent" }, { event = "reply_received" }', '{ event = "bounced" }'),
    ),
    "nothing-marked": (("lesson.toml", 'verb = "MAIL"', 'verb = "VRFY"'),),
    "not-borne-out": (*PREDICTION, ("en.md", "[[records]]", ANSWERED), ("vi.md", "[[records]]", ANSWERED)),
    "no-answer": (("solution.toml", 'which = "b"', 'which = "a"'),),
    "no-solution": (("solution.toml", "[[actions.send-it.send]]", "[[actions.other.send]]"),),
    "misses": (("solution.toml", "minh@", "nobody@"),),
    "idle-reaches": (
        (
            "lesson.toml",
            'event = "delivered"\nwhere = { mailbox = "minh@away.example" }',
            'event = "bounced"\ncount = 0',
        ),
    ),
    "no-task": (("wrong.toml", 'step = "send-it"', 'step = "which"'),),
    "untried": (("wrong.toml", 'step = "send-it"', 'step = "which"'),),
    "no-goal": (("wrong.toml", 'misses = ["arrives"]', 'misses = ["there"]'),),
    "reaches": (("wrong.toml", "nobody@", "minh@"),),
}

WORLD = load_world("first-mail")
LESSON = open_lesson(find_lesson("7"))
ACTIONS = {
    "send": Action(send=(Trip("lan@home.example", ("minh@away.example",)),)),
    "speak": Action(script="QUIT\n"),
    "mend": Action(zones={"away.example": ""}),
    "configure": Action(hosts={"mail.away.example": ""}),
    "find": Action(find=Pattern(event="delivered")),
}
GOALS = tuple(goal for step in LESSON.lesson.steps if isinstance(step, Task) for goal in step.goals)


def fit(does: str, action: Action) -> Action:
    return fitted(Task(id="x", does=does, goals=GOALS, zone="home.example"), action)


DONE: dict[str, Callable[[Path], object]] = {
    "no-lesson": lambda _: find_lesson("99"),
    "none-came": lesson_commands._next_lesson,
    "folder-name": lambda folder: write_draft(folder / "no-number"),
    "no-solution": lambda folder: model_solution(folder, "which"),
    "keeps-name": lambda _: with_settings(WORLD.hosts[0], 'name = "other.example"'),
    "no-such-step": lambda _: check(LESSON, Solution(answers={"gone": "a"})),
    "other-kind": lambda _: fit("send", ACTIONS["speak"]),
    "other-thing": lambda _: fit("mend", ACTIONS["mend"]),
    "to.send": lambda _: fit("find", ACTIONS["send"]),
    "to.speak": lambda _: fit("find", ACTIONS["speak"]),
    "to.mend": lambda _: fit("find", ACTIONS["mend"]),
    "to.configure": lambda _: fit("find", ACTIONS["configure"]),
    "to.find": lambda _: fit("send", ACTIONS["find"]),
    "playing-ended": lambda folder: asyncio.run(play_in(folder / "gone")),
    "standing-ended": lambda folder: asyncio.run(Outside(folder / "gone").open("x", Action())),
}


async def play_in(folder: Path) -> None:
    runner = Runner(folder, 1)
    try:
        await runner.run(Action())
    finally:
        await runner.close()


def test_the_catalogue_holds_what_the_tests_below_provoke_and_nothing_else():
    known = re.findall(r'^msgid "lesson\.flaw\.(.+)"$', CATALOGUE.read_text("utf-8"), re.MULTILINE)
    assert set(known) == {*SPOILT, *DONE}


@pytest.mark.parametrize("flaw", SPOILT)
def test_what_is_spoilt_is_told_in_both_languages(folder: Path, flaw: str):
    for file, old, new in SPOILT[flaw]:
        text = (folder / file).read_text("utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new), "utf-8")
    try:
        found = [finding.told(folder) for finding in validate(open_lesson(folder))]
    except LessonError as trouble:
        found = [trouble.told]
    told = [one for one in found if f"lesson.flaw.{flaw}" in ids(one)]
    assert told
    assert_is_said(told[0])


@pytest.mark.parametrize("flaw", DONE)
def test_what_cannot_be_done_is_told_in_both_languages(folder: Path, flaw: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lesson_commands, "bundled_lessons", tuple)
    with pytest.raises(Unfit) as trouble:
        DONE[flaw](folder)
    assert f"lesson.flaw.{flaw}" in ids(trouble.value.told)
    assert_is_said(trouble.value.told)


def ids(told: Told) -> Iterator[str]:
    yield told.text
    for argument in told.arguments.values():
        if isinstance(argument, Told):
            yield from ids(argument)


def assert_is_said(told: Told) -> None:
    said = [Texts(language).told(told) for language in LANGUAGES]
    assert not any("⟦" in line for line in said)
    assert len(set(said)) == len(LANGUAGES)
