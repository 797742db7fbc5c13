"""Explains the record behind the selected line: what it is, what was decided from it, its RFC and its bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Final

from textual.content import Content

from smtplab.journal import Record
from smtplab.ui.widgets.pane import Pane
from smtplab.view.explain import Explanation, explain
from smtplab.view.journey import Journey
from smtplab.view.texts import Texts

_OCTETS_SHOWN: Final = 4096
"""RFC 5321 bounds a reply line at 512 octets; more than a few of them nobody reads as numbers."""

Explains = Callable[[Record, Journey, Texts], Explanation]


class Inspector(Pane):
    """The words are the view's; here they only get their places and colours."""

    HELP: ClassVar = "ui.help.inspector"
    TITLE_ID: ClassVar = "ui.pane.inspector"

    def __init__(self, *, id: str, explains: Explains = explain) -> None:  # noqa: A002 (Textual's own name for it)
        """`explains` has the words of a walk, if nothing else is said."""
        super().__init__(id=id)
        self._explains = explains

    def show(self, record: Record | None, journey: Journey, texts: Texts) -> None:
        if record is None:
            self.say(texts(self.TITLE_ID), Content.styled(texts("ui.inspector.none"), "$quiet"))
            return
        self.say(texts(self.TITLE_ID), picture(self._explains(record, journey, texts), record, texts))
        self.scroll_home(animate=False)


def picture(said: Explanation, record: Record, texts: Texts) -> Content:
    """Title, prose, facts, sources and bytes, one below the other."""
    parts = [Content.styled(said.title, "bold $primary")]
    parts += [Content(f"\n{paragraph}") for paragraph in said.paragraphs]
    if said.facts:
        parts.append(Content())
        parts += [Content.assemble((f"{label}  ", "$quiet"), value) for label, value in said.facts]
    if said.refs:
        parts += [
            Content(),
            Content.styled("  ".join(ref.replace(" ", "\N{NO-BREAK SPACE}") for ref in said.refs), "$accent"),
        ]
    if said.raw is not None:
        parts += [
            Content(),
            Content.styled(texts("ui.inspector.raw", count=len(said.raw)), "bold $accent"),
            *_bytes(said.raw),
        ]
    place = texts("ui.inspector.place", seq=record.seq, node=record.node, hop=record.hop)
    parts += [Content(), Content.styled(place, "$quiet")]
    return Content("\n").join(parts)


def _bytes(raw: bytes) -> list[Content]:
    """Eight octets a line, as numbers and as letters, which fits the narrowest pane."""
    lines: list[Content] = []
    for start in range(0, min(len(raw), _OCTETS_SHOWN), 8):
        piece = raw[start : start + 8]
        letters = "".join(chr(octet) if 32 <= octet < 127 else "·" for octet in piece)
        lines.append(Content.assemble((f"{start:04x} ", "$faint"), (f"{piece.hex(' '):<24}", ""), (letters, "$quiet")))
    if len(raw) > _OCTETS_SHOWN:
        lines.append(Content.styled("…", "$quiet"))
    return lines
