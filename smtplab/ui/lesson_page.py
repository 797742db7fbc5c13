"""What a lesson's page says at a step: its text, its goals with their ticks, hints, and what is said of an answer."""

from __future__ import annotations

from collections.abc import Iterator

from textual.content import Content

from smtplab.lesson.lesson import Order, Show, Task
from smtplab.lesson.note import Note
from smtplab.lesson.prose import RECORDS, Prose, Section
from smtplab.lesson.sitting import Sitting
from smtplab.ui.prose import Block, blocks, spans
from smtplab.view.safe import safe
from smtplab.view.texts import Texts

_NOTE_STYLES = {
    "right": "bold $success",
    "wrong": "bold $warning",
    "not-yet": "bold $warning",
    "trouble": "bold $error",
}


def page_of(sitting: Sitting, texts: Texts) -> list[Block]:
    """From top to bottom."""
    prose = sitting.opened.prose[texts.language]
    section = prose.sections[sitting.step.id]
    page: list[Block] = []
    if sitting.player.is_first:
        page += _front(sitting, prose, texts)
    page.append(Block(Content.styled(safe(section.heading), "bold $primary")))
    page += _text(section.text, texts, beside=isinstance(sitting.step, Show))
    if isinstance(sitting.step, Order):
        page += _listed(section)
    if isinstance(sitting.step, Task):
        page += _goals(sitting, section, texts)
    for note in sitting.notes:
        page += _note(note, section, texts)
    if sitting.player.is_last and sitting.player.is_done:
        page += _end(sitting, texts)
    return page


def _front(sitting: Sitting, prose: Prose, texts: Texts) -> Iterator[Block]:
    lesson = sitting.opened.lesson
    said = texts("lesson.frame", minutes=lesson.minutes, steps=len(lesson.steps), points=lesson.points)
    yield Block(Content.styled(said, "$quiet"))
    yield from blocks(prose.about)
    yield Block(Content.styled("─" * 24, "$faint"))


def _text(markdown: str, texts: Texts, *, beside: bool) -> Iterator[Block]:
    before, records, after = markdown.partition(RECORDS)
    yield from blocks(before)
    if records and beside:
        yield Block(Content.styled(texts("ui.lesson.see-beside"), "italic $quiet"), "→ ", "  ")
    yield from blocks(after)


def _listed(section: Section) -> Iterator[Block]:
    for number, (letter, said) in enumerate(section.choices.items()):
        yield Block(spans(said), f"{letter}  ", "   ", number == 0)


def _goals(sitting: Sitting, section: Section, texts: Texts) -> Iterator[Block]:
    reached = sitting.attempt.reached
    head = texts("ui.lesson.goals", reached=len(reached), of=len(section.goals))
    yield Block(Content.styled(head, "bold $accent"))
    for goal, said in section.goals.items():
        if goal in reached:
            yield Block(spans(said).stylize("$success"), "✓ ", "  ", after_gap=False)
        else:
            yield Block(spans(said), "☐ ", "  ", after_gap=False)


def _note(note: Note, section: Section, texts: Texts) -> Iterator[Block]:
    match note.kind:
        case "hint":
            number = int(note.name)
            if number < len(section.hints):
                head = texts("ui.lesson.hint", number=number + 1, of=len(section.hints))
                yield Block(Content.styled(head, "bold $accent"))
                yield from _close(blocks(section.hints[number]))
        case "no-more-hints":
            yield Block(Content.styled(texts("ui.lesson.no-more-hints"), "$quiet"))
        case "wrong":
            yield Block(Content.styled(texts("lesson.wrong"), _NOTE_STYLES["wrong"]))
            yield from _close(blocks(section.wrong[note.name]))
        case "right":
            yield Block(Content.styled(texts("lesson.right"), _NOTE_STYLES["right"]))
            yield from _close(_text(section.right, texts, beside=True))
        case "model":
            said = texts("lesson.model-answer", answer=note.name) if note.name else texts("ui.lesson.was-model")
            yield Block(Content.styled(said, "bold $accent"))
            yield from _close(_text(section.right, texts, beside=True))
        case "not-yet":
            yield Block(Content.styled(texts("ui.lesson.not-yet"), _NOTE_STYLES["not-yet"]))
        case "trouble":
            said = texts("lesson.cannot-do", reason=note.trouble or "")
            yield Block(Content.styled(said, _NOTE_STYLES["trouble"]))


def _close(page: list[Block] | Iterator[Block]) -> Iterator[Block]:
    """The first stands right below its heading."""
    for number, block in enumerate(page):
        yield block if number else block._replace(after_gap=False)


def _end(sitting: Sitting, texts: Texts) -> Iterator[Block]:
    yield Block(Content.styled("─" * 24, "$faint"))
    said = texts("ui.lesson.the-end", points=sitting.player.points, of=sitting.opened.lesson.points)
    yield Block(Content.styled(said, "bold $accent"))
