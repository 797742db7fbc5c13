"""Chooses what stands beside a lesson's text, by what its step needs."""

from __future__ import annotations

from smtplab.lesson.lesson import Shown, Task
from smtplab.lesson.settings import text_to_change
from smtplab.lesson.sitting import Sitting
from smtplab.ui.widgets.around import Around
from smtplab.ui.widgets.editing import Editing
from smtplab.ui.widgets.sending import Sending
from smtplab.ui.widgets.speaking import Speaking
from smtplab.ui.widgets.stage import Stage
from smtplab.ui.widgets.watching import Watching, without_marks
from smtplab.view.network import Plan
from smtplab.view.texts import Texts


def stage_of(sitting: Sitting, plan: Plan, texts: Texts) -> tuple[str, Stage]:
    """And for what it is: where that has not changed, what stands may stay."""
    step = sitting.step
    if isinstance(step, Task):
        return step.id, _of_task(step, sitting, plan, texts)
    found = sitting.recording
    if found is None:
        return "", Around(sitting.opened.world, plan, texts)
    step_id, shown = found
    return step_id, Watching(shown, texts)


def _of_task(task: Task, sitting: Sitting, plan: Plan, texts: Texts) -> Stage:
    match task.does:
        case "send":
            return Sending(plan, texts)
        case "speak":
            return Speaking(task, texts)
        case "mend" | "configure":
            return Editing(task, text_to_change(sitting.opened.world, task), plan, texts)
        case "find":
            return Watching(without_marks(task.records or Shown()), texts)
