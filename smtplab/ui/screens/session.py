"""SMTP by hand: a prompt, the dialogue above it, and beside it where the dialogue stands and what was answered."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Literal

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.message import Message
from textual.worker import Worker, WorkerState

from smtplab.journal import Record
from smtplab.lab.conversation import QUIT, Conversation
from smtplab.lab.orders import STARTTLS, Here, Login, Trouble, read_order
from smtplab.lab.script import Step
from smtplab.lab.snippets import snippet
from smtplab.lab.typist import Typist
from smtplab.ui.screens.lines import COPYING, SEARCHING, LinesScreen
from smtplab.ui.screens.login import Filled, LoginScreen
from smtplab.ui.screens.snippets import SnippetsScreen
from smtplab.ui.sheets import sheets
from smtplab.ui.spoken import Spoken
from smtplab.ui.widgets.inspector import Inspector
from smtplab.ui.widgets.key_bar import KeyBar
from smtplab.ui.widgets.search_bar import SearchBar
from smtplab.ui.widgets.session_prompt import SessionEntry, SessionPrompt
from smtplab.ui.widgets.state import StatePane
from smtplab.ui.widgets.title_bar import TitleBar
from smtplab.ui.widgets.transcript import Transcript
from smtplab.ui.work import Work, tell_problem
from smtplab.view.byhand import explained
from smtplab.view.texts import Texts

TICKS_PER_S: Final = 30
"""Smooth to the eye; more would only cost."""

Side = Literal["inspector", "state", "none"]

_SIDES: Final[tuple[Side, ...]] = ("inspector", "state", "none")


class SessionScreen(LinesScreen):
    """Runs the conversation, and drops it when the person leaves."""

    HELP: ClassVar = "ui.help.session"
    CSS_PATH: ClassVar = sheets(
        "screens/session",
        "widgets/pane",
        "widgets/transcript",
        "widgets/title_bar",
        "widgets/search_bar",
        "widgets/session_prompt",
        "widgets/key_bar",
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+t", "starttls", "ui.key.starttls"),
        Binding("ctrl+l", "login", "ui.key.login"),
        Binding("ctrl+o", "snippets", "ui.key.snippets"),
        Binding("ctrl+r", "replay", "ui.key.replay"),
        Binding("ctrl+g", "side", "ui.key.side"),
        Binding("ctrl+s,s", "save", "ui.key.save"),
        Binding("e", "edit", "ui.key.edit-again"),
        Binding("r", "say_again", "ui.key.say-again"),
        Binding("escape", "prompt", "ui.key.to-prompt", key_display="esc"),
        *SEARCHING,
        Binding("f", "failure", "ui.key.failure", show=False),
        *COPYING,
    ]

    @dataclass
    class ReplayWanted(Message):
        """The person wants the same said to another server."""

        conversation: Conversation
        host: str
        """Empty where they want to be asked."""

    def __init__(self, texts: Texts, conversation: Conversation, captures: Path) -> None:
        self._spoken = Spoken(conversation, texts)
        super().__init__(texts, self._spoken, captures)
        self._conversation = conversation
        self._typist = Typist(conversation)
        self._side: Side = "inspector"
        self._content_octets = 0
        self._work = Work(self)

    def compose(self) -> ComposeResult:
        yield TitleBar()
        with Container(id="session"):
            yield Transcript(self._spoken.draw)
            with Vertical(id="side"):
                yield StatePane(id="state")
                yield Inspector(id="inspector", explains=explained)
        yield SearchBar(self._texts)
        yield SessionPrompt(self._texts, self._typist.completed, lambda line: self._typist.mark(line, self._texts))
        yield KeyBar(self._texts)

    def on_mount(self) -> None:
        self.query_one(Transcript).with_marks = True
        self._work.begin(self._conversation.run())
        self.set_interval(1 / TICKS_PER_S, self._tick)
        self.query_one(SessionEntry).focus()
        self._show()

    async def on_unmount(self) -> None:
        await self._work.end()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= 120, "-wide")
        self._show_side()

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self._spoken.speak(texts)
        for widget in (self.query_one(SearchBar), self.query_one(SessionPrompt), self.query_one(KeyBar)):
            widget.speak(texts)
        self.query_one(Transcript).redraw()
        self._finder.speak()
        self._show()

    @on(Worker.StateChanged)
    def _ended(self, changed: Worker.StateChanged) -> None:
        ended = self._conversation.ended
        if changed.state is not WorkerState.SUCCESS or ended is None:
            return
        self._take_in()
        tell_problem(self, ended, self._texts)
        self.query_one(Transcript).focus()

    # Saying

    @on(SessionPrompt.Typed)
    def _typed(self, typed: SessionPrompt.Typed) -> None:
        if self._conversation.over or self._conversation.ended is not None:
            self.notify(self._texts("session.over"), severity="warning")
            return
        self._typist.note(typed.line)
        order = read_order(typed.line, self._typist.state, dots=self._typist.dots)
        match order:
            case Trouble(text, detail):
                self.notify(self._texts(text, detail=detail), severity="error", markup=False)
                self.query_one(SessionPrompt).write(typed.line)
            case Login("", ""):
                self.action_login()
            case Login(mechanism, user) if user in self._conversation.passwords:
                self._say([Step(0, "auth", name=mechanism, user=user)])
            case Login(mechanism, user):
                self.app.push_screen(LoginScreen(self._texts, (mechanism,), user), self._log_in)
            case Here(word, argument):
                self._do_here(word, argument)
            case _:
                self._say(order)

    def _say(self, steps: Sequence[Step]) -> None:
        self._spoken.follow()
        self._conversation.ask(*steps)

    def _do_here(self, word: str, argument: str) -> None:
        match word:
            case "quit":
                self.action_farewell()
            case "save":
                self.action_save()
            case "replay":
                self.post_message(self.ReplayWanted(self._conversation, argument))
            case "snippet" if (found := snippet(argument)) is not None:
                self._say(found.steps(*self._typist.letter))
            case "snippet":
                self.action_snippets()
            case "dots":
                self._typist.dots = argument.lower() != "off" if argument else not self._typist.dots
                self.notify(self._texts(f"session.dots.{'on' if self._typist.dots else 'off'}"))
            case _:
                self.app.call_later(self.run_action, "app.help")

    def _log_in(self, login: Filled | None) -> None:
        """The whole exchange of AUTH; the password is kept for saying it again elsewhere, and shown nowhere."""
        if login is None:
            return
        # A password left empty is the one that was given before.
        if login.password.reveal() or login.user not in self._conversation.passwords:
            self._conversation.passwords[login.user] = login.password
        self._say([Step(0, "auth", name=login.mechanism, user=login.user)])

    def action_starttls(self) -> None:
        """The command, and after its 220 the handshake; where the 220 is there already, the handshake."""
        self._say([Step(0, "tls")] if self._typist.state == "tls" else STARTTLS)

    def action_login(self) -> None:
        standing = self._conversation.standing
        announced = standing.extensions.auth_mechanisms if standing is not None else ()
        best = self._conversation.mechanism
        user = self._conversation.user or next(iter(self._conversation.passwords), "")
        self.app.push_screen(LoginScreen(self._texts, (best, *announced), user), self._log_in)

    def action_snippets(self) -> None:
        self.app.push_screen(SnippetsScreen(self._texts, self._typist.letter), self._say_passage)

    def _say_passage(self, steps: Sequence[Step] | None) -> None:
        if steps is not None:
            self._say(steps)

    def action_replay(self) -> None:
        self.post_message(self.ReplayWanted(self._conversation, ""))

    @on(SessionEntry.Left)
    def action_farewell(self) -> None:
        """QUIT where a command may be said, else the connection's end; the transcript stays."""
        self._spoken.follow()
        if self._typist.state in ("data", "auth", "tls", "connected"):
            self._conversation.ask(Step(0, "drop"))
        else:
            self._conversation.ask(QUIT)

    @on(SessionEntry.Turned)
    def _turn(self, turned: SessionEntry.Turned) -> None:
        prompt = self.query_one(SessionPrompt)
        prompt.write(self._typist.turn(turned.by, prompt.line))

    # The selected line

    @on(SessionEntry.TranscriptWanted)
    def _go_up(self) -> None:
        self.query_one(Transcript).focus()

    async def action_prompt(self) -> None:
        """Back to the prompt; where nothing more can be said, back to where the person came from."""
        if self._conversation.over or self._conversation.ended is not None:
            await self.run_action("app.back")
        else:
            self.query_one(SessionEntry).focus()

    def action_edit(self) -> None:
        """A line that was said, at the prompt once more."""
        if (line := self._spoken.said) is not None:
            self.query_one(SessionPrompt).write(line)
        else:
            self.query_one(SessionEntry).focus()

    def action_say_again(self) -> None:
        if (line := self._spoken.said) is not None:
            self.post_message(SessionPrompt.Typed(line))

    def action_failure(self) -> None:
        if not self._spoken.to_failure():
            self.notify(self._texts("ui.note.no-failure"))
        self._show_selected()

    def _kept(self) -> tuple[Sequence[Record], str]:
        return self._conversation.records, self._conversation.subject

    # What is seen

    def action_side(self) -> None:
        self._side = _SIDES[(_SIDES.index(self._side) + 1) % len(_SIDES)]
        self._show_side()

    def _show_side(self) -> None:
        """Both panes beside a wide transcript; one of them below a narrow one."""
        wide, side = self.has_class("-wide"), self._side
        self.query_one("#side").display = side != "none"
        self.query_one("#state").display = wide or side == "state"
        self.query_one("#inspector").display = wide or side == "inspector"
        self._show_moment()

    def _tick(self) -> None:
        octets, self._content_octets = self._content_octets, self._conversation.content_octets
        if self._take_in() or octets != self._content_octets:
            self._show()
        self._look_on()

    def _take_in(self) -> bool:
        fresh = self._spoken.read_on(time.monotonic())
        if fresh and self._spoken.following:
            self._spoken.follow()
        return fresh

    def _show(self) -> None:
        """Everything, after something was said or heard."""
        transcript = self.query_one(Transcript)
        transcript.show(self._spoken.count, self._spoken.selected)
        if self._spoken.following:
            transcript.scroll_end(animate=False, force=True)
        self.query_one(SessionPrompt).show(self._arrow())
        self._show_moment()
        self.query_one(TitleBar).show(self._spoken.standing(self._texts))

    def _show_selected(self) -> None:
        self.query_one(Transcript).select(self._spoken.selected)
        self._show_moment()

    def _show_moment(self) -> None:
        journey, record = self._spoken.moment()
        if (inspector := self.query_one(Inspector)).display:
            inspector.show(record, journey, self._texts)
        if (state := self.query_one(StatePane)).display:
            state.show(self._spoken.session, self._texts)

    def _arrow(self) -> str:
        if self._typist.state == "data":
            return "✎"
        return "~>" if self._conversation.secure else "->"
