"""A lesson's text in one language, read from Markdown: one section for each step, with its lists by name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

import msgspec

from smtplab.flaws import in_file
from smtplab.told import Unfit, tell

RECORDS = "[[records]]"
"""The line at which a step's recording stands."""

LISTS = frozenset({"choices", "wrong", "hints", "goals", "right"})
"""The parts of a section that are not its text, each under a heading of the third level."""

OTHER = "other"
"""The explanation for every wrong answer that has none of its own."""

_STEP = re.compile(r"## (?P<heading>.+?) \{#(?P<id>[a-z0-9-]+)\}")
_ITEM = re.compile(r"- (?:(?P<name>[a-z0-9-]+): )?(?P<text>.+)")


class ProseError(Unfit):
    """What is wrong, with its line: `vi.md:12: ...`."""


class Section(msgspec.Struct, frozen=True):
    """What is said at one step."""

    heading: str
    text: str
    """Markdown."""
    choices: Mapping[str, str] = {}
    wrong: Mapping[str, str] = {}
    """By the choice, or by the name that the lesson gives such answers; `other` for all the rest."""
    hints: tuple[str, ...] = ()
    goals: Mapping[str, str] = {}
    right: str = ""
    """Said after the right answer, or when all goals are reached."""


class Prose(msgspec.Struct, frozen=True):
    title: str
    about: str
    sections: Mapping[str, Section]
    """By step, in the file's order."""


def parse_prose(text: str, origin: str) -> Prose:
    """Raises ProseError, which names `origin` and the line. The text comes out in NFC."""
    lines = unicodedata.normalize("NFC", text).splitlines()
    title, about, sections = "", [], {}
    current: _Open | None = None
    for number, line in enumerate(lines, 1):
        where = f"{origin}:{number}"
        if line.startswith("## "):
            if current is not None:
                sections[current.id] = current.close()
            current = _opened(line, where)
            if current.id in sections:
                raise ProseError(in_file(where, tell("lesson.flaw.second-section", step=current.id)))
        elif current is not None:
            current.read(line, where)
        elif line.startswith("# ") and not title:
            title = line[2:].strip()
        else:
            about.append(line)
    if current is not None:
        sections[current.id] = current.close()
    if not title:
        raise ProseError(in_file(f"{origin}:1", tell("lesson.flaw.no-title")))
    return Prose(title, "\n".join(about).strip(), sections)


def _opened(line: str, where: str) -> _Open:
    found = _STEP.fullmatch(line.rstrip())
    if found is None:
        raise ProseError(in_file(where, tell("lesson.flaw.no-step-id")))
    return _Open(found["id"], found["heading"])


class _Open:
    """A section that is being read."""

    def __init__(self, step_id: str, heading: str) -> None:
        self.id = step_id
        self._heading = heading
        self._part = ""
        self._text: dict[str, list[str]] = {"": [], "right": []}
        self._items: dict[str, list[tuple[str, str]]] = {}

    def read(self, line: str, where: str) -> None:
        if line.startswith("### "):
            self._part = line[4:].strip()
            if self._part not in LISTS:
                known = ", ".join(sorted(LISTS))
                raise ProseError(in_file(where, tell("lesson.flaw.no-part", part=self._part, known=known)))
        elif self._part in self._text:
            self._text[self._part].append(line)
        elif line.strip():
            self._read_item(line, where)

    def _read_item(self, line: str, where: str) -> None:
        items = self._items.setdefault(self._part, [])
        if line.startswith("  ") and items:
            name, said = items.pop()
            items.append((name, f"{said} {line.strip()}"))
            return
        found = _ITEM.fullmatch(line.rstrip())
        named = self._part != "hints"
        if found is None or (named and not found["name"]):
            flaw = "lesson.flaw.no-named-item" if named else "lesson.flaw.no-item"
            raise ProseError(in_file(where, tell(flaw, part=self._part)))
        items.append((found["name"] or "", found["text"]) if named else ("", line[2:].rstrip()))

    def close(self) -> Section:
        named = {part: dict(self._items.get(part, ())) for part in ("choices", "wrong", "goals")}
        return Section(
            self._heading,
            "\n".join(self._text[""]).strip(),
            hints=tuple(said for _, said in self._items.get("hints", ())),
            right="\n".join(self._text["right"]).strip(),
            **named,
        )
