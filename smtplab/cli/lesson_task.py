"""Asks a student in the terminal what to do in the lesson's world, and does it: to send, to speak, to mend."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from smtplab.cli.lesson_page import Page
from smtplab.journal import Record
from smtplab.lesson.dialogue import Dialogue
from smtplab.lesson.doing import ActionError, attempt, fitted, picked, records_of, show
from smtplab.lesson.goals import Goals, reached_by
from smtplab.lesson.judge import judge_found
from smtplab.lesson.lesson import Action, Shown, Task
from smtplab.lesson.settings import text_to_change
from smtplab.lesson.shown import DIALOGUE, NEWS, ShownLine, shown_lines
from smtplab.sim.world import Trip, World
from smtplab.view.texts import Texts

RUN = "."
"""On a line of its own it ends what is typed, as it ends a message."""

_NUMBERED = re.compile(r"(?P<sign>[-+]?)(?P<number>\d+)(?: (?P<text>.*))?")


class Workbench:
    """One task under way."""

    def __init__(self, world: World, task: Task, page: Page, texts: Texts) -> None:
        self._world = world
        self._task = task
        self._page = page
        self._texts = texts

    def work(self, goals: Goals, first: str) -> None:
        """One attempt, begun with the line that was typed first. Goals read its records."""
        match self._task.does:
            case "send":
                self._send(goals, first)
            case "speak":
                self._speak(goals, first)
            case "mend":
                self._mend(goals, first)
            case "configure":
                self._configure(goals, first)
            case "find":
                self._find(goals, first)

    def play(self, action: Action, goals: Goals) -> None:
        """An action that is whole already, such as the model solution."""
        self._show(self._done(action), goals)

    # To send

    def _send(self, goals: Goals, sender: str) -> None:
        recipients = self._page.ask(self._texts("lesson.ask.to")) or ""
        trip = Trip(sender.strip(), tuple(part.strip() for part in recipients.split(",") if part.strip()))
        self._show(self._done(Action(send=(trip,))), goals)

    # To speak

    def _speak(self, goals: Goals, first: str) -> None:
        dialogue = Dialogue(self._task)
        line: str | None = first
        seen, reached = 0, set[str]()
        while line is not None:
            records = self._done(dialogue.with_line(line))
            if not records:
                break
            dialogue.take(line, records)
            shown = list(shown_lines(dialogue.own, Shown(pick=DIALOGUE), self._texts))
            self._page.recording(shown[seen:])
            seen = len(shown)
            reached |= self._tick(records, reached)
            if dialogue.is_over:
                break
            line = self._page.ask("  " if dialogue.awaits_content else "C: ")
        for record in dialogue.records:
            goals.read(record)

    def _tick(self, records: Iterable[Record], before: set[str]) -> set[str]:
        """Goals tick as they are reached."""
        now = set(reached_by(self._task.goals, records)) - before
        self._page.ticks(self._task, now)
        return now

    # To mend

    def _mend(self, goals: Goals, first: str) -> None:
        text = self._edit(first)
        self._show(self._done(Action(zones={self._task.zone: text})), goals)

    # To configure

    def _configure(self, goals: Goals, first: str) -> None:
        text = self._edit(first)
        self._show(self._done(Action(hosts={self._task.host: text})), goals)

    def print_text(self, lines: list[str] | None = None) -> None:
        """Numbered, as it stands in the world where no other lines are given."""
        for number, line in enumerate(self._lines() if lines is None else lines, 1):
            self._page.plain(f"  {number:2} {line}")

    def _lines(self) -> list[str]:
        return text_to_change(self._world, self._task).strip("\n").split("\n")

    def _edit(self, first: str) -> str:
        lines = self._lines()
        line: str | None = first
        while line is not None and line.strip() != RUN:
            if line.strip() and not _obey(lines, line):
                self._page.say("lesson.cannot-edit", line=line)
            self.print_text(lines)
            line = self._page.ask(self._texts(f"lesson.ask.{self._task.does}"))
        return "\n".join(lines) + "\n"

    # To find

    def print_records(self) -> None:
        """Numbered: a person points at one by its number."""
        for number, line in enumerate(self._found_lines(), 1):
            self._page.plain(f"  {number:2} {line.line}" if line.line.tone != "heading" else f"     {line.line}")

    def _found_lines(self) -> list[ShownLine]:
        shown = self._task.records or Shown()
        return show(self._world, msgspec.structs.replace(shown, mark=()), self._texts)

    def _find(self, goals: Goals, said: str) -> None:
        lines = self._found_lines()
        place = int(said) - 1 if said.strip().isdecimal() else -1
        if not 0 <= place < len(lines) or lines[place].line.tone == "heading":
            self._page.say("lesson.no-such-line", line=said)
            return
        records = picked(self._world, self._task.records or Shown())
        record = next(one for one in records if one.seq == lines[place].line.seq)
        goals.read(record)
        judgement = judge_found(self._task, record)
        if not judgement.right:
            self._page.markdown(self._page.section(self._task).wrong[judgement.wrong])

    # Runs

    def _done(self, action: Action) -> list[Record]:
        """None where it can't be done, and the reason is said."""
        try:
            if action.script:
                return records_of(self._world, fitted(self._task, action), self._world.seed)
            return attempt(self._world, self._task, action, self._world.seed)
        except ActionError as trouble:
            self._page.say("lesson.cannot-do", reason=trouble.told)
            return []

    def _show(self, records: list[Record], goals: Goals) -> None:
        speaks = self._task.does == "speak"
        shown = [one for one in records if not speaks or _is_dialogue(one, self._task.client)]
        pick = DIALOGUE if speaks else () if self._task.does == "find" else NEWS
        self._page.recording(shown_lines(shown, Shown(pick=pick), self._texts))
        for record in records:
            goals.read(record)


def _is_dialogue(record: Record, client: str) -> bool:
    return record.node == client and record.span.startswith("session/")


def _obey(lines: list[str], order: str) -> bool:
    """`3 text` puts the text in line 3's place, `+3 text` after it, `-3` takes line 3 out."""
    found = _NUMBERED.fullmatch(order.strip())
    if found is None or not 1 <= int(found["number"]) <= len(lines):
        return False
    place, text = int(found["number"]) - 1, found["text"]
    match found["sign"]:
        case "-":
            del lines[place]
        case "+" if text:
            lines.insert(place + 1, text)
        case "" if text:
            lines[place] = text
        case _:
            return False
    return True
