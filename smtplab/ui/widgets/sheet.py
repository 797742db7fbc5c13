"""Text that scrolls, wrapped once for its width and drawn line by line: changing it costs a paint, never a layout."""

from __future__ import annotations

from rich.style import Style
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual


class Sheet(ScrollView, can_focus=False, inherit_bindings=False):
    """Shows one `Content` at a time."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self._content = Content()
        self._lines: list[Strip] = []
        self._wrapped_for = -1
        self._base: Style | None = None
        """Of the sheet itself: Textual works it out anew at every asking."""

    def write(self, content: Content) -> None:
        """In place of what stands; unchanged text is not even painted again."""
        if not content.is_same(self._content):
            self._content = content
            self._wrap()

    @property
    def text(self) -> str:
        """Without its colours."""
        return self._content.plain

    def on_resize(self) -> None:
        if self._wrapped_for != self.scrollable_content_region.width:
            self._wrap()
        else:
            self._make_room()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._base = None
        self._wrap()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        row = self.scroll_offset.y + y
        if self._base is None:
            self._base = self.rich_style
        if row < len(self._lines):
            return self._lines[row].adjust_cell_length(width, self._base)
        return Strip.blank(width, self._base)

    def _wrap(self) -> None:
        if not self.is_attached:
            return
        width = self._wrapped_for = self.scrollable_content_region.width
        self._lines = Visual.to_strips(self, self._content, width, None, self.visual_style) if width > 0 else []
        self._make_room()
        self.refresh()

    def _make_room(self) -> None:
        # A new virtual size is laid out by the whole screen, so text that fits is as tall as its window.
        width, height = self.scrollable_content_region.size
        self.virtual_size = Size(width, max(len(self._lines), height))
