"""The walk as text, printed as it happens: swaks' marks, a sentence where a step needs one, a summary at the end."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable

import click

from smtplab.events import JourneyEnded
from smtplab.journal import Record
from smtplab.view.journey import Journey
from smtplab.view.summary import Summary, summarise
from smtplab.view.texts import Texts
from smtplab.view.transcript import Line, Tone, lines
from smtplab.view.words import Speaker

WIDTH_MAX = 100
"""Of running text: a line that the eye finds back from. The transcript's own lines are never broken."""

_INDENT = "      "

_COLOURS: dict[Tone, dict[str, object]] = {
    "heading": {"bold": True},
    "client": {"fg": "cyan"},
    "server": {"fg": "green"},
    "good": {"fg": "green"},
    "refusal": {"fg": "red"},
    "error": {"fg": "red", "bold": True},
    "warning": {"fg": "yellow"},
}


Below = Callable[[Record, Journey], Iterable[str]]


class PlainPrinter:
    """Called with each record in turn; with the last it prints the summary."""

    def __init__(self, texts: Texts, *, color: bool, below: Below | None = None) -> None:
        """`below` gives the paragraphs below a record; a sentence where the step needs one, if not said otherwise."""
        self._texts = texts
        self._below = below or _sentences(texts)
        self._color = color and sys.stdout.isatty()
        self._width = min(WIDTH_MAX, shutil.get_terminal_size((WIDTH_MAX, 24)).columns)
        self._journey = Journey()
        self._records: list[Record] = []

    def __call__(self, record: Record) -> None:
        """Raises OSError where standard output takes no more."""
        self._records.append(record)
        self.follow(record)
        if isinstance(record.event, JourneyEnded):
            self._summary(summarise(self._records, self._texts))
        sys.stdout.flush()

    def follow(self, record: Record) -> None:
        """Its lines alone."""
        self._journey.advance(record)
        for line in lines(record, self._journey, self._texts):
            self._print(self._painted(line))
        for said in self._below(record, self._journey):
            self._paragraph(said)

    def _summary(self, summary: Summary) -> None:
        self._heading("cli.summary.stages")
        for stage in summary.stages:
            spent = self._texts.duration(stage.spent_s) if stage.spent_s else ""
            self._print(f"{_INDENT}{stage.hop}  {stage.name:<22} {stage.state_name:<14} {spent}".rstrip())
        if summary.attempts:
            self._heading("cli.summary.attempts")
        for attempt in summary.attempts:
            self._print(f"{_INDENT}{attempt.host} [{attempt.address}]:{attempt.port}  {attempt.outcome}")
        self._heading("cli.summary.outcome")
        for paragraph in (summary.headline, *summary.meaning):
            self._paragraph(paragraph)
        if summary.advice:
            self._heading("cli.summary.advice")
        for advice in summary.advice:
            self._paragraph(f"- {advice}")

    def _heading(self, text: str) -> None:
        said = self._texts(text)
        self._print("\n" + (click.style(said, bold=True) if self._color else said))

    def _paragraph(self, said: str) -> None:
        # Addresses and host names stay whole, so that they can be copied.
        wrapper = textwrap.TextWrapper(
            self._width,
            initial_indent=_INDENT,
            subsequent_indent=_INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in wrapper.wrap(said):
            self._print(click.style(line, dim=True) if self._color else line)

    def _painted(self, line: Line) -> str:
        colours = _COLOURS.get(line.tone, {})
        return click.style(str(line), **colours) if self._color and colours else str(line)  # type: ignore[arg-type]

    @staticmethod
    def _print(line: str) -> None:
        # A terminal of another encoding than UTF-8 shows the letters that it has.
        encoding = sys.stdout.encoding or "utf-8"
        sys.stdout.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def _sentences(texts: Texts) -> Below:
    speaker = Speaker(texts)

    def below(record: Record, journey: Journey) -> Iterable[str]:
        said = speaker(record, journey)
        return () if said is None else (said,)

    return below
