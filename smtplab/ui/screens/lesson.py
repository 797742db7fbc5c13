"""A lesson: the text on one side, what its step needs on the other, and goals that tick off as they are reached."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Literal

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input, Label

from smtplab.journal import Record
from smtplab.lab.worlds import plan_of_world
from smtplab.lesson.lesson import Action, Choice, Question, Task
from smtplab.lesson.library import LessonError, Opened, read_solution
from smtplab.lesson.player import Player
from smtplab.lesson.progress import load_progress, save_progress
from smtplab.lesson.prose import Section
from smtplab.lesson.running import Runner, Unplayable
from smtplab.lesson.sitting import Sitting
from smtplab.ui.lesson_page import page_of
from smtplab.ui.lesson_stage import stage_of
from smtplab.ui.sheets import sheets
from smtplab.ui.widgets.choices import Choices
from smtplab.ui.widgets.key_bar import KeyBar
from smtplab.ui.widgets.lesson_bar import LessonBar
from smtplab.ui.widgets.line_input import LineInput
from smtplab.ui.widgets.page import Page
from smtplab.ui.widgets.recording import Recording
from smtplab.ui.widgets.speaking import Speaking
from smtplab.ui.widgets.stage import Stage
from smtplab.ui.widgets.watching import Watching
from smtplab.view.texts import Texts

TICKS_PER_S: Final = 30
"""Smooth to the eye; more would only cost."""
BESIDE_CELLS_MIN: Final = 120
"""Narrower, and the two sides are two tabs."""

_FRAME_ROWS: Final = 2

Side = Literal["text", "stage"]


class LessonScreen(Screen[None]):
    """Drives one `lesson.sitting.Sitting`, and has the world played by one `lesson.running.Runner`."""

    HELP: ClassVar = "ui.help.lesson"
    CSS_PATH: ClassVar = sheets(
        "screens/lesson",
        "widgets/page",
        "widgets/recording",
        "widgets/lesson_bar",
        "widgets/map",
        "widgets/pane",
        "widgets/key_bar",
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f4", "hint", "ui.key.hint", priority=True),
        Binding("f5", "show_me", "ui.key.show-me", priority=True),
        Binding("f6", "other_side", "ui.key.other-side", priority=True),
        Binding("f7", "step(-1)", "ui.key.step-back", priority=True),
        Binding("f8", "step(1)", "ui.key.step-on", priority=True),
    ]

    @dataclass
    class RunOpened(Message):
        """The person wants to see all of a recording."""

        records: Sequence[Record]
        subject: str

    @dataclass
    class Finished(Message):
        """The last page was turned."""

    def __init__(self, texts: Texts, opened: Opened, home: Path, runner: Runner | None = None) -> None:
        """`runner` stands in for one with a process of its own; the screen closes it."""
        super().__init__()
        self._texts = texts
        self._opened = opened
        self._home = home
        self.sitting = Sitting(opened, Player(opened.lesson, load_progress(home, opened.lesson.id)))
        self.runner = runner or Runner(opened.folder, opened.world.seed)
        self._plan = plan_of_world(opened.world)
        self._side: Side = "text"
        self._looked = False
        """The person has seen the step's other side."""
        self._stage_for: object = None
        self._current: Stage | None = None
        """What stands beside the text, once it stands whole."""
        self._left = False

    def compose(self) -> ComposeResult:
        yield LessonBar()
        with Horizontal(id="lesson"):
            with Vertical(id="told"):
                yield Page(id="page")
                yield Vertical(id="answer")
            yield Vertical(id="stage")
        yield KeyBar(self._texts)

    async def on_mount(self) -> None:
        self.run_worker(self.runner.start(), exit_on_error=False)
        self.set_interval(1 / TICKS_PER_S, self._tick)
        await self._arrive()

    async def on_unmount(self) -> None:
        self._left = True
        await self.runner.close()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width < BESIDE_CELLS_MIN, "-tabs")
        self.set_class(event.size.height < 32, "-low")
        self._turn_to(self._side)
        self.call_after_refresh(self._fit)

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self.query_one(KeyBar).speak(texts)
        if self._current is not None:
            self._current.speak(texts)
        for choices in self.query(Choices):
            choices.speak(self._section.choices)
        for label in self.query("#asks").results(Label):
            label.update(texts("ui.lesson.answer"))
        self._say(stay=True)

    @property
    def _section(self) -> Section:
        return self._opened.prose[self._texts.language].sections[self.sitting.step.id]

    @property
    def stage(self) -> Stage:
        return self.query_one(Stage)

    # The way through the lesson

    async def action_step(self, by: int) -> None:
        """On, whatever is not done yet, or back."""
        moved = self.sitting.forward() if by > 0 else self.sitting.back()
        if moved:
            await self._arrive()
        elif by > 0 and self.sitting.player.is_last:
            self.post_message(self.Finished())

    @on(Page.Turned)
    async def _turn_page(self) -> None:
        if self._side == "text" and self.has_class("-tabs") and self._has_more_to_see():
            self._turn_to("stage")
        elif self.sitting.player.is_done:
            await self.action_step(1)
        else:
            self._turn_to_work()

    def _has_more_to_see(self) -> bool:
        """The step's own recording stands on the other tab, where nobody has looked yet."""
        found = self.sitting.recording
        return found is not None and found[0] == self.sitting.step.id and not self._looked

    async def _arrive(self) -> None:
        """At another step, or at the first."""
        self._side = "text"
        self._looked = False
        await self._set_stage()
        await self._ask()
        self._say()
        self.query_one(Page).scroll_home(animate=False)
        self._turn_to("text")
        self._keep()

    async def _set_stage(self) -> None:
        """What is to be seen or done beside the text; a recording stays for as long as it is the last shown."""
        wanted, stage = stage_of(self.sitting, self._plan, self._texts)
        if wanted == self._stage_for:
            return
        self._stage_for, self._current = wanted, None
        frame = self.query_one("#stage", Vertical)
        await frame.remove_children()
        await frame.mount(stage)
        self._current = stage
        shown = self.sitting.shown
        if isinstance(stage, Watching) and shown is not None:
            self._run(shown.run, keep=True)

    async def _ask(self) -> None:
        """The place for an answer, where there is a question that is not answered yet."""
        frame, step = self.query_one("#answer", Vertical), self.sitting.step
        await frame.remove_children()
        if not isinstance(step, Question) or self.sitting.player.is_done:
            return
        if isinstance(step, Choice):
            await frame.mount(Choices(self._section.choices))
        else:
            await frame.mount(
                Horizontal(Label(self._texts("ui.lesson.answer"), id="asks"), LineInput(id="said", compact=True))
            )

    def _turn_to_work(self) -> None:
        """From the text to where the answer is given or the task is done."""
        if isinstance(self.sitting.step, Task):
            self._turn_to("stage")
        else:
            self._turn_to("text")

    # Sides

    def action_other_side(self) -> None:
        self._turn_to("text" if self._side == "stage" else "stage")

    def _turn_to(self, side: Side) -> None:
        self._side = side
        self._looked = self._looked or side == "stage"
        tabs = self.has_class("-tabs")
        self.query_one("#told").display = not tabs or side == "text"
        self.query_one("#stage").display = not tabs or side == "stage"
        self._say_bar()
        if self._current is None:
            return
        if side == "stage":
            self._current.arrive()
        else:
            asked = [*self.query("#answer Choices"), *self.query("#answer LineInput")]
            (asked[0] if asked else self.query_one(Page)).focus()

    # Questions

    @on(Choices.Taken)
    async def _choose(self, taken: Choices.Taken) -> None:
        await self._answer(taken.letter)

    @on(Input.Submitted, "#said")
    async def _submit(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip():
            await self._answer(event.value)

    async def _answer(self, said: str) -> None:
        judgement = self.sitting.answer(said)
        if judgement is not None and judgement.right:
            await self._answered()
        self._say()
        self._keep()

    async def _answered(self) -> None:
        """The recording of a prediction may be seen now."""
        await self._ask()
        await self._set_stage()
        self.query_one(Page).focus()

    def action_hint(self) -> None:
        self.sitting.hint(self._section.hints)
        self._turn_to_text_if_tabs()
        self._say()

    async def action_show_me(self) -> None:
        """The model solution, one step a key."""
        if isinstance(self.sitting.step, Task):
            self._demonstrate(self.sitting.step)
            return
        if self.sitting.give_away() is not None:
            await self._set_stage()
            self._say()

    # Tasks

    def _demonstrate(self, task: Task) -> None:
        try:
            action = read_solution(self._opened.folder / "solution.toml").actions[task.id]
        except (LessonError, KeyError) as trouble:
            self.notify(str(trouble), severity="warning", markup=False)
            return
        self._turn_to("stage")
        self.stage.demonstrate(action)

    @on(Stage.ActionWanted)
    def _act(self, wanted: Stage.ActionWanted) -> None:
        self.sitting.begin_attempt(demonstrating=wanted.model)
        self._say(stay=True)
        self._run(wanted.action)

    def _run(self, action: Action, *, keep: bool = False) -> None:
        kept = self.runner.kept(action)
        if kept is not None:
            self.call_after_refresh(self._take, kept, self.stage)
        else:
            self.run_worker(self._play(action, self.stage, keep=keep), exit_on_error=True)

    async def _play(self, action: Action, stage: Stage, *, keep: bool) -> None:
        try:
            records = await self.runner.run(action, keep=keep)
        except Unplayable as trouble:
            # Where the person has gone on, or left, nobody asks any more.
            if stage is self._current and not self._left:
                self.sitting.cannot(str(trouble))
                stage.refuse()
                self._turn_to_text_if_tabs()
                self._say()
            return
        self._take(records, stage)

    def _take(self, records: Sequence[Record], stage: Stage) -> None:
        if self._left or stage is not self._current:
            return
        stage.take(records)
        if isinstance(stage, Speaking):
            dialogue = stage.dialogue
            if dialogue.said:
                self._reach(self.sitting.read(dialogue.records))
                if dialogue.is_over:
                    self._end_attempt()

    @on(Stage.CameIntoView)
    def _read(self, shown: Stage.CameIntoView) -> None:
        self._reach(self.sitting.read(shown.records))

    @on(Stage.AtEnd)
    def _end_attempt(self) -> None:
        self.sitting.end_attempt()
        self._say()
        self._keep()
        self._tell_other_side("ui.lesson.not-yet", is_so=not self.sitting.player.is_done)

    @on(Recording.Taken)
    async def _take_line(self, taken: Recording.Taken) -> None:
        task = self.sitting.task
        if task is None or task.does != "find" or not isinstance(self.stage, Watching):
            await self._turn_page()
        elif taken.seq is not None:
            self._point(Stage.Pointed(self.stage.record(taken.seq)))

    @on(Stage.Pointed)
    def _point(self, pointed: Stage.Pointed) -> None:
        self.sitting.point_at(pointed.record, demonstrating=pointed.model)
        self._turn_to_text_if_tabs()
        self._say()
        self._keep()

    @on(Recording.WalkWanted)
    def _open_run(self) -> None:
        if isinstance(self.stage, Watching):
            title = self._opened.prose[self._texts.language].title
            self.post_message(self.RunOpened(self.stage.records, title))

    def _reach(self, solved: bool) -> None:
        """Goals may have been reached; all of them where it is solved."""
        self._say()
        if solved:
            self._keep()
        self._tell_other_side("ui.lesson.solved", is_so=solved)

    def _tell_other_side(self, said: str, *, is_so: bool) -> None:
        """What the page says is not seen from the other tab."""
        if is_so and self.has_class("-tabs") and self._side == "stage" and not self.sitting.demonstrating:
            self.notify(self._texts(said), markup=False)

    # What is seen

    def _tick(self) -> None:
        if self._current is not None:
            self._current.tick(time.monotonic())

    def _say(self, *, stay: bool = False) -> None:
        page = self.query_one(Page)
        page.say(page_of(self.sitting, self._texts))
        self._fit()
        if self.sitting.notes and not stay:
            self.call_after_refresh(page.scroll_end, animate=False)
        self._say_bar()

    def _fit(self) -> None:
        """A question stands right below the text that asks it."""
        page, answer = self.query_one(Page), self.query_one("#answer")
        if not answer.children:
            page.styles.height = "1fr"
            return
        choices = [*answer.query(Choices)]
        below = (choices[0].option_count if choices else 1) + _FRAME_ROWS
        room = self.query_one("#told").size.height - below
        page.styles.height = max(min(page.rows + _FRAME_ROWS, room), _FRAME_ROWS + 1)

    def _say_bar(self) -> None:
        tabs: Side | None = self._side if self.has_class("-tabs") else None
        self.query_one(LessonBar).show(self.sitting, self._texts, tabs)

    def _turn_to_text_if_tabs(self) -> None:
        if self.has_class("-tabs"):
            self._turn_to("text")

    def _keep(self) -> None:
        try:
            save_progress(self._home, self._opened.lesson.id, self.sitting.player.progress)
        except OSError as trouble:
            why = self._texts("cli.cannot-write", file=str(self._home), reason=trouble.strerror or str(trouble))
            self.notify(why, severity="warning", markup=False)
