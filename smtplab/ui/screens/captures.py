"""The captures: those that come with smtplab and one's own, to open, keep under another name, export and throw away."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Label

from smtplab.capture.library import Shelved, shelved
from smtplab.lab.bad_input import BadInput
from smtplab.lab.captures import FORMATS, SUFFIXES, about, export_file, keep, throw_away
from smtplab.ui.columns import Column, rest_of, row_of
from smtplab.ui.rungs import Piece
from smtplab.ui.screens.ask import Answer, Ask, AskScreen, Said
from smtplab.ui.sheets import sheets
from smtplab.ui.widgets.key_bar import KeyBar
from smtplab.ui.widgets.pane import Pane
from smtplab.ui.widgets.row_list import RowList
from smtplab.ui.widgets.search_bar import SearchBar
from smtplab.view.folding import folded
from smtplab.view.safe import safe
from smtplab.view.texts import Texts

_NAME_CELLS: Final = 24
_DATE_CELLS: Final = 10
_RECORDS_CELLS: Final = 7
_WIDE_CELLS: Final = 120


class CapturesScreen(Screen[None]):
    """Posts the capture that the person opens; everything else it does itself."""

    HELP: ClassVar = "ui.help.captures"
    CSS_PATH: ClassVar = sheets(
        "screens/captures", "widgets/row_list", "widgets/pane", "widgets/search_bar", "widgets/key_bar"
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "ui.key.filter"),
        Binding("s", "keep", "ui.key.keep-as"),
        Binding("e", "export", "ui.key.export"),
        Binding("y", "copy", "ui.key.copy-path"),
        Binding("x,delete", "throw_away", "ui.key.delete"),
    ]

    @dataclass
    class Opened(Message):
        path: Path

    def __init__(self, texts: Texts, home: Path) -> None:
        super().__init__()
        self._texts = texts
        self._home = home
        self._all: list[Shelved] = []
        self._shown: list[Shelved] = []
        self._wanted = ""
        self._row = 0

    def compose(self) -> ComposeResult:
        yield Label(id="captures-title")
        with Container(id="body"):
            yield RowList(self._draw, id="captures")
            yield Pane(id="about")
        yield SearchBar(self._texts)
        yield KeyBar(self._texts)

    def on_mount(self) -> None:
        self.speak(self._texts)
        self.query_one(RowList).focus()

    def on_screen_resume(self) -> None:
        """A walk may have left one behind."""
        self._read()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= _WIDE_CELLS, "-wide")

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        rows = self.query_one(RowList)
        rows.border_title = texts("captures.list")
        self.query_one(SearchBar).speak(texts)
        self.query_one(KeyBar).speak(texts)
        self._sift()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """What comes with smtplab stays."""
        one = self._chosen
        if action == "throw_away":
            return one is not None and not one.bundled
        return action not in ("keep", "export", "copy") or one is not None

    @property
    def _chosen(self) -> Shelved | None:
        return self._shown[self._row] if self._row < len(self._shown) else None

    # The list

    def _read(self) -> None:
        """One's own first, the newest on top."""
        found = shelved(self._home)
        own = sorted((one for one in found if not one.bundled), key=_written_at, reverse=True)
        self._all = [*own, *(one for one in found if one.bundled)]
        self._sift()

    def _sift(self) -> None:
        texts = self._texts
        chosen = self._chosen
        self._shown = [one for one in self._all if self._wanted in _head(one, texts)]
        own = sum(not one.bundled for one in self._all)
        said = texts("captures.count", count=own, bundled=len(self._all) - own)
        self.query_one("#captures-title", Label).update(
            Content.assemble((f" {texts('captures.title')}", "bold"), f"  {said}")
        )
        rows = self.query_one(RowList)
        rows.say_empty(Content.styled(texts("captures.none-found" if self._all else "captures.none"), "$quiet"))
        paths = [one.path for one in self._shown]
        rows.show(len(paths), paths.index(chosen.path) if chosen is not None and chosen.path in paths else None)
        self._row = rows.chosen
        if self._wanted:
            self.query_one(SearchBar).found(len(self._shown), len(self._all))
        self._tell()

    def _draw(self, row: int, cells: int) -> list[Piece]:
        one = self._shown[row]
        date, records = _day(one), self._texts.number(one.records) if one.records else "?"
        name_cells = min(_NAME_CELLS, max(cells // 3, 12))
        shows = rest_of(cells, 1, name_cells, _DATE_CELLS, _RECORDS_CELLS)
        return row_of(
            [
                Column("" if one.bundled else "◆", "client", 1),
                Column(one.name, "strong", name_cells),
                Column(date, "quiet", _DATE_CELLS),
                Column(records, "quiet", _RECORDS_CELLS, right=True),
                Column(about(one, self._texts), "", shows),
            ]
        )

    @on(RowList.Chosen)
    def _choose(self, chosen: RowList.Chosen) -> None:
        self._row = chosen.row
        self._tell()

    def _tell(self) -> None:
        self.refresh_bindings()
        texts, one = self._texts, self._chosen
        pane = self.query_one("#about", Pane)
        if one is None:
            pane.say("", Content())
        else:
            pane.say(safe(one.name), _picture(one, texts))

    @on(RowList.Opened)
    def _open(self) -> None:
        if (one := self._chosen) is not None:
            self.post_message(self.Opened(one.path))

    # The filter

    def action_filter(self) -> None:
        self.query_one(SearchBar).open()

    @on(SearchBar.Changed)
    def _look(self, sought: SearchBar.Changed) -> None:
        self._wanted = folded(sought.wanted)
        self._sift()

    @on(SearchBar.Closed)
    def _searched(self) -> None:
        self.query_one(RowList).focus()

    # What is done with one

    def action_copy(self) -> None:
        if (one := self._chosen) is not None:
            self.app.copy_to_clipboard(str(one.path))
            self.notify(self._texts("captures.copied", path=str(one.path)), markup=False)

    def action_keep(self) -> None:
        one = self._chosen
        if one is None:
            return

        async def act(answer: Answer) -> Said | None:
            try:
                path = await asyncio.to_thread(keep, one.path, self._home / "captures", answer["name"])
            except BadInput as bad:
                return Said(bad.text, bad.arguments)
            self.notify(self._texts("ui.note.saved", path=str(path)), markup=False)
            return None

        asks = (Ask("name", "captures.ask.name", one.name),)
        self._ask(Said("captures.keep", {"name": one.name}), Said("captures.keep.note"), asks, act)

    def action_export(self) -> None:
        one = self._chosen
        if one is None:
            return

        async def act(answer: Answer) -> Said | None:
            kind, texts = answer["kind"], self._texts
            try:
                path = _target(answer["file"] or one.name, kind)
                damaged = await asyncio.to_thread(export_file, one.path, kind, path, texts)
            except BadInput as bad:
                return Said(bad.text, bad.arguments)
            self.notify(texts("ui.note.saved", path=str(path)), markup=False)
            if damaged:
                where = {"lines": len(damaged), "line": damaged[0].line, "file": str(one.path)}
                self.notify(texts("cli.damaged-lines", **where), severity="warning", markup=False)
            return None

        asks = (
            Ask("kind", "captures.ask.kind", choices=FORMATS),
            Ask("file", "captures.ask.file", str(Path.cwd() / one.name)),
        )
        self._ask(Said("captures.export", {"name": one.name}), Said("captures.export.note"), asks, act)

    def action_throw_away(self) -> None:
        one = self._chosen
        if one is None or one.bundled:
            return

        async def act(answer: Answer) -> Said | None:
            del answer
            try:
                throw_away(one)
            except BadInput as bad:
                return Said(bad.text, bad.arguments)
            return None

        self._ask(
            Said("captures.delete", {"name": one.name}), Said("captures.delete.note", {"path": str(one.path)}), (), act
        )

    def _ask(self, title: Said, note: Said, asks: tuple[Ask, ...], act: object) -> None:
        def asked(done: bool | None) -> None:
            if done:
                self._read()

        self.app.push_screen(AskScreen(self._texts, title, note, asks, act), asked)  # type: ignore[arg-type]


def _target(typed: str, kind: str) -> Path:
    """With the format's ending where none was typed. Raises BadInput."""
    path = Path(typed)
    with contextlib.suppress(RuntimeError):
        path = path.expanduser()
    return path if path.suffix == SUFFIXES[kind] else path.with_name(f"{path.name}{SUFFIXES[kind]}")


def _head(one: Shelved, texts: Texts) -> str:
    return folded(f"{one.name}\n{about(one, texts)}\n{_day(one)}\n{one.first.recipient if one.first else ''}")


def _day(one: Shelved) -> str:
    """As recorded: in a simulation it is the world's."""
    return "" if one.began_us is None else _moment(one.began_us)[:10]


def _moment(us: int) -> str:
    try:
        return f"{dt.datetime.fromtimestamp(us / 1e6, dt.UTC):%Y-%m-%d %H:%M:%S}Z"
    except (ValueError, OverflowError, OSError):
        return "?"


def _written_at(one: Shelved) -> float:
    try:
        return one.path.stat().st_mtime
    except OSError:
        return 0.0


def _picture(one: Shelved, texts: Texts) -> Content:
    facts = [("captures.fact.records", texts.number(one.records) if one.records else "?")]
    if one.began_us is not None:
        facts.append(("captures.fact.began", _moment(one.began_us)))
    facts.append(("captures.fact.took", texts.duration(one.elapsed_s)))
    if one.first is not None:
        facts.append(("captures.fact.recipient", safe(one.first.recipient)))
        mode = texts(f"ui.walk.{one.first.mode}")
        facts.append(("captures.fact.mode", mode if one.first.world is None else f"{mode} · {safe(one.first.world)}"))
    if one.last is not None:
        facts.append(("captures.fact.result", texts(f"result.{one.last.result}")))
    facts.append(("captures.fact.size", texts.octets(one.octets)))
    if one.bundled:
        facts.append(("captures.fact.shell", f"smtplab capture show {one.name}"))
    else:
        facts.append(("captures.fact.file", safe(str(one.path))))
    made = f"capture.{one.name}.made"
    parts = [Content(about(one, texts)), Content()]
    parts += [Content.assemble((f"{texts(label)}  ", "$quiet"), value) for label, value in facts]
    if one.bundled and texts.has(made):
        parts += [Content(), Content.styled(texts(made), "$quiet")]
    return Content("\n").join(parts)
