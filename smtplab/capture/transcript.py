"""A journey as text to keep or to paste: the lines with swaks' marks, and the same as Markdown with explanations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from smtplab.journal import Record
from smtplab.view.explain import explain
from smtplab.view.journey import Journey
from smtplab.view.summary import Summary, summarise
from smtplab.view.texts import Texts
from smtplab.view.transcript import Line, lines
from smtplab.view.words import Speaker


def as_text(records: Sequence[Record], texts: Texts) -> Iterator[str]:
    """Line by line, without line ends."""
    for line, _ in _told(records, texts):
        yield str(line)


def as_markdown(records: Sequence[Record], texts: Texts) -> Iterator[str]:
    """Line by line, without line ends: a chapter for each hop, the dialogue in blocks, what it means between them."""
    summary = summarise(records, texts)
    yield f"# {_escaped(summary.headline or texts('cli.capture.untitled'))}"
    yield ""
    block = False
    for line, said in _told(records, texts):
        if not line.mark:
            yield from ("```", "") if block else ()
            yield from (f"## {_escaped(line.text)}", "")
            block = False
            continue
        yield from () if block else ("```text",)
        block = True
        yield str(line)
        if said:
            yield from ("```", "", f"> {_escaped(said)}", "")
            block = False
    yield from ("```", "") if block else ()
    yield from _ending(summary, texts)


class Explainer:
    """What the inspector says of each record, in one text; called with the records in their order."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._journey = Journey()

    def __call__(self, record: Record) -> str:
        """Paragraphs, then where it is written."""
        self._journey.advance(record)
        found = explain(record, self._journey, self._texts)
        refs = (", ".join(found.refs),) if found.refs else ()
        return "\n".join((*found.paragraphs, *refs))


def _told(records: Sequence[Record], texts: Texts) -> Iterator[tuple[Line, str]]:
    """Each line, and behind a record's last one the sentence that it needs."""
    journey, speaker = Journey(), Speaker(texts)
    for record in records:
        journey.advance(record)
        shown = lines(record, journey, texts)
        said = speaker(record, journey) or ""
        for number, line in enumerate(shown):
            yield line, said if number == len(shown) - 1 else ""


def _ending(summary: Summary, texts: Texts) -> Iterator[str]:
    if summary.attempts:
        yield from (f"## {texts('cli.summary.attempts')}", "")
        for tried in summary.attempts:
            yield "- " + _escaped(f"{tried.host} [{tried.address}]:{tried.port}: {tried.outcome}")
        yield ""
    for heading, paragraphs, mark in (("outcome", summary.meaning, ""), ("advice", summary.advice, "- ")):
        if paragraphs:
            yield from (f"## {texts(f'cli.summary.{heading}')}", "")
            for paragraph in paragraphs:
                yield from (mark + _escaped(paragraph), "")


_SPECIAL = re.compile(r"([\\`*_\[\]<>#|])")
"""What Markdown would take for itself."""


def _escaped(said: str) -> str:
    return _SPECIAL.sub(r"\\\1", said)
