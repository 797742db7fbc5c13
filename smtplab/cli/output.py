"""Where a walk's records go as they are made: to standard output, to a capture, with secrets taken out before both."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from smtplab.capture.redact import Redactor
from smtplab.cli.common import silence_output
from smtplab.journal import Record
from smtplab.lab.bad_input import NotWritten
from smtplab.view.texts import Texts

if TYPE_CHECKING:
    from smtplab.capture.file import CaptureWriter

Show = Callable[[Record], None]


class Output:
    """Tells each record to a capture first and then to the person, so that what was seen is kept."""

    def __init__(self, texts: Texts, show: Show, capture: CaptureWriter | None, *, show_secrets: bool) -> None:
        self._texts = texts
        self._show: Show | None = show
        self._capture = capture
        self._redactor = None if show_secrets else Redactor()

    def tell(self, record: Record) -> None:
        """Never raises: who reads along can't change what the walk does."""
        if self._redactor is not None:
            record = self._redactor.redact(record)
        self._keep(record)
        if self._show is None:
            return
        try:
            self._show(record)
        except BrokenPipeError:
            self._show = None
            silence_output()
        except OSError as trouble:
            self._show = None
            silence_output()
            self._warn("cli.cannot-print", reason=trouble.strerror or str(trouble))

    def _keep(self, record: Record) -> None:
        if self._capture is None:
            return
        try:
            self._capture.write(record)
        except OSError as trouble:
            self._capture = None
            self._warn("cli.capture-lost", seq=record.seq, reason=trouble.strerror or str(trouble))

    def _warn(self, text: str, **arguments: str | int) -> None:
        click.echo(f"smtplab: {self._texts(text, **arguments)}", err=True)


@contextmanager
def opened_output(texts: Texts, show: Show, capture: str | None, *, show_secrets: bool) -> Iterator[Output]:
    """Raises BadInput where the capture can't be written, before anything is walked."""
    if capture is None:
        yield Output(texts, show, None, show_secrets=show_secrets)
        return
    from smtplab.capture.file import CaptureWriter  # noqa: PLC0415 (a decoder for every record takes time to build)

    try:
        writer = CaptureWriter(Path(capture))
    except (OSError, ValueError) as trouble:
        raise NotWritten(capture, trouble) from trouble
    with writer:
        yield Output(texts, show, writer, show_secrets=show_secrets)


def print_report(report: object, lines: Callable[[], list[str]], texts: Texts, *, as_json: bool) -> None:
    """What became of messages, at the end. Never raises: who can't be told of it changes nothing about it."""
    said = [msgspec.json.encode(report).decode()] if as_json else lines()
    try:
        for line in said:
            sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        silence_output()
    except OSError as trouble:
        silence_output()
        click.echo(f"smtplab: {texts('cli.cannot-print', reason=trouble.strerror or str(trouble))}", err=True)


def print_json() -> Show:
    """One record a line, out of our hands at once: who reads along sees it as it happens."""
    from smtplab.capture.codec import RecordEncoder  # noqa: PLC0415 (as above)

    encoder = RecordEncoder()
    stream = sys.stdout.buffer

    def show(record: Record) -> None:
        stream.write(encoder.encode(record))
        stream.flush()

    return show


def print_nothing(record: Record) -> None:
    """The terminal UI shows them itself."""
    del record
