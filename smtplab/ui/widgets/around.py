"""The lesson's world at rest: its map, its hosts with their addresses, and the people in it."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget

from smtplab.sim.world import World
from smtplab.ui import mapping
from smtplab.ui.widgets.pane import Pane
from smtplab.ui.widgets.stage import Stage
from smtplab.ui.widgets.still_map import StillMap
from smtplab.view.network import Network, Plan
from smtplab.view.safe import safe
from smtplab.view.texts import Texts

_FRAME_ROWS = 2


class Around(Stage):
    def __init__(self, world: World, plan: Plan, texts: Texts) -> None:
        super().__init__()
        self._world = world
        self._plan = plan
        self._texts = texts

    def compose(self) -> ComposeResult:
        yield StillMap(self._plan, self._texts)
        yield Pane(id="hosts")

    def on_mount(self) -> None:
        self.speak(self._texts)

    def on_resize(self, event: events.Resize) -> None:
        as_list = event.size.width < mapping.MAP_CELLS_MIN + 4
        self.query_one(StillMap).styles.height = mapping.height(self._plan, as_list=as_list) + _FRAME_ROWS

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        world_map = self.query_one(StillMap)
        world_map.speak(texts)
        world_map.border_title = texts("ui.lesson.world")
        world_map.show(Network({}), "")
        self.query_one("#hosts", Pane).say(texts("ui.lesson.who"), self._who())

    @property
    def entrance(self) -> Widget:
        return self.query_one("#hosts", Pane)

    def _who(self) -> Content:
        width = max(len(host.name) for host in self._world.hosts)
        lines = [
            Content.assemble((f"{safe(host.name):<{width}}  ", "$server"), (", ".join(host.addresses), "$quiet"))
            for host in self._world.hosts
        ]
        lines.append(Content())
        wide = max((len(user.address) for user in self._world.users), default=0)
        lines += [
            Content.assemble((f"{safe(user.address):<{wide}}  ", "$client"), (safe(user.name), "$quiet"))
            for user in self._world.users
        ]
        return Content("\n").join(lines)
