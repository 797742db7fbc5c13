"""Puts single records into the halves of two columns: one line of text each, in a transcript's styles."""

from __future__ import annotations

from typing import Final

from smtplab.journal import Record
from smtplab.ui.log import bare
from smtplab.ui.reading import elapsed
from smtplab.ui.widgets.two_columns import Half
from smtplab.view import transcript
from smtplab.view.journey import Journey
from smtplab.view.session import Session
from smtplab.view.strand import key_of
from smtplab.view.texts import Texts

STYLES: Final[dict[transcript.Tone, str]] = {
    "heading": "heading",
    "note": "quiet",
    "client": "client",
    "server": "server",
    "refusal": "bad",
    "good": "good",
    "warning": "odd",
    "error": "bad",
}


def half(record: Record, texts: Texts, *, secure: bool, node: str = "", line: int | None = None) -> Half:
    """One line of the record, or where none is named all of them on one; `secure` where it was said inside TLS.

    `node` stands in front where the column holds many.
    """
    journey = Journey()
    if secure:
        journey.sessions[key_of(record)] = Session(record.hop, record.node, "client", secure=True)
    lines = transcript.lines(record, journey, texts)
    if not lines:
        return Half(elapsed(record.elapsed_us / 1e6), "", "quiet")
    said = " · ".join(one.text for one in lines) if line is None else lines[min(line, len(lines) - 1)].text
    text = f"{lines[0].mark} {node}{bare(said, record.node) if node else said}"
    return Half("" if line else elapsed(record.elapsed_us / 1e6), text, STYLES[lines[0].tone])
