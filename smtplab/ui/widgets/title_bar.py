"""One line that says what is shown, whether it runs, how fast, and how far along recorded time it is."""

from __future__ import annotations

from typing import Final, NamedTuple

from textual.content import Content
from textual.widget import Widget

from smtplab.view.safe import safe

_BAR_CELLS: Final = 24
_WIDE_CELLS: Final = 110
"""From here on there is room for the bar."""


class Standing(NamedTuple):
    """All that the line shows, in words already."""

    subject: str
    place: str
    state: str
    """Playing, paused, following, held, ended."""
    problem: bool
    time: str
    at: int
    of: int


class TitleBar(Widget, can_focus=False):
    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__()
        self._standing: Standing | None = None

    def show(self, standing: Standing) -> None:
        if standing != self._standing:
            self._standing = standing
            self.refresh()

    def render(self) -> Content:
        standing = self._standing
        if standing is None:
            return Content("smtplab")
        width = self.content_size.width
        right = self._right(standing, wide=width >= _WIDE_CELLS)
        subject = Content.assemble((" smtplab ", "bold $background on $primary"), " ", (safe(standing.subject), "bold"))
        left = Content.assemble(subject, "  ", (standing.place, "$quiet"))
        if left.cell_length + right.cell_length + 2 > width:
            left = subject
        room = width - right.cell_length - 1
        left = (
            left.truncate(room, ellipsis=True, pad=True)
            if left.cell_length > room
            else left.pad_right(room - left.cell_length)
        )
        return Content.assemble(left, " ", right)

    def _right(self, standing: Standing, *, wide: bool) -> Content:
        state = (standing.state, "bold $error" if standing.problem else "bold $accent")
        count = (f"{standing.at}/{standing.of}", "$quiet")
        if not wide:
            return Content.assemble(state, "  ", standing.time, "  ", count)
        return Content.assemble(state, "  ", standing.time, "  ", *_bar(standing), "  ", count)


def _bar(standing: Standing) -> list[tuple[str, str]]:
    done = round(_BAR_CELLS * standing.at / standing.of) if standing.of else 0
    return [("━" * done, "$primary"), ("━" * (_BAR_CELLS - done), "$faint")]
