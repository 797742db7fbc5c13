"""The lesson's world on loopback: where its services are, commands that ask them, and what other programs did there."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Label, OptionList
from textual.widgets.option_list import Option

from smtplab.journal import Record
from smtplab.lesson.lesson import Shown
from smtplab.lesson.outside import Stood
from smtplab.lesson.shown import DIALOGUE, NEWS, shown_lines
from smtplab.ui.widgets.recording import Recording
from smtplab.ui.widgets.stage import Stage
from smtplab.view.safe import safe
from smtplab.view.texts import Texts

_SHOWN = Shown(pick=(*DIALOGUE, *NEWS))


class Programs(Stage):
    HELP = "ui.help.programs"

    def __init__(self, speed: float, texts: Texts) -> None:
        """`speed` is how much quicker than ours the world's time goes."""
        super().__init__()
        self._speed = speed
        self._texts = texts
        self._stood: Stood | None = None
        self._records: list[Record] = []

    def compose(self) -> ComposeResult:
        yield Label(id="stands")
        yield OptionList(id="commands")
        yield Recording(id="log")

    def on_mount(self) -> None:
        self.speak(self._texts)

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        said = "ui.lesson.stands" if self._stood is not None else "ui.lesson.standing-up"
        self.query_one("#stands", Label).update(Content(texts(said, speed=f"{self._speed:g}")))
        log = self.query_one("#log", Recording)
        log.border_title, log.nothing = texts("ui.lesson.log"), texts("ui.lesson.nothing.outside")
        log.show(list(shown_lines(self._records, _SHOWN, texts)), at_end=True)
        self.query_one("#commands", OptionList).border_title = texts("ui.lesson.commands")

    def stand(self, stood: Stood) -> None:
        """It stands from now on."""
        self._stood = stood
        options = self.query_one("#commands", OptionList)
        options.clear_options()
        options.add_options([Option(Content.styled(safe(line), "$server"), line) for line in stood.commands])
        width = max((len(place.node) for place in stood.opened), default=0)
        for place in stood.opened:
            where = f"{place.host}:{place.port}"
            row = Content.assemble(
                (f"{safe(place.node):<{width}}  ", "$quiet"), f"{place.protocol:<11} ", (where, "$client")
            )
            options.add_option(Option(row, where))
        options.highlighted = 0
        self.speak(self._texts)

    def add(self, records: Sequence[Record]) -> None:
        """They were made just now."""
        self._records += records
        lines = list(shown_lines(self._records, _SHOWN, self._texts))
        self.query_one("#log", Recording).show(lines, at_end=True)

    @property
    def entrance(self) -> Widget:
        return self.query_one("#commands", OptionList)

    @on(OptionList.OptionSelected)
    def _copy(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.app.copy_to_clipboard(event.option.id or "")
        self.notify(self._texts("ui.lesson.copied"), markup=False)
