"""A long text to read: its lines are wrapped for the width once, and made safe and drawn only where they are seen."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import ClassVar, Final

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from smtplab.ui.widgets.inks import Inks
from smtplab.ui.wrapping import wrap
from smtplab.view.html_text import Written
from smtplab.view.safe import safe, safe_bytes

_STYLES: Final = ("quiet", "client", "strong", "odd")

Sheetful = Sequence[Written] | Sequence[bytes]


class Paper(ScrollView, can_focus=True, inherit_bindings=False):
    """Scrolls; it has no line of its own that is chosen."""

    HELP: ClassVar = "ui.help.paper"
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"paper--{name}" for name in _STYLES}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll_up", "ui.key.scroll", key_display="↑↓"),
        Binding("down,j", "scroll_down", "ui.key.scroll", show=False),
        Binding("k", "scroll_up", "ui.key.scroll", show=False),
        Binding("pageup", "page_up", "ui.key.page", show=False),
        Binding("pagedown,space", "page_down", "ui.key.page", show=False),
        Binding("home", "scroll_home", "ui.key.ends", show=False),
        Binding("end", "scroll_end", "ui.key.ends", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self._lines: Sheetful = ()
        self._starts: list[int] = [0]
        self._wrapped_for = -1
        self._inks = Inks(self, "paper")

    def show(self, lines: Sheetful) -> None:
        """From its beginning."""
        if lines is self._lines:
            return
        self._lines = lines
        self._wrap()
        self.scroll_to(y=0, animate=False, force=True)

    def on_resize(self) -> None:
        if self._wrapped_for != self.scrollable_content_region.width:
            self._wrap()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._inks.forget()

    def render_line(self, y: int) -> Strip:
        width, base = self.scrollable_content_region.width, self.rich_style
        row = self.scroll_offset.y + y
        if row >= self._starts[-1]:
            return Strip.blank(width, base)
        index = bisect_right(self._starts, row) - 1
        line = self._line(index)
        pieces = wrap(line.text, max(width, 2))
        number = row - self._starts[index]
        said = pieces[number] if number < len(pieces) else ""
        lead = line.lead if number == 0 else 0
        segments = [
            Segment(said[:lead], base + self._inks.letters("client")),
            Segment(said[lead:], base + self._inks.letters(line.style)),
        ]
        return Strip(segments).adjust_cell_length(width, base)

    def _line(self, index: int) -> Written:
        line = self._lines[index]
        if isinstance(line, bytes):
            return Written(safe_bytes(line))
        return line._replace(text=safe(line.text))

    def _wrap(self) -> None:
        width = self._wrapped_for = self.scrollable_content_region.width
        if width <= 0:
            # Not seen now: it is wrapped when it is.
            self._starts, self._wrapped_for = [0], -1
            return
        self._starts = [0, *accumulate(self._height(index, width) for index in range(len(self._lines)))]
        self.virtual_size = Size(1, self._starts[-1])
        self.refresh()

    def _height(self, index: int, width: int) -> int:
        line = self._lines[index]
        raw = line if isinstance(line, bytes) else line.text
        # A written-out octet takes ten cells at most: what is this short fits whatever it holds.
        if len(raw) * 10 <= width:
            return 1
        return len(wrap(self._line(index).text, max(width, 2)))
