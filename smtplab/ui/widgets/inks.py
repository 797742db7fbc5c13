"""The colours of a widget's own component classes (`map--client` and its like), asked for once a theme."""

from __future__ import annotations

from rich.style import Style
from textual.widget import Widget


class Inks:
    """For a widget that draws its lines itself; it says `forget` where its styles have changed."""

    def __init__(self, widget: Widget, prefix: str) -> None:
        """The classes are called `PREFIX--NAME`."""
        self._widget = widget
        self._prefix = prefix
        self._letters: dict[str, Style] = {}

    def forget(self) -> None:
        self._letters.clear()

    def letters(self, name: str) -> Style:
        """Colour and weight alone, so that any background may stand behind them; nothing where there is no name."""
        if not name:
            return Style.null()
        found = self._letters.get(name)
        if found is None:
            whole = self._whole(name)
            found = self._letters[name] = Style(color=whole.color, bold=whole.bold, italic=whole.italic)
        return found

    def background(self, name: str) -> Style:
        return Style(bgcolor=self._whole(name).bgcolor)

    def _whole(self, name: str) -> Style:
        return self._widget.get_component_rich_style(f"{self._prefix}--{name}")
