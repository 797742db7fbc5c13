"""Recorded journeys for every front end: read, told in a few words, taken to other programs, kept and thrown away."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from smtplab.capture import file as capture_file
from smtplab.capture.codec import Damaged
from smtplab.capture.file import Capture, CaptureError
from smtplab.capture.library import SUFFIX, Shelved
from smtplab.capture.redact import Redactor
from smtplab.capture.transcript import Explainer, as_markdown, as_text
from smtplab.journal import Record
from smtplab.lab.bad_input import BadInput, NotWritten
from smtplab.view.texts import Texts

FORMATS: Final = ("text", "markdown", "pcapng")

SUFFIXES: Final = {"text": ".txt", "markdown": ".md", "pcapng": ".pcapng"}

NAME_OCTETS_MAX: Final = 200
"""Most file systems end a name at 255 octets."""

_NOT_IN_NAMES: Final = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')


def about(one: Shelved, texts: Texts) -> str:
    """A bundled capture's own description, else who was written to and what came of it."""
    own = f"capture.{one.name}.shows"
    if one.bundled and texts.has(own):
        return texts(own)
    result = texts(f"result.{one.last.result}") if one.last is not None else texts("cli.capture.unfinished")
    recipient = one.first.recipient if one.first is not None else "?"
    return texts("cli.capture.about", recipient=recipient, result=result, size=texts.octets(one.octets))


def opened(path: Path) -> Capture:
    """Raises BadInput where it can't be read, or is none."""
    try:
        return capture_file.read(path)
    except (OSError, ValueError) as trouble:
        raise BadInput("cli.cannot-read", file=str(path), reason=_reason(trouble)) from trouble
    except CaptureError as trouble:
        raise BadInput(f"cli.{trouble.reason}", file=str(path), version=trouble.version) from trouble


def redacted(records: Iterable[Record]) -> list[Record]:
    """Without secrets."""
    redactor = Redactor()
    return [redactor.redact(record) for record in records]


def exported(kind: str, records: list[Record], texts: Texts) -> bytes:
    """A file of one of `FORMATS`."""
    match kind:
        case "pcapng":
            # TLS and DNS take 0.1 s to import, and only here are packets made.
            from smtplab.capture.pcap import export  # noqa: PLC0415

            return export(records, Explainer(texts))
        case "markdown":
            lines = as_markdown(records, texts)
        case _:
            lines = as_text(records, texts)
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")


def export_file(source: Path, kind: str, target: Path, texts: Texts) -> tuple[Damaged, ...]:
    """Writes it without secrets; the lines that were passed over. A file that is there is never written over.

    Raises BadInput.
    """
    capture = opened(source)
    write_new(target, exported(kind, redacted(capture.records), texts))
    return capture.damaged


def keep(source: Path, folder: Path, name: str) -> Path:
    """A copy under another name, without secrets and without damaged lines. Raises BadInput."""
    target = folder / f"{_checked_name(name)}{SUFFIX}"
    capture = opened(source)
    if target.exists():
        raise BadInput("captures.there-already", file=str(target))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        capture_file.save(target, redacted(capture.records))
    except (OSError, ValueError) as trouble:
        raise NotWritten(target, trouble) from trouble
    return target


def throw_away(one: Shelved) -> None:
    """A person's own. Raises BadInput where it comes with smtplab, or can't be removed."""
    if one.bundled:
        raise BadInput("captures.bundled-stay", name=one.name)
    try:
        one.path.unlink(missing_ok=True)
    except OSError as trouble:
        raise NotWritten(one.path, trouble) from trouble


def write_new(target: Path, data: bytes) -> None:
    """Raises BadInput where there is such a file already, or it can't be written."""
    try:
        # Exclusively: between a look and the writing another program may make it.
        with target.open("xb") as file:
            file.write(data)
    except FileExistsError as trouble:
        raise BadInput("captures.there-already", file=str(target)) from trouble
    except (OSError, ValueError) as trouble:
        raise NotWritten(target, trouble) from trouble


def _checked_name(name: str) -> str:
    """Raises BadInput for what is no name for a file on some system."""
    bare = name.strip().removesuffix(SUFFIX)
    if not bare.strip(".") or _NOT_IN_NAMES.search(bare) or len(os.fsencode(bare)) > NAME_OCTETS_MAX:
        raise BadInput("captures.no-name", name=name)
    return bare


def _reason(trouble: Exception) -> str:
    return getattr(trouble, "strerror", None) or str(trouble)
