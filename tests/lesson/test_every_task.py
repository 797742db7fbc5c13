"""Every kind of task, in a lesson made for it: to find, to mend, to configure, to speak and to send."""

from pathlib import Path

import pytest

from smtplab.lesson.agreement import open_to_play
from smtplab.lesson.check import Checked, check
from smtplab.lesson.doing import ActionError, attempt, picked
from smtplab.lesson.judge import Judgement, judge_found
from smtplab.lesson.lesson import Action, Solution, Task
from smtplab.lesson.library import read_solution
from smtplab.lesson.settings import SettingsError, settings_of, text_to_change, with_settings
from smtplab.lesson.validate import validate
from smtplab.sim.expect import Pattern
from smtplab.sim.library import bundled_worlds, load_world

FOLDER = Path(__file__).parent / "lessons" / "90-every-task"
OPENED = open_to_play(FOLDER)


def task(step_id: str) -> Task:
    step = OPENED.lesson.step(step_id)
    assert isinstance(step, Task)
    return step


def checked(**actions: Action) -> Checked:
    return check(OPENED, Solution(actions={name.replace("_", "-"): action for name, action in actions.items()}))


def test_the_lesson_has_nothing_to_mend():
    assert validate(OPENED) == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_its_model_solution_earns_every_point(seed: int):
    assert check(OPENED, read_solution(FOLDER / "solution.toml"), seed).passed


def test_the_record_pointed_at_is_the_first_that_fits():
    action = Action(find=Pattern(event="dns_answered"))
    assert [one.event.name for one in attempt(OPENED.world, task("find-it"), action, 1)] == ["away.example"]


def test_a_wrong_record_has_the_explanation_for_that_very_record():
    records = picked(OPENED.world, task("find-it").records)
    judged = [judge_found(task("find-it"), record) for record in records]
    assert [one.wrong for one in judged] == ["other", "other", "", "", "bounce", "other", "other", "bounce"]
    assert judged[2] == Judgement(right=True)
    handed_in = checked(find_it=Action(find=Pattern(event="bounced")))
    step = next(one for one in handed_in.steps if one.step == "find-it")
    assert (step.status, step.explanation, step.points) == ("wrong", "bounce", 0)


@pytest.mark.parametrize(
    ("step", "action", "said"),
    [
        ("find-it", Action(find=Pattern(event="bouncd")), "no event is called 'bouncd' - at `$.actions.find-it.find"),
        ("find-it", Action(find=Pattern(event="bounced", where={"colour": 1})), "bounced has no such key"),
        (
            "set-it-up",
            Action(hosts={"mail.village.example": "roles = 1"}),
            "mail.village.example: `array` is expected, not `int` - at `$.roles`",
        ),
        ("set-it-up", Action(hosts={"mail.village.example": "roles ="}), "mail.village.example: Invalid value"),
        ("set-it-up", Action(hosts={"mail.away.example": ""}), "what to configure is 'mail.village.example'"),
        ("mend-it", Action(zones={"home.example": ""}), "what to mend is 'away.example'"),
        ("mend-it", Action(hosts={"mail.village.example": ""}), "this task is to mend, not to configure"),
    ],
)
def test_an_action_that_cannot_be_done_says_why(english, step: str, action: Action, said: str):
    with pytest.raises(ActionError) as trouble:
        attempt(OPENED.world, task(step), action, 1)
    assert said in english(trouble.value.told)


@pytest.mark.parametrize("name", bundled_worlds())
def test_the_settings_of_every_host_come_back_as_they_were(name: str):
    for host in load_world(name).hosts:
        assert with_settings(host, settings_of(host)) == host


def test_settings_are_the_keys_of_a_worlds_file_without_the_name():
    assert text_to_change(OPENED.world, task("set-it-up")) == (
        'roles = ["mx"]\nsite = "away"\naddresses = ["10.2.0.26"]\nresolver = "10.0.0.53"\n'
        'domains = ["village.example"]\n\n[software]\nsize_octets_max = 100\n'
    )


def test_a_host_keeps_its_name():
    host = OPENED.world.host("mail.village.example")
    with pytest.raises(SettingsError, match=r"lesson\.flaw\.keeps-name"):
        with_settings(host, 'name = "other.example"\n' + settings_of(host))
