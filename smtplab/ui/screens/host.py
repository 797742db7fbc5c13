"""One host of a world at one moment: what it knew, what it did, what lies in its mailboxes, with whom it talked."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import ClassVar, Final, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.style import Style
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from smtplab.journal import Record
from smtplab.lab.bad_input import BadInput
from smtplab.lab.mailboxes import Mailboxes, stored_in
from smtplab.lab.worlds import Source
from smtplab.ui import ends, knowing, stored, taking
from smtplab.ui.log import Log, short
from smtplab.ui.reading import elapsed
from smtplab.ui.screens.lines import COPYING, SEARCHING
from smtplab.ui.screens.moments import DELIVERIES_AND_HOURS, ENDS, EXPLAINING, PLAYING, TICKS_PER_S, MomentScreen
from smtplab.ui.sheets import sheets
from smtplab.ui.shown_log import ShownLog
from smtplab.ui.widgets.inspector import Inspector
from smtplab.ui.widgets.key_bar import KeyBar
from smtplab.ui.widgets.pane import Pane
from smtplab.ui.widgets.picks import Picks
from smtplab.ui.widgets.search_bar import SearchBar
from smtplab.ui.widgets.timeline import Timeline
from smtplab.ui.widgets.title_bar import TitleBar
from smtplab.ui.widgets.transcript import LogLines, Transcript
from smtplab.ui.widgets.two_columns import Both, TwoColumns
from smtplab.ui.work import Work
from smtplab.ui.world import WorldRun
from smtplab.view.knowledge import Knowledge, StoredMessage, Talk
from smtplab.view.safe import safe
from smtplab.view.texts import Texts

Tab = Literal["knows", "log", "mailboxes", "sessions"]

TABS: Final[tuple[Tab, ...]] = ("knows", "log", "mailboxes", "sessions")

_HOST_CELLS_MIN: Final = 12


class List(Picks):
    """Beside it stands what the line at hand is about."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "app.focus_next", "ui.key.next-pane", key_display="⇥")]


class Ends(TwoColumns):
    """Both ends of one session."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.to_line", "ui.key.to-moment", key_display="⏎"),
        Binding("i", "screen.explain", "ui.key.inspector"),
    ]


class HostScreen(MomentScreen):
    """Stands at the world's moment and moves it, so that a queue can be watched through the days."""

    HELP: ClassVar = "ui.help.host"
    CSS_PATH: ClassVar = sheets(
        "screens/host",
        "widgets/pane",
        "widgets/timeline",
        "widgets/transcript",
        "widgets/two_columns",
        "widgets/title_bar",
        "widgets/search_bar",
        "widgets/key_bar",
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(number), f"tab('{name}')", "ui.key.tab", key_display="1–4", show=number == 1)
            for number, name in enumerate(TABS, 1)
        ),
        Binding("space", "step(1, 'event')", "ui.key.step"),
        Binding("left", "step(-1, 'event')", "ui.key.time", key_display="←→"),
        Binding("right", "step(1, 'event')", "ui.key.time", show=False),
        *DELIVERIES_AND_HOURS,
        *PLAYING,
        *ENDS,
        Binding("x", "fault", "ui.key.fault"),
        Binding("z", "scale", "ui.key.scale", show=False),
        Binding("s", "save", "ui.key.save", show=False),
        *EXPLAINING,
        *SEARCHING,
        *COPYING,
    ]

    def __init__(self, texts: Texts, run: WorldRun, host: str, source: Source, captures: Path) -> None:
        """The source is played once more for its mailboxes; `s` saves in `captures`."""
        roles = next((spot.roles for spot in run.plan.spots if spot.name == host), ())
        self._answers_names = roles == ("resolver",)
        self._log = Log(texts, of_one_host=not self._answers_names)
        count = run.nodes.asked if self._answers_names else run.nodes.count
        shown = ShownLog(self._log, lambda: count(host, run.at))
        super().__init__(texts, run, source, shown, captures)
        self._host = host
        self._rewritten = False
        """The source's file holds another world by now."""
        self._tab: Tab = "knows"
        self._records: list[Record] = []
        self._stored: Mailboxes | None = None
        self._work = Work(self)
        self._messages: list[StoredMessage] = []
        self._listed: tuple[list[StoredMessage], bool, bool] | None = None
        self._talks: list[Talk] = []
        self._rows: list[ends.Row] = []

    def compose(self) -> ComposeResult:
        yield TitleBar()
        yield Timeline(self._run.moments, self._texts)
        yield Static(id="tabs")
        yield Pane(id="knows")
        with Horizontal(id="log"):
            yield LogLines(self._log.draw)
            yield Inspector(id="inspector")
        with Horizontal(id="mailboxes"):
            yield List(id="messages")
            yield Pane(id="stored")
        with Horizontal(id="sessions"):
            yield List(id="talks")
            with Vertical():
                yield Ends(self._draw_ends, id="ends")
                yield Static(id="row")
        yield SearchBar(self._texts)
        yield KeyBar(self._texts)

    def on_mount(self) -> None:
        self.query_one(Transcript).with_marks = True
        self.query_one("#tabs").auto_links = False
        self._work.begin(self._collect())
        self._take_in()
        self.action_tab("knows")
        self.set_interval(1 / TICKS_PER_S, self._tick)

    async def on_unmount(self) -> None:
        await self._work.end()

    def on_resize(self) -> None:
        self.set_class(self.size.width < 120, "-narrow")
        self._share_room()
        self._say_tabs()
        if self._tab == "mailboxes":
            self._show()

    def _share_room(self) -> None:
        self.query_one(Inspector).display = self._explains

    def action_explain(self) -> None:
        """A line of the log; of a session the line at hand, or what this host told before it."""
        if self._tab != "log":
            self._explains = False
            row = self._row if self._tab == "sessions" else None
            self.action_tab("log")
            if row is not None and (told := self._run.nodes.count(self._host, row.record + 1)):
                self._shown.selected = self._log.rows.count(told) - 1
                self.query_one(Transcript).select(self._shown.selected)
        super().action_explain()

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self._log.speak(texts)
        self.query_one(Transcript).redraw()
        for widget in (self.query_one(SearchBar), self.query_one(KeyBar), self.query_one(Timeline)):
            widget.speak(texts)
        self._show()

    async def _collect(self) -> None:
        """The bytes of the mailboxes, which the records do not hold."""
        self._rewritten = not self._source.is_as_read()
        if self._rewritten:
            return
        try:
            self._stored = await stored_in(self._source.name)
        except BadInput as bad:
            self.notify(self._texts(bad.text, **bad.arguments), severity="error", markup=False)

    # The moment

    def _moment_now(self) -> Hashable:
        """What was collected is shown by the tick: the screen may have been left while the world played for it."""
        return (super()._moment_now(), self._stored is None, self._rewritten)

    def _tick(self) -> None:
        """The world's screen lets time pass."""
        self._take_in()
        if self.app.screen is self or self.app.screen.is_modal:
            self._keep_up()
        self._look_on()

    def _take_in(self) -> None:
        """What the host has told since."""
        nodes = self._run.nodes
        told = nodes.asked_of if self._answers_names else nodes.told_by
        fresh = told(self._host, len(self._records))
        self._records += fresh
        self._log.extend(fresh)

    def _more_to_come(self) -> bool:
        return not self._run.whole

    # Tabs

    def action_tab(self, tab: Tab) -> None:
        self._tab = tab
        shown = {"knows": "#knows", "log": "#log", "mailboxes": "#mailboxes", "sessions": "#sessions"}
        for name, selector in shown.items():
            self.query_one(selector).display = name == tab
        focused = {"knows": "#knows", "log": "Transcript", "mailboxes": "#messages", "sessions": "#talks"}
        self.query_one(focused[tab]).focus()
        self._show()

    def _say_tabs(self) -> None:
        parts: list[Content] = []
        for number, tab in enumerate(TABS, 1):
            style = "bold $primary on $chosen" if tab == self._tab else "$quiet"
            said = Content.styled(f" {number} {self._texts(f'ui.host.tab.{tab}')} ", style)
            parts += [said.stylize(Style.from_meta({"@click": f"screen.tab({tab!r})"})), Content(" ")]
        # A long name gives way to the tabs: it stands whole in the title, and above what the host knew.
        room = max(self.size.width - sum(part.cell_length for part in parts) - 4, _HOST_CELLS_MIN)
        host = self._host if len(self._host) <= room else short(self._host, room)
        parts = [Content.styled(f" {safe(host)} ", "bold $accent"), Content("  "), *parts]
        self.query_one("#tabs", Static).update(Content.assemble(*parts))

    def _line_at_hand(self) -> Record | None:
        if self._tab != "sessions":
            return super()._line_at_hand()
        return None if self._row is None else self._run.known[self._row.record]

    def action_fault(self) -> None:
        """At this host."""
        self._want_fault(self._host)

    # What a person looks for, and takes out of the log

    def action_search(self) -> None:
        self.action_tab("log")
        super().action_search()

    def action_copy_line(self) -> None:
        match self._tab:
            case "log":
                super().action_copy_line()
            case "sessions":
                taking.copy(self, self.query_one(TwoColumns).text()[1], self._texts)
            case "knows" | "mailboxes":
                self.action_copy_all()

    def action_copy_all(self) -> None:
        match self._tab:
            case "log":
                super().action_copy_all()
            case "sessions":
                taking.copy(self, self.query_one(TwoColumns).text()[0], self._texts)
            case "knows" | "mailboxes":
                pane = self.query_one("#knows" if self._tab == "knows" else "#stored", Pane)
                taking.copy(self, pane.text.split("\n"), self._texts)

    def _kept(self) -> tuple[Sequence[Record], str]:
        return self._run.known, f"{self._source.title}-{self._host}"

    # What is seen

    def _subject(self) -> str:
        return f"{self._source.title}: {self._host}"

    def _show_all(self) -> None:
        """The tab at hand."""
        self._take_in()
        run, known = self._run, self._run.nodes.knowledge(self._host, self._run.at)
        self._show_timeline()
        self._say_tabs()
        match self._tab:
            case "knows":
                said = knowing.picture(known, run.now_us, self._texts)
                if self._answers_names:
                    said = Content.styled(self._texts("ui.host.resolver"), "$quiet")
                self.query_one("#knows", Pane).say(self._knew(self._host), said)
            case "log":
                self._shown.follow()
                self.query_one(Transcript).show(self._shown.count, self._shown.selected)
                self._show_moment()
            case "mailboxes":
                self._show_mailboxes(known)
            case "sessions":
                self._show_sessions(known)

    def _show_mailboxes(self, known: Knowledge) -> None:
        messages = [one for held in known.mailboxes.values() for one in held]
        listed = (messages, self._stored is not None, self.has_class("-narrow"))
        if listed != self._listed:
            self._messages, self._listed = messages, listed
            on_one_line = self.has_class("-narrow")
            lines = [stored.line(one, self._bytes_of(one), on_one_line=on_one_line) for one in messages]
            _fill(self.query_one("#messages", OptionList), lines)
        self._show_message()

    @on(OptionList.OptionHighlighted, "#messages")
    def _choose_message(self) -> None:
        self._show_message()

    def _show_message(self) -> None:
        pane = self.query_one("#stored", Pane)
        chosen = self.query_one("#messages", OptionList).highlighted
        if not self._messages or chosen is None:
            pane.say(self._texts("ui.host.stored"), Content.styled(self._texts("ui.host.mailbox.empty"), "$quiet"))
            return
        one = self._messages[min(chosen, len(self._messages) - 1)]
        pane.say(self._texts("ui.host.stored"), self._stored_bytes(one))

    def _stored_bytes(self, one: StoredMessage) -> Content:
        if self._stored is None:
            said = "ui.world.rewritten" if self._rewritten else "ui.host.mailbox.waits"
            return Content.styled(self._texts(said), "$quiet")
        raw = self._bytes_of(one)
        if raw is None:
            return Content.styled(self._texts("ui.host.mailbox.gone"), "$quiet")
        return stored.picture(raw, self._texts)

    def _bytes_of(self, one: StoredMessage) -> bytes | None:
        """None where they are not known, or no more."""
        messages = () if self._stored is None else self._stored.get(one.mailbox, ())
        return messages[one.number] if one.number < len(messages) else None

    def _show_sessions(self, known: Knowledge) -> None:
        talks = list(known.talks.values())[::-1]
        if talks != self._talks or not self.query_one("#talks", OptionList).option_count:
            fresh = len(talks) - len(self._talks) if self._talks else 0
            self._talks = talks
            _fill(self.query_one("#talks", OptionList), [self._talk_line(talk) for talk in talks], fresh)
        self._show_ends()

    def _talk_line(self, talk: Talk) -> Content:
        arrow, style = ("→", "$client") if talk.side == "client" else ("←", "$server")
        name = short(ends.name_of(self._run.plan, talk.peer))
        return Content.assemble(
            (f"{elapsed(talk.began_us / 1e6):>9} ", "$quiet"),
            (f"{arrow} ", style),
            (name, "bold $error" if talk.failed else "bold" if talk.open else ""),
        )

    @on(OptionList.OptionHighlighted, "#talks")
    def _choose_talk(self) -> None:
        self._show_ends()

    def _show_ends(self) -> None:
        chosen = self.query_one("#talks", OptionList).highlighted
        columns = self.query_one(TwoColumns)
        if not self._talks or chosen is None:
            self._rows = []
            none = "ui.host.sessions.resolver" if self._answers_names else "ui.host.sessions.none"
            columns.show(0, (self._texts(none), ""))
            return
        talk = self._talks[min(chosen, len(self._talks) - 1)]
        peer = ends.name_of(self._run.plan, talk.peer)
        rows = ends.rows(self._run, self._host, talk)
        heads = (self._host, peer) if talk.side == "client" else (peer, self._host)
        if rows != self._rows:
            self._rows = rows
            columns.show(len(rows), (safe(heads[0]), safe(heads[1])), len(rows) - 1)
        columns.refresh()
        self._say_row()

    def _draw_ends(self, row: int) -> Both:
        return ends.draw(self._run, self._rows[row], self._texts)

    @on(TwoColumns.Selected)
    def _say_row(self) -> None:
        """The line at hand whole: the halves above may be cut off."""
        said = ""
        if self._row is not None:
            both = ends.draw(self._run, self._row, self._texts)
            said = next(half.text for half in (both.left, both.right) if half is not None)
        self.query_one("#row", Static).update(Content(said))

    @property
    def _row(self) -> ends.Row | None:
        """The line at hand of the session at hand."""
        row = self.query_one(TwoColumns).selected
        return self._rows[row] if row < len(self._rows) else None


def _fill(options: OptionList, lines: list[Content], fresh: int = 0) -> None:
    """The line at hand stays so where `fresh` lines have come on top; the first stays the first."""
    chosen = options.highlighted or 0
    options.clear_options()
    options.add_options([Option(line) for line in lines])
    options.highlighted = min(max(chosen + fresh, 0) if chosen else 0, len(lines) - 1) if lines else None
