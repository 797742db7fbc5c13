"""One line that says which lesson this is, at which step, how many minutes it takes, and what was reached so far."""

from __future__ import annotations

from typing import Literal

from textual.content import Content
from textual.widget import Widget

from smtplab.lesson.sitting import Sitting
from smtplab.view.safe import safe
from smtplab.view.texts import Texts


class LessonBar(Widget, can_focus=False):
    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__()
        self._lines: tuple[Content, Content] | None = None
        self._tabs: Content | None = None

    def show(self, sitting: Sitting, texts: Texts, tab: Literal["text", "stage"] | None) -> None:
        """`tab` is the side that is seen; None where both are."""
        self._lines = (_left(sitting, texts), _right(sitting, texts, short=tab is not None))
        self._tabs = None if tab is None else _tabs(sitting, tab, texts)
        self.set_class(self._tabs is not None, "-tabs")
        self.refresh(layout=True)

    def render(self) -> Content:
        if self._lines is None:
            return Content("smtplab")
        left, right = self._lines
        width = self.content_size.width
        room = max(width - right.cell_length - 1, 0)
        if left.cell_length > room:
            left = left.truncate(room, ellipsis=True)
        line = Content.assemble(left.pad_right(room - left.cell_length), " ", right)
        return line if self._tabs is None else Content("\n").join([line, self._tabs])


def _left(sitting: Sitting, texts: Texts) -> Content:
    opened = sitting.opened
    number = opened.number.lstrip("0")
    title = f"{number}  {opened.prose[texts.language].title}" if number else opened.prose[texts.language].title
    return Content.assemble((" smtplab ", "bold $background on $primary"), " ", (safe(title), "bold"))


def _right(sitting: Sitting, texts: Texts, *, short: bool) -> Content:
    player, lesson = sitting.player, sitting.opened.lesson
    said = texts(
        "ui.lesson.standing.short" if short else "ui.lesson.standing",
        number=player.number,
        steps=len(lesson.steps),
        minutes=lesson.minutes,
        points=player.points,
        of=lesson.points,
    )
    return Content.styled(said, "$quiet")


def _tabs(sitting: Sitting, tab: Literal["text", "stage"], texts: Texts) -> Content:
    parts: list[Content] = []
    for side in ("text", "stage"):
        label = f" {texts(f'ui.lesson.tab.{side}')} "
        parts += [Content.styled(label, "bold $background on $accent" if side == tab else "$quiet"), Content(" ")]
    task = sitting.task
    if task is not None:
        marks = "".join("✓" if goal.id in sitting.attempt.reached else "☐" for goal in task.goals)
        parts.append(
            Content.styled(f"  {texts('ui.lesson.tab.goals')} {marks}", "$success" if "✓" in marks else "$quiet")
        )
    return Content.assemble(*parts)
