"""Whether the files of a lesson agree: its steps with their world, and its texts, in every language, with its steps."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from smtplab.flaws import in_file
from smtplab.lesson.lesson import AnyStep, Choice, Order, Predict, Short, Show, Task, Tell
from smtplab.lesson.library import LessonError, Opened, open_lesson
from smtplab.lesson.prose import OTHER, RECORDS, Section
from smtplab.lesson.rfcs import RFCS, unknown_citations
from smtplab.lesson.soundness import problems
from smtplab.told import Told, tell

_RFC_PAGE = re.compile(r"\b(?:rfc-editor|ietf)\.org/.*?rfc(\d+)")
_ANCHOR = re.compile(r"\{#([a-z0-9-]+)\}")
_CODE = re.compile(r"`[^`\n]*`")
_AUTOLINK = re.compile(r"<[^<>\s]+@[^<>\s]+>")
"""An address in angle brackets, which belong to the protocol: `MAIL FROM:lan@home.example` would be wrong."""
_LINK = re.compile(r"\[[^\]\[]*\]\((?P<target>[^)\s]+)\)")


class Finding(msgspec.Struct, frozen=True):
    """Something to mend."""

    file: str
    where: str
    """The step, or the path of the field; empty for the whole file."""
    flaw: Told

    def told(self, folder: Path) -> Told:
        return in_file(folder / self.file, self.flaw, self.where)


def open_to_play(folder: Path) -> Opened:
    """A lesson that can be played from the first step to the last. Raises LessonError."""
    opened = open_lesson(folder)
    for finding in (*step_findings(opened), *text_findings(opened)):
        raise LessonError(finding.told(folder))
    return opened


def step_findings(opened: Opened) -> Iterator[Finding]:
    """Everything that is wrong with the steps."""
    for problem in problems(opened.lesson, opened.world):
        yield Finding("lesson.toml", problem.path, problem.flaw)


def text_findings(opened: Opened) -> Iterator[Finding]:
    """Everything that is wrong with the prose. Raises LessonError where a file can't be read any more."""
    for language in opened.prose:
        yield from _of_language(opened, language)


def _of_language(opened: Opened, language: str) -> Iterator[Finding]:
    file, prose = f"{language}.md", opened.prose[language]
    wanted, found = [step.id for step in opened.lesson.steps], list(prose.sections)
    if wanted != found:
        odd = next((step for step in (*wanted, *found) if (step in wanted) != (step in found)), "")
        flaw = tell("lesson.flaw.one-side-only", step=odd) if odd else tell("lesson.flaw.other-order")
        yield Finding(file, odd, flaw)
        return
    yield from _whole_text(opened.folder, file)
    for step in opened.lesson.steps:
        for flaw in _section(step, prose.sections[step.id]):
            yield Finding(file, step.id, flaw)


def _whole_text(folder: Path, file: str) -> Iterator[Finding]:
    text = (folder / file).read_text("utf-8")
    if not unicodedata.is_normalized("NFC", text):
        yield Finding(file, "", tell("lesson.flaw.no-nfc"))
    for number in unknown_citations(text):
        yield Finding(file, "", tell("lesson.flaw.unknown-rfc", number=number))
    for link in _AUTOLINK.finditer(_CODE.sub("", text)):
        yield Finding(file, "", tell("lesson.flaw.lost-brackets", address=link[0]))
    steps = {f"#{found}" for found in _ANCHOR.findall(text)}
    for link in _LINK.finditer(text):
        if not _leads_somewhere(link["target"], folder, steps):
            yield Finding(file, "", tell("lesson.flaw.dead-link", target=link["target"]))


def _leads_somewhere(target: str, folder: Path, steps: set[str]) -> bool:
    """To a step, a file of the lesson or, as far as can be told without the network, a page of the web."""
    if target.startswith("#"):
        return target in steps
    if target.startswith(("https://", "http://")):
        document = _RFC_PAGE.search(target)
        return "." in urlsplit(target).netloc and (document is None or int(document[1]) in RFCS)
    return (folder / target).exists()


def _section(step: AnyStep, section: Section) -> Iterator[Told]:
    if not section.text:
        yield tell("lesson.flaw.no-text")
    yield from _place_of_records(step, section)
    match step:
        case Choice(choices=choices, right=right):
            yield from _same("choices", section.choices, choices)
            yield from _same("wrong", section.wrong, (*(one for one in choices if one != right), OTHER))
        case Order(right=order):
            yield from _same("choices", section.choices, order)
            yield from _same("wrong", section.wrong, (OTHER,))
            if tuple(section.choices) == order:
                yield tell("lesson.flaw.ordered-already")
        case Short(wrong=wrong) | Predict(wrong=wrong):
            yield from _same("wrong", section.wrong, (*wrong, OTHER))
        case Task(goals=goals, wrong=wrong):
            yield from _same("goals", section.goals, tuple(goal.id for goal in goals))
            yield from _same("wrong", section.wrong, (*wrong, OTHER) if step.does == "find" else ())
        case Tell() | Show():
            return
    if not section.right:
        yield tell("lesson.flaw.no-right")
    if not section.hints:
        yield tell("lesson.flaw.no-hints")


def _place_of_records(step: AnyStep, section: Section) -> Iterator[Told]:
    before, after = (text.split("\n").count(RECORDS) for text in (section.text, section.right))
    match step:
        case Show():
            if (before, after) != (1, 0):
                yield tell("lesson.flaw.records-in-text", line=RECORDS)
        case Predict():
            if (before, after) != (0, 1):
                yield tell("lesson.flaw.records-under-right", line=RECORDS)
        case _:
            if before or after:
                yield tell("lesson.flaw.no-recording", line=RECORDS)


def _same(part: str, found: Mapping[str, str], wanted: tuple[str, ...]) -> Iterator[Told]:
    for name in wanted:
        if name not in found:
            yield tell("lesson.flaw.lacks", part=part, name=name)
    for name in found:
        if name not in wanted:
            yield tell("lesson.flaw.surplus", part=part, name=name)
