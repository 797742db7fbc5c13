"""Draws a world in cells: sites as boxes beside a lane on which dialogues and messages travel, or as a list."""

from __future__ import annotations

from typing import Final, NamedTuple

from rich.cells import cell_len

from smtplab.journal import Stage
from smtplab.ui.log import short
from smtplab.ui.rungs import Piece, fitted
from smtplab.view.network import Flow, HostNow, Network, Plan, Spot
from smtplab.view.safe import safe
from smtplab.view.texts import Texts
from smtplab.view.titles import clock_time, day_and_minute

MAP_CELLS_MIN: Final = 84
"""Narrower, and a box would cut its hosts' names."""
_GUTTER: Final = 17
_LANES: Final = (8, 5, 11)
"""Columns of the gutter: dialogues drawn at once. More would be a tangle; each host tells of its own anyway."""
_SPINE: Final = 8
_BOX_ROWS_MAX: Final = 24
_NAME_CELLS: Final = 28
_CUT_NAME_CELLS_MIN: Final = 8

_PROGRESS: Final[dict[Stage, float]] = {
    "dns": 0.5,
    "connect": 0.1,
    "greeting": 0.25,
    "ehlo": 0.35,
    "tls": 0.45,
    "auth": 0.55,
    "envelope": 0.65,
    "data": 0.85,
    "quit": 0.95,
}
"""How far along its line a dialogue's mark stands."""


class Picture(NamedTuple):
    """Rows of pieces, and where each host stands: its row, its first column and the one behind its last."""

    rows: list[list[Piece]]
    places: dict[str, tuple[int, int, int]]


class _Box(NamedTuple):
    site: str
    spots: tuple[Spot, ...]
    top: int
    right: bool


def draw(plan: Plan, network: Network, node: str, cells: int, texts: Texts) -> Picture:
    """`node` is the host whose record is the last: its dialogue comes first where not all can be drawn."""
    if cells < MAP_CELLS_MIN:
        return _list(plan, network, cells, texts)
    return _map(plan, network, node, cells, texts)


def height(plan: Plan, *, as_list: bool) -> int:
    """Rows of either drawing."""
    boxes = _boxes(plan)
    if as_list:
        return len(plan.spots) + len(boxes)
    return max((box.top + len(box.spots) + 2 for box in boxes), default=1)


def order(plan: Plan) -> list[str]:
    """The hosts from top to bottom, as both drawings have them."""
    return [spot.name for box in _boxes(plan) for spot in box.spots]


# The list


def _list(plan: Plan, network: Network, cells: int, texts: Texts) -> Picture:
    rows: list[list[Piece]] = []
    places: dict[str, tuple[int, int, int]] = {}
    for box in _boxes(plan):
        rows.append([Piece(fitted(_site_title(box.site, plan, texts), cells), "heading")])
        for spot in box.spots:
            places[spot.name] = (len(rows), 0, cells)
            rows.append(_row(spot, network, cells, texts, telling=True))
    return Picture(rows, places)


def _row(spot: Spot, network: Network, cells: int, texts: Texts, *, telling: bool) -> list[Piece]:
    """A host's mark, its name, what it holds and, where `telling`, what it does now."""
    mark, style = _mark(spot.name, network)
    now = network.host(spot.name)
    name = _named(spot.name, min(_NAME_CELLS, cells - 3), whole=telling)
    room = cells - max(cell_len(name) + 1, _NAME_CELLS if telling else 0) - 3
    does = doing(spot.name, network, texts, shorten=True) if telling else ""
    text = " · ".join(filter(None, (_held(now, texts, ""), does)))
    if cell_len(text) > room:
        text = " · ".join(filter(None, (_held(now, texts, ".short"), does)))
    if not telling and cell_len(text) > room:
        # What it holds is said whole: the name gives way.
        name = _named(spot.name, max(cells - cell_len(text) - 4, _CUT_NAME_CELLS_MIN), whole=False)
        room = cells - cell_len(name) - 4
    text = fitted(text, room)
    gap = _NAME_CELLS - cell_len(name) if telling else cells - cell_len(name) - cell_len(text) - 3
    pad = cells - 3 - cell_len(name) - max(gap, 1) - cell_len(text)
    return [
        Piece(f"{mark} ", style),
        Piece(name, "" if mark != "○" else "quiet"),
        Piece(" " * max(gap, 1), ""),
        Piece(text, "odd" if now.queued else "quiet"),
        Piece(" " * max(pad, 0), ""),
    ]


def _named(host: str, cells: int, *, whole: bool) -> str:
    """On the map the room is the message's: the worlds' common last label is left out. Of what is too long the middle
    goes, so that two hosts of one domain, or of one name, stay two."""
    name = safe(host if whole else host.removesuffix(".example"))
    return name if cell_len(name) <= cells else short(host, cells)


def _held(now: HostNow, texts: Texts, form: str) -> str:
    """Its queue and its mailboxes, in whole or in short words."""
    counts = {"queued": now.queued, "stored": now.stored}
    return " · ".join(texts(f"ui.world.{what}{form}", count=count) for what, count in counts.items() if count)


def doing(host: str, network: Network, texts: Texts, *, shorten: bool = False) -> str:
    """What it does at this moment, in a few words; empty where it waits. Where they are to be few, names are without
    the worlds' common last label and times without year and seconds."""
    common = ".example" if shorten else ""
    for flow in reversed(network.flows.values()):
        if host == flow.client:
            kind = "ui.world.asks" if flow.kind == "dns" else "ui.world.calls"
            return texts(kind, host=flow.server.removesuffix(common), stage=texts(f"stage.{flow.stage}"))
        if host == flow.server:
            return texts("ui.world.answers", host=flow.client.removesuffix(common))
    moment = network.host(host).next_attempt
    if not moment:
        return ""
    return texts("ui.world.waits", moment=day_and_minute(moment) if shorten else clock_time(moment))


def _mark(host: str, network: Network) -> tuple[str, str]:
    if any(host in (flow.client, flow.server) for flow in network.flows.values()):
        return "●", "client"
    now = network.host(host)
    if now.failed:
        return "✗", "bad"
    return ("◆", "odd") if now.queued else ("○", "faint")


# The map


def _boxes(plan: Plan) -> list[_Box]:
    """Left and right of the lane, each on the side that is shorter; a site too tall for a screen is shared out."""
    ends = [0, 0]
    boxes: list[_Box] = []
    for site in plan.sites:
        spots = tuple(spot for spot in plan.spots if spot.site == site)
        tall = max(-(-len(spots) // 2), 1) if len(spots) > _BOX_ROWS_MAX else max(len(spots), 1)
        for start in range(0, len(spots), tall):
            part = spots[start : start + tall]
            right = ends[1] < ends[0]
            boxes.append(_Box(site, part, ends[right], right))
            ends[right] += len(part) + 3
    return sorted(boxes, key=lambda box: (box.right, box.top))


def _site_title(site: str, plan: Plan, texts: Texts) -> str:
    lines = [line for line in plan.lines if site in line.sites]
    if len(lines) != 1:
        return safe(site)
    other = next((name for name in lines[0].sites if name != site), site)
    return f"{safe(site)} · {texts('ui.world.line', site=other, time=texts.duration(lines[0].latency_ms / 1000))}"


def _map(plan: Plan, network: Network, node: str, cells: int, texts: Texts) -> Picture:
    width = (cells - _GUTTER) // 2
    boxes = _boxes(plan)
    canvas = _Canvas(cells, height(plan, as_list=False))
    places: dict[str, tuple[int, int, int]] = {}
    _draw_spine(canvas, boxes, width)
    for box in boxes:
        left = width + _GUTTER if box.right else 0
        _draw_box(canvas, box, left, width, _site_title(box.site, plan, texts))
        for number, spot in enumerate(box.spots):
            y = box.top + 1 + number
            places[spot.name] = (y, left + 1, left + width - 1)
            canvas.write(left + 2, y, _row(spot, network, width - 4, texts, telling=False))
    for lane, flow in zip(_LANES, _most_telling(network, node, places), strict=False):
        _draw_flow(canvas, flow, places, width, lane)
    return Picture(canvas.rows(), places)


def _most_telling(network: Network, node: str, places: dict[str, tuple[int, int, int]]) -> list[Flow]:
    """Dialogues between hosts of the plan: those of the node at hand before others, later before earlier."""
    flows = [flow for flow in reversed(network.flows.values()) if flow.client in places and flow.server in places]
    return sorted(flows, key=lambda flow: (node not in (flow.client, flow.server), flow.kind == "dns"))


def _draw_spine(canvas: _Canvas, boxes: list[_Box], width: int) -> None:
    """The links between the sites, each box's own joining at its head."""
    if len({box.site for box in boxes}) < 2:
        return
    x = width + _SPINE
    tops = sorted({box.top for box in boxes})
    for y in range(tops[0], tops[-1] + 1):
        canvas.put(x, y, "│", "faint")
    for box in boxes:
        reach = range(x + 1, width + _GUTTER) if box.right else range(width, x)
        for column in reach:
            canvas.put(column, box.top, "─", "faint")
    for top in tops:
        canvas.put(x, top, "┼" if sum(box.top == top for box in boxes) > 1 else "┤", "faint")
    for box in boxes:
        if sum(other.top == box.top for other in boxes) == 1:
            canvas.put(x, box.top, "├" if box.right else "┤", "faint")


def _draw_box(canvas: _Canvas, box: _Box, left: int, width: int, title: str) -> None:
    bottom = box.top + len(box.spots) + 1
    canvas.text(left, box.top, f"╭{'─' * (width - 2)}╮", "faint")
    canvas.text(left, bottom, f"╰{'─' * (width - 2)}╯", "faint")
    for y in range(box.top + 1, bottom):
        canvas.put(left, y, "│", "faint")
        canvas.put(left + width - 1, y, "│", "faint")
    canvas.text(left + 2, box.top, f" {fitted(title, width - 6)} ", "heading")


def _draw_flow(canvas: _Canvas, flow: Flow, places: dict[str, tuple[int, int, int]], width: int, lane: int) -> None:
    """A line from the client's row through the lane to the server's, and a mark on it as far as the dialogue is."""
    column = width + lane
    start, end = _port(places[flow.client], width), _port(places[flow.server], width)
    path = [*_across(start, column), *_down(column, start[1], end[1]), *reversed(_across(end, column))]
    style = "quiet" if flow.kind == "dns" else "server" if flow.secure else "client"
    shafts = ("═", "║") if flow.secure else ("┄", "┆") if flow.kind == "dns" else ("─", "│")
    for x, y in path:
        canvas.put(x, y, shafts[0] if x != column else shafts[1], style)
    if start[1] == end[1]:
        canvas.put(column, start[1], shafts[0], style)
    else:
        for x, y in (start, end):
            other = end[1] if y == start[1] else start[1]
            canvas.put(column, y, _corner(on_left=x < column, downwards=other > y, double=flow.secure), style)
    canvas.put(*end, "▶" if end[0] > column else "◀", style)
    x, y = path[round(_PROGRESS.get(flow.stage, 0.5) * (len(path) - 1))]
    canvas.put(x, y, "✉" if flow.loaded else "?" if flow.kind == "dns" else "●", "good" if flow.loaded else "odd")


def _port(place: tuple[int, int, int], width: int) -> tuple[int, int]:
    """The gutter's cell beside a host's row."""
    y, left, _ = place
    return (width, y) if left < width else (width + _GUTTER - 1, y)


def _across(port: tuple[int, int], column: int) -> list[tuple[int, int]]:
    """From a port up to the lane, without its cell."""
    x, y = port
    step = 1 if column > x else -1
    return [(cell, y) for cell in range(x, column, step)]


def _down(column: int, start: int, end: int) -> list[tuple[int, int]]:
    step = 1 if end >= start else -1
    return [(column, y) for y in range(start, end + step, step)]


def _corner(*, on_left: bool, downwards: bool, double: bool) -> str:
    corners = "╗╝╔╚" if double else "╮╯╭╰"
    return corners[(0 if on_left else 2) + (0 if downwards else 1)]


class _Canvas:
    """Cells that are written in any order and read row by row."""

    def __init__(self, width: int, height: int) -> None:
        self._cells = [[(" ", "")] * width for _ in range(height)]
        self._width = width

    def put(self, x: int, y: int, letter: str, style: str) -> None:
        if 0 <= x < self._width and 0 <= y < len(self._cells):
            self._cells[y][x] = (letter, style)

    def text(self, x: int, y: int, text: str, style: str) -> None:
        for letter in text:
            cells = cell_len(letter)
            if cells == 0:
                continue
            self.put(x, y, letter, style)
            # A wide letter's second cell holds nothing of its own.
            for beside in range(1, cells):
                self.put(x + beside, y, "", style)
            x += cells

    def write(self, x: int, y: int, pieces: list[Piece]) -> None:
        for text, style in pieces:
            self.text(x, y, text, style)
            x += cell_len(text)

    def rows(self) -> list[list[Piece]]:
        """Neighbours of one style are one piece."""
        rows: list[list[Piece]] = []
        for cells in self._cells:
            row: list[Piece] = []
            for letter, style in cells:
                if row and row[-1].style == style:
                    row[-1] = Piece(row[-1].text + letter, style)
                else:
                    row.append(Piece(letter, style))
            rows.append(row)
        return rows
