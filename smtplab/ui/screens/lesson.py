"""A lesson: the text on one side, what its step needs on the other, and goals that tick off as they are reached."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen

from smtplab.journal import Record
from smtplab.lab.worlds import plan_of_world
from smtplab.lesson.lesson import Action, Question, Task
from smtplab.lesson.library import LessonError, Opened, model_solution
from smtplab.lesson.outside import Outside
from smtplab.lesson.player import Player
from smtplab.lesson.progress import load_progress, save_progress
from smtplab.lesson.prose import Section
from smtplab.lesson.running import Runner, Unplayable
from smtplab.lesson.sitting import Sitting
from smtplab.ui.lesson_page import page_of
from smtplab.ui.lesson_stage import stage_of
from smtplab.ui.outdoors import Outdoors
from smtplab.ui.sheets import sheets
from smtplab.ui.widgets.answer_box import AnswerBox
from smtplab.ui.widgets.key_bar import KeyBar
from smtplab.ui.widgets.lesson_bar import LessonBar
from smtplab.ui.widgets.lesson_sides import LessonSides, Side
from smtplab.ui.widgets.page import Page
from smtplab.ui.widgets.programs import Programs
from smtplab.ui.widgets.recording import Recording
from smtplab.ui.widgets.speaking import Speaking
from smtplab.ui.widgets.stage import Stage
from smtplab.ui.widgets.watching import Watching
from smtplab.view.texts import Texts

TICKS_PER_S: Final = 30
"""Smooth to the eye; more would only cost."""
BESIDE_CELLS_MIN: Final = 120
"""Narrower, and the two sides are two tabs."""
LOW_ROWS: Final = 32
"""With fewer the explanations give way."""
_PROGRAMS: Final = "programs:"
"""For what the stage stands while other programs have the world; no step is called so."""


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
        # Where nothing that has the focus takes it, as in the moment in which the sides change.
        Binding("enter", "turn", "ui.key.next-step", show=False),
        Binding("f9", "programs", "ui.key.programs", priority=True),
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
        self._outdoors = Outdoors(Outside(opened.folder), self.call_later, self._read_outside)
        self._left = False

    def compose(self) -> ComposeResult:
        yield LessonBar()
        yield LessonSides()
        yield KeyBar(self._texts)

    async def on_mount(self) -> None:
        self.run_worker(self.runner.start(), exit_on_error=False)
        self.set_interval(1 / TICKS_PER_S, self._tick)
        await self._arrive()

    async def on_unmount(self) -> None:
        self._left = True
        await self.runner.close()
        await self._outdoors.close()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that the step at hand has no use for are not shown."""
        del parameters
        match action:
            case "hint" | "show_me":
                return isinstance(self.sitting.step, Question | Task)
            case "programs":
                return isinstance(self.sitting.step, Task)
            case _:
                return True

    def on_resize(self, event: events.Resize) -> None:
        self._sides.tabs = event.size.width < BESIDE_CELLS_MIN
        self.set_class(event.size.height < LOW_ROWS, "-low")
        self._turn_to(self._sides.side)
        self.call_after_refresh(self._sides.fit)

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self.query_one(KeyBar).speak(texts)
        if self._sides.stage is not None:
            self._sides.stage.speak(texts)
        self._sides.answer.speak(self._section, texts)
        self._say(stay=True)

    @property
    def _section(self) -> Section:
        return self._opened.prose[self._texts.language].sections[self.sitting.step.id]

    @property
    def _sides(self) -> LessonSides:
        return self.query_one(LessonSides)

    @property
    def stage(self) -> Stage | None:
        return self._sides.stage

    # The way through the lesson

    async def action_step(self, by: int) -> None:
        """On, whatever is not done yet, or back."""
        if self.sitting.forward() if by > 0 else self.sitting.back():
            self.app.clear_notifications()  # They speak of the step that is left.
            await self._arrive()
        elif by > 0 and self.sitting.player.is_last:
            self.post_message(self.Finished())

    @on(Page.Turned)
    async def action_turn(self) -> None:
        sides = self._sides
        if sides.side == "text" and sides.tabs and self._has_more_to_see():
            self._turn_to("stage")
        elif self.sitting.player.is_done:
            await self.action_step(1)
        else:
            self._turn_to("stage" if isinstance(self.sitting.step, Task) else "text")

    def _has_more_to_see(self) -> bool:
        """The step's own recording stands on the other tab, where nobody has looked yet."""
        found = self.sitting.recording
        return found is not None and found[0] == self.sitting.step.id and not self._sides.looked

    async def _arrive(self) -> None:
        """At another step, or at the first."""
        await self._outdoors.close()
        await self._set_stage()
        if self.sitting.player.is_done:
            await self._sides.answer.clear()
        else:
            await self._sides.answer.ask(self.sitting.step, self._section, self._texts)
        self._say()
        self._sides.page.scroll_home(animate=False)
        self._sides.looked = False
        self._turn_to("text")
        self.refresh_bindings()
        self._keep()

    async def _set_stage(self) -> None:
        """What is to be seen or done beside the text; a recording stays for as long as it is the last shown."""
        stands_for, stage = stage_of(self.sitting, self._plan, self._texts)
        shown = self.sitting.shown
        if await self._sides.set_stage(stands_for, stage) and isinstance(stage, Watching) and shown is not None:
            self._run(shown.run, keep=True)

    def action_other_side(self) -> None:
        self._turn_to("text" if self._sides.side == "stage" else "stage")

    def _turn_to(self, side: Side) -> None:
        self._sides.turn_to(side)
        self._say_bar()

    # Questions

    @on(AnswerBox.Given)
    async def _answer(self, given: AnswerBox.Given) -> None:
        judgement = self.sitting.answer(given.said)
        if judgement is not None and judgement.right:
            # The recording of a prediction may be seen now.
            await self._sides.answer.clear()
            await self._set_stage()
            self._sides.page.focus()
        self._say()
        self._keep()

    def action_hint(self) -> None:
        self.sitting.hint(self._section.hints)
        self._turn_to_text_if_tabs()
        self._say()

    async def action_show_me(self) -> None:
        """The model solution, one step a key."""
        if isinstance(self.sitting.step, Task):
            self._demonstrate(self.sitting.step)
        elif self.sitting.give_away() is not None:
            await self._set_stage()
            self._say()

    # Tasks

    def _demonstrate(self, task: Task) -> None:
        try:
            action = model_solution(self._opened.folder, task.id)
        except LessonError as trouble:
            self.notify(self._texts.told(trouble.told), severity="warning", markup=False)
            return
        self._turn_to("stage")
        if self.stage is not None:
            self.stage.demonstrate(action)

    @on(Stage.ActionWanted)
    def _act(self, wanted: Stage.ActionWanted) -> None:
        self.sitting.attempt.begin(demonstrating=wanted.model)
        self._say(stay=True)
        self._run(wanted.action)

    def _run(self, action: Action, *, keep: bool = False) -> None:
        kept = self.runner.kept(action)
        if kept is not None:
            self.call_after_refresh(self._take, kept, self.stage)
        else:
            self.run_worker(self._play(action, self.stage, keep=keep), exit_on_error=True)

    async def _play(self, action: Action, stage: Stage | None, *, keep: bool) -> None:
        try:
            records = await self.runner.run(action, keep=keep)
        except Unplayable as trouble:
            if stage is not None and self._stands(stage):
                self.sitting.attempt.cannot(trouble.told)
                stage.refuse()
                self._turn_to_text_if_tabs()
                self._say()
            return
        self._take(records, stage)

    def _stands(self, stage: Stage) -> bool:
        """Where the person has gone on, or left, nobody asks any more; at the app's end a stage's parts go first."""
        return self.app.is_running and not self._left and stage is self.stage

    def _take(self, records: Sequence[Record], stage: Stage | None) -> None:
        if stage is None or not self._stands(stage):
            return
        stage.take(records)
        if isinstance(stage, Speaking):
            dialogue = stage.dialogue
            if dialogue.said:
                self._reach(self.sitting.attempt.read(dialogue.records))
                if dialogue.is_over:
                    self._end_attempt()

    @on(Stage.CameIntoView)
    def _read(self, shown: Stage.CameIntoView) -> None:
        self._reach(self.sitting.attempt.read(shown.records))

    @on(Stage.AtEnd)
    def _end_attempt(self) -> None:
        self.sitting.attempt.end()
        self._say()
        self._keep()
        self._tell_other_side("ui.lesson.not-yet", is_so=not self.sitting.player.is_done)

    @on(Recording.Taken)
    async def _take_line(self, taken: Recording.Taken) -> None:
        task = self.sitting.task
        if task is None or task.does != "find" or not isinstance(self.stage, Watching):
            await self.action_turn()
        elif taken.seq is not None:
            self._point(Stage.Pointed(self.stage.record(taken.seq)))

    @on(Stage.Pointed)
    def _point(self, pointed: Stage.Pointed) -> None:
        self.sitting.attempt.point_at(pointed.record, demonstrating=pointed.model)
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
        if is_so and self._sides.tabs and self._sides.side == "stage" and not self.sitting.attempt.demonstrating:
            self.notify(self._texts(said), markup=False)

    # Other programs

    async def action_programs(self) -> None:
        """The world goes out onto loopback, or the person comes back to the step's own side."""
        task = self.sitting.task
        if task is None:
            return
        if isinstance(self.stage, Programs):
            await self._set_stage()
        else:
            action = self.stage.changes if self.stage is not None else Action()
            programs = Programs(self._opened.lesson.speed, self._texts)
            await self._sides.set_stage(_PROGRAMS, programs)
            self.run_worker(self._go_out(task, action, programs), group="outside", exclusive=True)
        self._turn_to("stage")

    async def _go_out(self, task: Task, action: Action, programs: Programs) -> None:
        """And hear what happens there; the world as the student has changed it."""
        await self._outdoors.close()
        try:
            stood = await self._outdoors.open(task.id, action)
        except Unplayable as trouble:
            if self._stands(programs):
                self.sitting.attempt.cannot(trouble.told)
                await self._set_stage()
                self._turn_to("text")
                self._say()
            return
        if self._stands(programs):
            programs.stand(stood)
        await self._outdoors.listen()

    def _read_outside(self, fresh: Sequence[Record]) -> None:
        if self._left:
            return
        if isinstance(self.stage, Programs):
            self.stage.add(fresh)
        self._reach(self.sitting.attempt.read_outside(fresh))

    # What is seen

    def _tick(self) -> None:
        if self.stage is not None:
            self.stage.tick(time.monotonic())

    def _say(self, *, stay: bool = False) -> None:
        self._sides.say(page_of(self.sitting, self._texts), to_end=bool(self.sitting.notes) and not stay)
        self._say_bar()

    def _say_bar(self) -> None:
        tab = self._sides.side if self._sides.tabs else None
        self.query_one(LessonBar).show(self.sitting, self._texts, tab)

    def _turn_to_text_if_tabs(self) -> None:
        if self._sides.tabs:
            self._turn_to("text")

    def _keep(self) -> None:
        try:
            save_progress(self._home, self._opened.lesson.id, self.sitting.player.progress)
        except OSError as trouble:
            why = self._texts("cli.cannot-write", file=str(self._home), reason=trouble.strerror or str(trouble))
            self.notify(why, severity="warning", markup=False)
