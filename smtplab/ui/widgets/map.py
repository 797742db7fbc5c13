"""The map of a world: its hosts, one of them chosen, and what travels between them at the moment."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from smtplab.ui import mapping
from smtplab.ui.mapping import Picture
from smtplab.ui.rungs import Piece
from smtplab.ui.widgets.inks import Inks
from smtplab.view.network import Network, Plan
from smtplab.view.safe import safe
from smtplab.view.texts import Texts

_STYLES = ("client", "server", "quiet", "faint", "good", "bad", "odd", "heading", "chosen", "chosen-blurred")


class WorldMap(ScrollView, can_focus=True, inherit_bindings=False):
    """Boxes and lines where there is room, a list where there is not; drawn anew at every moment."""

    HELP: ClassVar = "ui.help.map"
    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"map--{name}" for name in _STYLES}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "ui.key.host", key_display="↑↓"),
        Binding("k", "move(-1)", "ui.key.host", show=False),
        Binding("down,j", "move(1)", "ui.key.host", show=False),
        Binding("enter", "open", "ui.key.open-host", key_display="⏎"),
        Binding("x", "fault", "ui.key.fault"),
        Binding("i", "screen.explain", "ui.key.inspector"),
        Binding("w", "screen.about", "ui.key.about-world"),
        Binding("tab", "app.focus_next", "ui.key.to-log", key_display="⇥"),
    ]

    @dataclass
    class Chosen(Message):
        """Another host is the one at hand."""

        host: str

    @dataclass
    class Opened(Message):
        """The person wants to look into a host."""

        host: str

    @dataclass
    class FaultWanted(Message):
        """The person wants something to go wrong there."""

        host: str

    def __init__(self, plan: Plan, texts: Texts) -> None:
        super().__init__()
        self._plan = plan
        self._texts = texts
        self._hosts = mapping.order(plan)
        self._inks = Inks(self, "map")
        self._seen: tuple[Network, str] | None = None
        self._picture = Picture([], {})
        self._followed = ""
        # The one to look at first is the first server of mail: it has a queue.
        servers = (spot.name for spot in plan.spots if not {"user-agent", "resolver"} & {*spot.roles})
        self.chosen = next(servers, self._hosts[0])

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self._redraw()

    def show(self, network: Network, node: str) -> None:
        """The moment, and the host whose record is its last."""
        self._seen = (network, node)
        self._redraw()
        self._follow(network, node)

    def choose(self, host: str) -> None:
        if host in self._picture.places:
            self.chosen = host
            y = self._picture.places[host][0]
            height = max(self.scrollable_content_region.height, 1)
            top = min(max(self.scroll_offset.y, y - height + 2), max(y - 1, 0))
            self.scroll_to(y=top, animate=False, force=True)
            self._say_doing()
            self.refresh()
            self.post_message(self.Chosen(host))

    def on_resize(self) -> None:
        self._redraw()

    def action_move(self, by: int) -> None:
        self.choose(self._hosts[(self._hosts.index(self.chosen) + by) % len(self._hosts)])

    def action_open(self) -> None:
        self.post_message(self.Opened(self.chosen))

    def action_fault(self) -> None:
        self.post_message(self.FaultWanted(self.chosen))

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        y = self.scroll_offset.y + offset.y
        for host, (row, start, end) in self._picture.places.items():
            if row == y and start <= offset.x < end:
                again = host == self.chosen
                self.choose(host)
                if again and event.chain == 2:
                    self.action_open()
                return

    def render_line(self, y: int) -> Strip:
        row = self.scroll_offset.y + y
        width = self.scrollable_content_region.width
        base = self.rich_style
        if row >= len(self._picture.rows):
            return Strip.blank(width, base)
        here = self._picture.places.get(self.chosen)
        pieces = self._picture.rows[row]
        segments: list[Segment] = []
        if here is not None and here[0] == row:
            over = self._inks.background("chosen" if self.has_focus else "chosen-blurred")
            for piece, marked in parted(pieces, here[1], here[2]):
                segments.append(
                    Segment(piece.text, base + self._inks.letters(piece.style) + (over if marked else Style.null()))
                )
        else:
            segments = [Segment(text, base + self._inks.letters(style)) for text, style in pieces]
        return Strip(segments).adjust_cell_length(width, base)

    def _redraw(self) -> None:
        width, height = self.scrollable_content_region.size
        if self._seen is None or width < 1:
            return
        self._picture = mapping.draw(self._plan, *self._seen, width, self._texts)
        size = Size(width, max(len(self._picture.rows), height))
        if size != self.virtual_size:
            self.virtual_size = size
        self._say_doing()
        self.refresh()

    def _follow(self, network: Network, node: str) -> None:
        """Where another host has begun to act out of sight, the map moves there; within one dialogue it stays."""
        flows = (flow for flow in reversed(network.flows.values()) if node in (flow.client, flow.server))
        host = next((flow.client for flow in flows), node)
        if host == self._followed or host not in self._picture.places:
            return
        self._followed = host
        y, height = self._picture.places[host][0], max(self.scrollable_content_region.height, 1)
        if not self.scroll_offset.y <= y < self.scroll_offset.y + height:
            top = max(min(y - height // 2, self.virtual_size.height - height), 0)
            self.scroll_to(y=top, animate=False, force=True)

    def _say_doing(self) -> None:
        if self._seen is not None:
            said = mapping.doing(self.chosen, self._seen[0], self._texts)
            self.border_subtitle = f"{safe(self.chosen)}: {said}" if said else ""

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._inks.forget()


def parted(pieces: list[Piece], start: int, end: int) -> list[tuple[Piece, bool]]:
    """The same pieces, cut where the columns from `start` to `end` begin and end; true for those between."""
    parts: list[tuple[Piece, bool]] = []
    column = 0
    for text, style in pieces:
        cuts = sorted({0, min(max(start - column, 0), len(text)), min(max(end - column, 0), len(text)), len(text)})
        for first, last in itertools.pairwise(cuts):
            if first < last:
                parts.append((Piece(text[first:last], style), start <= column + first < end))
        column += len(text)
    return parts
