"""Prints a sending as swaks would: which lines, with which marks, and into which file."""

from __future__ import annotations

import contextlib
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

import click
import msgspec

from smtplab.cli.values import option_flags
from smtplab.cli.words import one_of
from smtplab.journal import Record
from smtplab.lab.bad_input import NotWritten
from smtplab.view.swaks import DoorKind, Kind, Said, SwaksTranscript
from smtplab.view.texts import Texts

_STREAMS = {"&STDOUT": "stdout", "&STDERR": "stderr"}
_COLOURS: dict[Kind, str] = {"sent": "cyan", "received": "green", "refusal": "red", "error": "red"}
_TROUBLES = ("error", "refusal")


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines are shown, and how."""

    suppress_data: bool = False
    lapse: str = ""
    bare: frozenset[Kind] = frozenset()
    """Kinds without their mark."""
    hidden: frozenset[Kind] = frozenset()
    silent: int = 0
    """1: nothing before the first trouble; 2: troubles alone; 3: nothing."""
    door: DoorKind = ""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """How a sending is told of."""

    shown: Shown
    as_json: bool
    capture: str | None
    files: tuple[str | None, str | None, str | None]
    swaks_codes: bool
    color: bool


def output_options(texts: Texts) -> list[click.Parameter]:
    """swaks' own, under its names."""
    return [
        *option_flags(
            texts,
            ("--suppress-data", "-n", "suppress_data"),
            ("--no-info-hints", "-nih", "no_info_hints"),
            ("--no-send-hints", "-nsh", "no_send_hints"),
            ("--no-receive-hints", "-nrh", "no_receive_hints"),
            ("--no-hints", "-nth", "no_hints"),
            ("--hide-receive", "-hr", "hide_receive"),
            ("--hide-send", "-hs", "hide_send"),
            ("--hide-informational", "-hi", "hide_info"),
            ("--hide-all", "-ha", "hide_all"),
        ),
        click.Option(
            ["--show-time-lapse", "-stl", "lapse"], is_flag=False, flag_value="f", help=texts("cli.help.lapse")
        ),
        click.Option(
            ["--silent", "-S", "silent"],
            is_flag=False,
            flag_value="1",
            type=click.IntRange(1, 3),
            metavar="[1|2|3]",
            help=texts("cli.help.silent"),
        ),
        click.Option(["--output", "--output-file", "output"], metavar="FILE", help=texts("cli.help.output")),
        click.Option(["--output-file-stdout", "output_stdout"], metavar="FILE", help=texts("cli.help.output_stdout")),
        click.Option(["--output-file-stderr", "output_stderr"], metavar="FILE", help=texts("cli.help.output_stderr")),
    ]


OPTIONAL = {"lapse": one_of("i"), "silent": one_of("1", "2", "3")}
"""Those that may stand bare."""


def shown_from(values: dict[str, Any]) -> Shown:
    """Takes the values of `output_options`, but for the files, out of a command's values."""
    received: frozenset[Kind] = frozenset({"received", "refusal"})
    sent: frozenset[Kind] = frozenset({"sent"})
    info: frozenset[Kind] = frozenset({"info"})
    no_hints = values.pop("no_hints")
    bare = info if values.pop("no_info_hints") else frozenset()
    bare |= sent if values.pop("no_send_hints") or no_hints else frozenset()
    bare |= received if values.pop("no_receive_hints") or no_hints else frozenset()
    hidden = received if values.pop("hide_receive") else frozenset()
    hidden |= sent if values.pop("hide_send") else frozenset()
    hidden |= info if values.pop("hide_info") else frozenset()
    hide_all = values.pop("hide_all")
    silent = values.pop("silent")
    return Shown(
        suppress_data=values.pop("suppress_data"),
        lapse=values.pop("lapse") or "",
        bare=bare,
        hidden=hidden,
        silent=3 if hide_all else int(silent or 0),
    )


class SwaksPrinter:
    """Called with each record in turn."""

    def __init__(self, texts: Texts, content: bytes | None, shown: Shown, files: Files, *, color: bool) -> None:
        self._transcript = SwaksTranscript(
            texts, content, suppress_data=shown.suppress_data, lapse=shown.lapse, door=shown.door
        )
        self._shown = shown
        self._files = files
        self._color = color and files.out.isatty()
        self._troubled = False

    def __call__(self, record: Record) -> None:
        """Raises OSError where the output takes no more."""
        for said in self._transcript(record):
            self.say(said)

    def say(self, said: Said) -> None:
        """One line, where it belongs; troubles of our own go to standard error, as in swaks."""
        shown, trouble = self._shown, said.kind in _TROUBLES
        if shown.silent == 3 or said.kind in shown.hidden:
            return
        self._troubled = self._troubled or trouble
        if (shown.silent == 1 and not self._troubled) or (shown.silent == 2 and not trouble):
            return
        line = said.text if said.kind in shown.bare else str(said)
        file = self._files.err if said.kind == "error" else self._files.out
        encoding = file.encoding or "utf-8"
        line = line.encode(encoding, "backslashreplace").decode(encoding)
        if self._color and said.kind in _COLOURS:
            line = click.style(line, fg=_COLOURS[said.kind])
        file.write(line + "\n")
        file.flush()


class Files:
    """Where output goes; it is a context, which closes what it opened. Raises BadInput."""

    def __init__(self, both: str | None, out: str | None, err: str | None) -> None:
        self._stack = ExitStack()
        self._opened: dict[str, TextIO] = {}
        try:
            self.out = self._open(out or both or "&STDOUT")
            self.err = self._open(err or both or "&STDERR")
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> Files:
        return self

    def __exit__(self, *trouble: object) -> None:
        # Every line was flushed as it was written: what a full disk would not take has been told by then.
        with contextlib.suppress(OSError):
            self._stack.close()

    def _open(self, name: str) -> TextIO:
        if name in _STREAMS:
            return getattr(sys, _STREAMS[name])  # type: ignore[no-any-return]
        if name not in self._opened:
            try:
                file = Path(name).open("w", encoding="utf-8")  # noqa: SIM115 - the stack closes it
            except (OSError, ValueError) as trouble:
                raise NotWritten(name, trouble) from trouble
            self._opened[name] = self._stack.enter_context(file)
        return self._opened[name]
