"""SMTP by hand, line by line: a prompt in the terminal, each reply shown and explained, no screen taken over."""

from __future__ import annotations

import asyncio
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from getpass import getpass
from pathlib import Path

import click

from smtplab.capture.file import save
from smtplab.capture.redact import Redactor
from smtplab.cli.line_editor import Alarm, Engine, Over, line_editor
from smtplab.cli.output import Output, Show, opened_output, print_json
from smtplab.cli.plain import PlainPrinter
from smtplab.cli.session_asked import Asked
from smtplab.journal import Record
from smtplab.lab.conversation import QUIT, Conversation
from smtplab.lab.exits import INTERRUPTED
from smtplab.lab.feed import Ended
from smtplab.lab.orders import WORDS, Here, Login, Trouble, read_order
from smtplab.lab.scribe import Scribe
from smtplab.lab.script import Step
from smtplab.lab.snippets import SNIPPETS, snippet
from smtplab.lab.typist import Typist
from smtplab.smtp.sasl import Secret
from smtplab.view.byhand import gist, is_left_out
from smtplab.view.journey import Journey
from smtplab.view.texts import Texts
from smtplab.view.words import Speaker

_LEFT_OUT = frozenset({"replay"})
"""What needs more room than a line."""

REPLY_S_MAX = 8.0
"""Until the next prompt: greetings are held back for some seconds, and a broken line may have no answer at all."""

_ASKED_FIRST = frozenset({"✗", "?"})
"""Marks of lines that a person may have typed by mistake."""


def speak_by_lines(texts: Texts, asked: Asked, scribe: Scribe | None) -> int:
    """The exit code. Standard input is a terminal; this thread reads it, another one holds the connection."""
    show = print_json() if asked.as_json else _Printer(texts, color=asked.state.color)
    with opened_output(texts, show, asked.capture, show_secrets=asked.request.show_secrets) as output:
        return _Lines(texts, asked, output, scribe).run()


class _Printer:
    """Each record as a plain walk has it, with what a reply means below it, and what to do where it refuses."""

    def __init__(self, texts: Texts, *, color: bool) -> None:
        self._texts = texts
        self._speaker = Speaker(texts)
        self._printer: Show = PlainPrinter(texts, color=color, below=self._below).follow
        self._first: Record | None = None

    def __call__(self, record: Record) -> None:
        """Raises OSError where standard output takes no more."""
        self._first = self._first or record
        if not is_left_out(record, self._first):
            self._printer(record)
            sys.stdout.flush()

    def _below(self, record: Record, journey: Journey) -> Iterable[str]:
        if said := gist(record, journey, self._texts):
            return said
        sentence = self._speaker(record, journey)
        return () if sentence is None else (sentence,)


class _Lines:
    """The two threads meet here: what the other one tells is told between two lines."""

    def __init__(self, texts: Texts, asked: Asked, output: Output, scribe: Scribe | None) -> None:
        self._texts = texts
        self._asked = asked
        self._output = output
        self._conversation = Conversation(asked.way, self._tell, scribe)
        self._typist = Typist(self._conversation)
        self._quiet = asyncio.Event()
        self._conversation.on_rest = self._quiet.set
        self._prompt: str | None = None
        """While a line is being typed."""
        self._conversation.remember(asked.request)

    def run(self) -> int:
        """The exit code."""
        self._note(self._texts("session.lines.welcome"))
        with line_editor(self._typist.completed) as editor, Engine() as engine:
            self._editor, self._engine = editor, engine
            with Alarm(engine, lambda: self._prompt is not None) as alarm:
                running = engine.begin(self._conversation.run(), alarm.ring)
                try:
                    self._read_on()
                    ended: Ended = running.wait()
                except (KeyboardInterrupt, click.Abort):
                    running.cancel()
                    return INTERRUPTED
                except BaseException:
                    running.cancel()
                    raise
        if ended.problem is not None:
            click.echo(f"smtplab: {self._texts(ended.problem, **ended.arguments)}", err=True)
        return ended.exit_code

    def _read_on(self) -> None:
        while True:
            if not self._engine.do(self._rest()):
                self._note(self._texts("session.lines.no-reply"))
            if self._is_over():
                return
            try:
                typed = self._read_line()
            except EOFError:
                self._note("")
                self._engine.call(self._conversation.leave)
                return
            except Over:
                if not self._asked.as_json:
                    sys.stdout.write("\r\x1b[K")  # the prompt that nothing can be typed at any more
                return
            self._take(typed)

    async def _rest(self) -> bool:
        """False where a reply is still owed after a while: the person may go on all the same."""
        try:
            async with asyncio.timeout(REPLY_S_MAX):
                while not (self._conversation.at_rest or self._is_over()):
                    self._quiet.clear()
                    await self._quiet.wait()
        except TimeoutError:
            return self._conversation.standing is None
        return True

    def _is_over(self) -> bool:
        return self._conversation.over or self._conversation.ended is not None

    def _read_line(self) -> str:
        arrow = "~>" if self._conversation.secure else "->"
        self._prompt = "" if self._asked.as_json else f"{self._typist.state} {arrow} "
        try:
            return input(self._prompt)
        except SystemError as two_at_once:
            # Ctrl-C and the session's end in the same moment: `input` can't raise both.
            raise KeyboardInterrupt from two_at_once
        finally:
            self._prompt = None

    def _tell(self, record: Record) -> None:
        """From the other thread; where a line is being typed, it stands below what is told."""
        prompt = self._prompt
        if prompt:
            sys.stdout.write("\r\x1b[K")
        self._output.tell(record)
        if prompt:
            sys.stdout.write(prompt + self._editor.begun())
            sys.stdout.flush()

    # What was typed

    def _take(self, typed: str) -> None:
        order = read_order(typed, self._typist.state, dots=self._typist.dots)
        match order:
            case Trouble(text, detail):
                self._note(self._texts(text, detail=detail))
            case Login(mechanism, user) if user or self._conversation.user:
                self._log_in(mechanism or self._conversation.mechanism, user or self._conversation.user)
            case Login():
                self._note(self._texts("session.bad-login"))
            case Here(word, argument):
                self._do_here(word, argument)
            case _:
                if self._is_meant(typed):
                    self._typist.note(typed)
                    self._say(order)

    def _is_meant(self, typed: str) -> bool:
        """What breaks a rule is said before it leaves, and leaves all the same if it is wanted."""
        mark = self._typist.mark(typed, self._texts)
        if mark.tone not in ("odd", "bad"):
            return True
        self._note(f"{mark.sign} {mark.text}")
        if mark.sign not in _ASKED_FIRST or self._asked.as_json:
            return True
        return not input(self._texts("session.lines.all-the-same")).strip()

    def _say(self, steps: Sequence[Step]) -> None:
        self._engine.call(self._conversation.ask, *steps)

    def _log_in(self, mechanism: str, user: str) -> None:
        if user not in self._conversation.passwords:
            self._conversation.passwords[user] = Secret(getpass(self._texts("session.lines.password", user=user)))
        self._say([Step(0, "auth", name=mechanism, user=user)])

    def _do_here(self, word: str, argument: str) -> None:
        match word:
            case "quit":
                closing = self._typist.state in ("data", "auth", "tls", "connected")
                self._say([Step(0, "drop") if closing else QUIT])
            case "save":
                self._save(argument)
            case "dots":
                self._typist.dots = argument.lower() != "off" if argument else not self._typist.dots
                self._note(self._texts(f"session.dots.{'on' if self._typist.dots else 'off'}"))
            case "snippet" if (found := snippet(argument)) is not None:
                self._say(found.steps(*self._typist.letter))
            case "snippet":
                self._note("\n".join(f"{one.name:<12} {self._texts(f'snippet.{one.name}.title')}" for one in SNIPPETS))
            case "replay":
                self._note(self._texts("session.lines.full-screen"))
            case _:
                self._note("\n".join(self._texts(f"session.order.{one}") for one in WORDS if one not in _LEFT_OUT))

    def _save(self, path: str) -> None:
        redactor = Redactor()
        try:
            save(Path(path), [redactor.redact(record) for record in self._conversation.records])
        except (OSError, ValueError) as trouble:
            reason = getattr(trouble, "strerror", None) or str(trouble)
            self._note(self._texts("cli.cannot-write", file=path, reason=reason))
        else:
            self._note(self._texts("session.lines.saved", path=path))

    def _note(self, text: str) -> None:
        width = shutil.get_terminal_size().columns
        for line in text.split("\n"):
            click.echo("\n".join(textwrap.wrap(line, width, break_on_hyphens=False)), err=self._asked.as_json)
