"""The two sides of a lesson, or its two tabs: which of them is seen, and what stands beside the text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from smtplab.ui.prose import Block
from smtplab.ui.widgets.answer_box import AnswerBox
from smtplab.ui.widgets.page import Page
from smtplab.ui.widgets.stage import Stage

_FRAME_ROWS: Final = 2

Side = Literal["text", "stage"]


class LessonSides(Horizontal):
    def __init__(self) -> None:
        super().__init__(id="lesson")
        self.side: Side = "text"
        self.tabs = False
        """There is room for one side at a time."""
        self.looked = False
        """The person has seen the step's other side."""
        self.stage: Stage | None = None
        """Once it stands whole."""
        self._stands_for: str | None = None

    def compose(self) -> ComposeResult:
        with Vertical(id="told"):
            yield Page(id="page")
            yield AnswerBox(id="answer")
        yield Vertical(id="stage")

    @property
    def page(self) -> Page:
        return self.query_one(Page)

    @property
    def answer(self) -> AnswerBox:
        return self.query_one(AnswerBox)

    async def set_stage(self, stands_for: str, stage: Stage) -> bool:
        """False where what stands is for the same already."""
        if stands_for == self._stands_for:
            return False
        self._stands_for, self.stage = stands_for, None
        frame = self.query_one("#stage", Vertical)
        await frame.remove_children()
        await frame.mount(stage)
        self.stage = stage
        return True

    def turn_to(self, side: Side) -> None:
        """And give it the focus."""
        self.side = side
        self.looked = self.looked or side == "stage"
        self.query_one("#told").display = not self.tabs or side == "text"
        self.query_one("#stage").display = not self.tabs or side == "stage"
        # What was hidden is laid out only now.
        self.call_after_refresh(self.fit)
        entrance = self.stage.entrance if side == "stage" and self.stage is not None else None
        # At once: what is typed in the same breath belongs to this side.
        self.screen.set_focus(entrance or self.answer.asked or self.page)

    def say(self, page: Sequence[Block], *, to_end: bool) -> None:
        self.page.say(page)
        self.fit()
        self.call_after_refresh(self.fit)
        if to_end:
            self.call_after_refresh(self.page.scroll_end, animate=False)

    def fit(self) -> None:
        """A question stands right below the text that asks it."""
        below = self.answer.rows
        if not below:
            self.page.styles.height = "1fr"
            return
        room = self.query_one("#told").size.height - below
        self.page.styles.height = max(min(self.page.rows + _FRAME_ROWS, room), _FRAME_ROWS + 1)
