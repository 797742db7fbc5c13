"""The form in which a person makes something go wrong at a host: what, at which stage, how often, since when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from smtplab.lab.worlds import Change
from smtplab.ui import faulting
from smtplab.ui.sheets import sheets
from smtplab.ui.widgets.choice import Choice
from smtplab.ui.widgets.key_bar import KeyBar
from smtplab.ui.widgets.line_input import LineInput
from smtplab.view.network import Spot
from smtplab.view.texts import Texts

_FIELDS = ("what", "stage", "count", "since")


class FaultScreen(ModalScreen[None]):
    """A sheet over the world; Enter asks for the run with the fault in it."""

    HELP: ClassVar = "ui.help.fault"
    CSS_PATH: ClassVar = sheets("screens/fault", "widgets/key_bar")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "run", "ui.key.fault-run", key_display="⏎", priority=True),
        Binding("down", "app.focus_next", "ui.key.field", key_display="↑↓", priority=True),
        Binding("up", "app.focus_previous", "ui.key.field", show=False, priority=True),
        Binding("escape", "dismiss", "ui.key.close", key_display="esc"),
    ]

    @dataclass
    class Wanted(Message):
        """The person wants the world run again with this in it."""

        change: Change

    def __init__(self, texts: Texts, spot: Spot, now_us: int) -> None:
        """`now_us` is the moment at which the person stands, since the world's start."""
        super().__init__()
        self._texts = texts
        self._spot = spot
        self._now_us = now_us

    def compose(self) -> ComposeResult:
        kinds = faulting.kinds(self._spot)
        with Vertical(id="sheet"):
            with Horizontal():
                yield Label(id="label-what", classes="label")
                yield Choice(kinds, lambda value: self._texts(f"ui.fault.{value}"), id="what")
            with Horizontal(id="row-stage"):
                yield Label(id="label-stage", classes="label")
                stages = faulting.stages(self._spot, kinds[0]) or ("",)
                yield Choice(stages, lambda value: self._texts(f"ui.fault.at.{value}"), id="stage")
            with Horizontal(id="row-detail"):
                yield Label(id="label-detail", classes="label")
                yield LineInput(id="detail", compact=True)
            with Horizontal(id="row-way"):
                yield Label(id="label-way", classes="label")
                yield Choice(faulting.WAYS["certificate"], lambda value: self._texts(f"ui.fault.way.{value}"), id="way")
            with Horizontal(id="row-count"):
                yield Label(id="label-count", classes="label")
                yield LineInput(id="count", compact=True, type="integer")
            with Horizontal():
                yield Label(id="label-since", classes="label")
                yield Choice(("start", "now"), self._since, id="since")
            yield Label(id="refusal")
            yield KeyBar(self._texts)

    def on_mount(self) -> None:
        self.speak(self._texts)
        stage = self.query_one("#stage", Choice)
        if stage.value == "greeting":
            stage.action_turn(5)
        self._follow(self.query_one("#what", Choice).value)
        self.query_one("#what").focus()

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self.query_one("#sheet").border_title = texts("ui.fault.title", host=self._spot.name)
        for field in _FIELDS:
            self.query_one(f"#label-{field}", Label).update(texts(f"ui.fault.{field}"))
        self._say_detail(self.query_one("#what", Choice).value)
        self.query_one("#count", Input).placeholder = texts("ui.fault.always")
        for choice in self.query(Choice):
            choice.refresh()
        self.query_one(KeyBar).speak(texts)

    def refuse(self, why: str) -> None:
        """One line below the form; the next change takes it away."""
        self.query_one("#refusal", Label).update(why)

    @on(Choice.Changed)
    def _changed(self, event: Choice.Changed) -> None:
        self.refuse("")
        if event.choice.id == "what":
            self._follow(event.choice.value)

    @on(Input.Changed)
    def _typed(self) -> None:
        self.refuse("")

    def action_run(self) -> None:
        what = self.query_one("#what", Choice).value
        stage = self.query_one("#stage", Choice).value if faulting.stages(self._spot, what) else None
        count = self.query_one("#count", Input).value if self.query_one("#row-count").display else ""
        detail = (
            self.query_one("#way", Choice).value if what in faulting.WAYS else self.query_one("#detail", Input).value
        )
        from_s = self._now_us / 1e6 if self.query_one("#since", Choice).value == "now" else None
        change = faulting.change(what, self._spot.name, stage, count, detail, from_s)
        if change is None:
            self.refuse(self._wrong(what, count))
        else:
            self.post_message(self.Wanted(change))

    def _wrong(self, what: str, count: str) -> str:
        """Which field can't be used, and what it wants."""
        if faulting.is_count(count) and self._texts.has(f"ui.fault.wrong.{what}"):
            return self._texts(f"ui.fault.wrong.{what}")
        field = f"detail.{what}" if faulting.is_count(count) else "count"
        return self._texts("ui.fault.wrong", field=self._texts(f"ui.fault.{field}"))

    def _follow(self, what: str) -> None:
        """Only the fields that this fault has, and what each holds at first."""
        stages = faulting.stages(self._spot, what)
        self.query_one("#row-stage").display = len(stages) > 1
        self.query_one("#row-count").display = what != "record"
        if stages:
            self.query_one("#stage", Choice).offer(stages)
        ways = faulting.WAYS.get(what, ())
        self.query_one("#row-way").display = bool(ways)
        if ways:
            self.query_one("#way", Choice).offer(ways)
        self.query_one("#row-detail").display = what in faulting.DETAIL
        self._say_detail(what)
        self.query_one("#detail", Input).value = faulting.DETAIL.get(what, "")

    def _say_detail(self, what: str) -> None:
        """What the field wants is named after the fault."""
        said = self._texts(f"ui.fault.detail.{what}") if what in {**faulting.DETAIL, **faulting.WAYS} else ""
        self.query_one("#label-detail", Label).update(said)
        self.query_one("#label-way", Label).update(said)
        example = self._texts("ui.fault.record.example") if what == "record" else ""
        self.query_one("#detail", Input).placeholder = example

    def _since(self, value: str) -> str:
        return self._texts(f"ui.fault.since.{value}", time=self._texts.duration(self._now_us / 1e6))
