"""One student at one lesson: the step at hand, what was answered and hinted there; how it looks it knows not."""

from __future__ import annotations

from smtplab.lesson.attempt import Attempt
from smtplab.lesson.judge import Judgement, model_answer
from smtplab.lesson.lesson import AnyStep, Predict, Question, Show, Shown, Task
from smtplab.lesson.library import Opened
from smtplab.lesson.note import Note
from smtplab.lesson.player import Player


class Sitting:
    """Every change of a step begins with clean paper; what was solved stays solved."""

    def __init__(self, opened: Opened, player: Player) -> None:
        self.opened = opened
        self.player = player
        self._hints: list[Note] = []
        self._begin()

    @property
    def step(self) -> AnyStep:
        return self.player.step

    @property
    def task(self) -> Task | None:
        return self.step if isinstance(self.step, Task) else None

    @property
    def notes(self) -> tuple[Note, ...]:
        """Hints first, in the order in which they were given, then what was said of the last answer or attempt."""
        verdict = self._verdict if self.task is None else self.attempt.verdict
        return (*self._hints, *(() if verdict is None else (verdict,)))

    @property
    def recording(self) -> tuple[str, Shown] | None:
        """What there is to look at beside the text, by its step: this step's, or the last one shown before it.

        A prediction's is not shown before it was answered.
        """
        for step in reversed(self.opened.lesson.steps[: self.player.number]):
            if isinstance(step, Show) or (isinstance(step, Predict) and self._may_be_seen(step)):
                return step.id, step.records
        return None

    @property
    def shown(self) -> Shown | None:
        """The recording that the step's stage shows: among which to find, or to look at."""
        task = self.task
        if task is not None:
            return task.records
        found = self.recording
        return None if found is None else found[1]

    def _may_be_seen(self, step: Predict) -> bool:
        here = step.id == self.step.id
        return self.player.is_solved(step) or (here and self._verdict is not None and self._verdict.kind == "model")

    # The way through the lesson

    def forward(self) -> bool:
        return self._moved(self.player.forward())

    def back(self) -> bool:
        return self._moved(self.player.back())

    def _moved(self, moved: bool) -> bool:
        if moved:
            self._begin()
        return moved

    def _begin(self) -> None:
        self.attempt = Attempt(self.player, self.task)
        """At the task at hand."""
        self._verdict = Note("right") if self.player.is_solved(self.step) else None
        self._hints = []

    # Questions

    def answer(self, said: str) -> Judgement | None:
        """None where the step asks nothing."""
        step = self.step
        if not isinstance(step, Question):
            return None
        judgement = self.player.answer(step, said)
        self._verdict = Note("right") if judgement.right else Note("wrong", judgement.wrong)
        return judgement

    def hint(self, hints: tuple[str, ...]) -> None:
        """One degree more; `hints` are the step's, in any language."""
        if self.player.next_hint(hints) is None:
            if Note("no-more-hints") not in self._hints:
                self._hints.append(Note("no-more-hints"))
        else:
            self._hints.append(Note("hint", str(len(self._hints))))

    def give_away(self) -> str | None:
        """The model answer of a question; it earns nothing."""
        step = self.step
        if not isinstance(step, Question):
            return None
        answer = model_answer(step)
        if not self.player.is_done:
            self._verdict = Note("model", answer)
        return answer
