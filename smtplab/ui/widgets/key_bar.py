"""The footer: first the keys of what has the focus, then those that work everywhere, wrapped and never cut off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from rich.cells import cell_len
from textual.app import App
from textual.content import Content
from textual.geometry import Size
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget

from smtplab.view.texts import Texts

_GAP: Final = "  "


class KeyHint(NamedTuple):
    """One key and what it does here."""

    key: str
    shown: str
    label: str

    @property
    def cells(self) -> int:
        return cell_len(self.shown) + 1 + cell_len(self.label)

    def content(self) -> Content:
        pressing = Style.from_meta({"@click": f"app.simulate_key({self.key!r})"})
        return Content.assemble((self.shown, "bold $primary"), " ", (self.label, "$quiet")).stylize(pressing)


class KeyBar(Widget, can_focus=False):
    """Two rows of keys, each wrapped to as many lines as it needs; clicking a key presses it."""

    ALLOW_SELECT = False

    def __init__(self, texts: Texts) -> None:
        super().__init__()
        self.auto_links = False
        self._texts = texts
        self._rows: tuple[tuple[KeyHint, ...], ...] = ()

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._read_bindings)
        self._read_bindings(self.screen)

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self._read_bindings(self.screen)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        return sum(1 for row in self._rows for _ in wrapped(row, width))

    def render(self) -> Content:
        lines = [line for row in self._rows for line in wrapped(row, self.content_size.width)]
        return Content("\n").join([Content(_GAP).join([hint.content() for hint in line]) for line in lines])

    def _read_bindings(self, screen: Screen[object]) -> None:
        rows = hints(screen, self._texts)
        if rows != self._rows:
            self._rows = rows
            self.refresh(layout=True)
            self.call_after_refresh(self._make_room)

    def _make_room(self) -> None:
        """A layout that was under way when the keys changed has counted the old lines."""
        width, height = self.content_size
        if width and height != sum(1 for row in self._rows for _ in wrapped(row, width)):
            self.refresh(layout=True)


def hints(screen: Screen[object], texts: Texts) -> tuple[tuple[KeyHint, ...], ...]:
    """Of every binding that asks to be shown: those of the focused widget, then those of the screen and the app."""
    here: dict[str, KeyHint] = {}
    everywhere: dict[str, KeyHint] = {}
    for node, binding, enabled, _ in screen.active_bindings.values():
        if binding.show and enabled and texts.has(binding.description):
            row = everywhere if isinstance(node, Screen | App) else here
            hint = KeyHint(binding.key, screen.app.get_key_display(binding), texts(binding.description))
            # One action may have several keys; the first that the focused widget doesn't take for itself is shown.
            row.setdefault(binding.description, hint)
    return tuple(tuple(row.values()) for row in (here, everywhere) if row)


def wrapped(row: tuple[KeyHint, ...], width: int) -> Iterator[list[KeyHint]]:
    """The row in lines of at most `width` cells; a hint is never broken."""
    line: list[KeyHint] = []
    used = 0
    for hint in row:
        if line and used + len(_GAP) + hint.cells > width:
            yield line
            line, used = [], 0
        used += hint.cells + (len(_GAP) if line else 0)
        line.append(hint)
    if line:
        yield line
