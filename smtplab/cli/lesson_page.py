"""A lesson's page in the terminal: running text, recordings and lists, painted where a person sees them."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable

from rich.console import Console
from rich.markdown import Markdown
from rich.text import Text

from smtplab.lesson.doing import show
from smtplab.lesson.lesson import AnyStep, Lesson, Shown
from smtplab.lesson.library import Opened
from smtplab.lesson.prose import RECORDS, Section
from smtplab.lesson.shown import ShownLine
from smtplab.told import Told
from smtplab.view.texts import Texts
from smtplab.view.transcript import Tone

WIDTH_MAX = 100
"""Of running text: a line that the eye finds back from."""

_STYLES: dict[Tone, str] = {
    "heading": "bold",
    "client": "cyan",
    "server": "green",
    "good": "green",
    "refusal": "red",
    "error": "bold red",
    "warning": "yellow",
}


class Page:
    """Prints; it asks nothing and keeps nothing."""

    def __init__(self, opened: Opened, texts: Texts, *, color: bool) -> None:
        self._opened = opened
        self._texts = texts
        self._console = Console(no_color=not color, highlight=False, soft_wrap=False)
        self._console.width = min(WIDTH_MAX, self._console.width)

    def title(self, lesson: Lesson) -> None:
        prose = self._opened.prose[self._texts.language]
        self._console.print(Text(prose.title, "bold"))
        self.say("lesson.frame", minutes=lesson.minutes, steps=len(lesson.steps), points=lesson.points)
        self.markdown(prose.about)

    def heading(self, number: int, step: AnyStep) -> None:
        heading = self.section(step).heading
        said = self._texts("lesson.step", number=number, of=len(self._opened.lesson.steps), heading=heading)
        self._console.print()
        self._console.print(Text(said, "bold"))

    def section(self, step: AnyStep) -> Section:
        return self._opened.prose[self._texts.language].sections[step.id]

    def text(self, text: str, shown: Shown | None = None) -> None:
        """Markdown; a recording, where there is one, stands where the text says so. Raises ActionError."""
        before, records, after = text.partition(f"{RECORDS}")
        self.markdown(before)
        if records and shown is not None:
            self.recording(show(self._opened.world, shown, self._texts))
            self.markdown(after)

    def markdown(self, text: str) -> None:
        if text.strip():
            with self._console.capture() as captured:
                self._console.print(Markdown(text.strip()))
            # Rich fills each line up with spaces; who copies a text wants none.
            said = "\n".join(line.rstrip() for line in captured.get().splitlines())
            self._console.file.write(said + "\n\n")

    def recording(self, lines: Iterable[ShownLine], *, close: bool = True) -> None:
        """The marked ones have a pointer in the margin, which is seen without colour too. An empty line closes it."""
        shown = list(lines)
        for line in shown:
            style = _STYLES.get(line.line.tone, "")
            margin = "▶ " if line.marked else "  "
            painted = Text(f"{margin}{line.line}", f"{style} reverse" if line.marked else style)
            self._console.print(painted, soft_wrap=True)
        if shown and close:
            self._console.print()

    def choices(self, section: Section) -> None:
        for letter, said in section.choices.items():
            self._hang(Text.assemble("  ", (letter, "bold"), "  "), Text(said))

    def goals(self, section: Section, reached: Iterable[str]) -> None:
        done = set(reached)
        for goal, said in section.goals.items():
            mark, style = ("✓", "green") if goal in done else ("·", "")
            self._hang(Text(f"  {mark} ", style), Text(said, style))

    def ticks(self, step: AnyStep, reached: Collection[str]) -> None:
        """Those alone that were just reached."""
        for goal, said in self.section(step).goals.items():
            if goal in reached:
                self._hang(Text("  ✓ ", "green"), Text(said, "green"))

    def _hang(self, margin: Text, said: Text) -> None:
        """What doesn't fit into one line goes on below its beginning."""
        for line in said.wrap(self._console, max(1, self._console.width - margin.cell_len)):
            line.rstrip()
            self._console.print(margin + line)
            margin = Text(" " * margin.cell_len)

    def say(self, text_id: str, **arguments: str | int | Told) -> None:
        self._console.print(Text(self._texts(text_id, **arguments), "dim"))

    def plain(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)

    def ask(self, prompt: str) -> str | None:
        """A line without its end; None where no more will come."""
        self._console.print(Text(prompt, "bold"), end="")
        self._console.file.flush()
        line = sys.stdin.readline()
        return line.rstrip("\r\n") if line else None
