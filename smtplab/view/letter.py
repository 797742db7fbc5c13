"""A message as its reader sees it: text, HTML made readable, headers, source and parts, each as lines."""

from __future__ import annotations

from typing import Final

import msgspec

from smtplab.message.header import decode_words
from smtplab.message.parts import MimePart, attachments_of, body_of, parts_of_message, walk
from smtplab.view.html_text import Written, html_text

SOURCE_OCTETS_MAX: Final = 1_048_576
"""Shown of the source: some 20,000 lines, more than anybody reads on a screen; what is saved is whole."""
LINES_MAX: Final = 20_000


class PartRow(msgspec.Struct, frozen=True):
    """One node of the MIME tree."""

    part: MimePart
    depth: int


class Letter(msgspec.Struct, frozen=True):
    raw: bytes
    root: MimePart
    text: tuple[Written, ...]
    """Of the text part; empty where there is none."""
    html: tuple[Written, ...]
    """Of the HTML part, made readable; empty where there is none."""
    headers: tuple[tuple[str, str, bool], ...]
    """Name, value in words, and whether that is another than what is written."""
    source: tuple[bytes, ...]
    left_out: int
    """Octets of the source that are not in `source`."""
    parts: tuple[PartRow, ...]
    attachments: tuple[MimePart, ...]

    @property
    def readable(self) -> tuple[Written, ...]:
        return self.text or self.html


def read_letter(raw: bytes) -> Letter:
    """Never raises, whatever the bytes are."""
    root = parts_of_message(raw)
    plain, marked_up = body_of(root, "text/plain"), body_of(root, "text/html")
    shown = raw[:SOURCE_OCTETS_MAX].splitlines()[:LINES_MAX]
    left_out = len(raw) - len(raw[:SOURCE_OCTETS_MAX])
    return Letter(
        raw=raw,
        root=root,
        text=() if plain is None else tuple(_plain(plain)),
        html=() if marked_up is None else tuple(html_text(marked_up.text)),
        headers=tuple(_header(field.name, field.value) for field in root.fields),
        source=tuple(shown),
        left_out=left_out,
        parts=tuple(PartRow(part, depth) for depth, part in walk(root)),
        attachments=attachments_of(root),
    )


def _header(name: str, value: str) -> tuple[str, str, bool]:
    decoded = decode_words(value)
    return name, decoded, decoded != value


def _plain(part: MimePart) -> list[Written]:
    """Quoted lines and the signature stand back (RFC 3676 4.3, 4.5)."""
    lines: list[Written] = []
    signed = False
    for line in part.text.split("\n")[:LINES_MAX]:
        signed = signed or line == "-- "
        lines.append(Written(line.expandtabs(8), "quiet" if signed or line.startswith(">") else ""))
    while lines and not lines[-1].text.strip():
        lines.pop()
    return lines
