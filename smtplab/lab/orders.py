"""Reads what a person types in a session: a line to be said, or after a colon something else to be done."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import msgspec

from smtplab.lab.parts import crlf
from smtplab.lab.script import ScriptFault, Step, encoded, parse_step, unescape
from smtplab.smtp.states import State
from smtplab.wire.framing import stuff

FILE_OCTETS_MAX = 64 * 1024 * 1024
"""Typed by hand no larger content makes sense: servers take some tens of megabytes."""

WORDS = (
    "starttls",
    "tls",
    "auth",
    "data",
    "bdat",
    "raw",
    "bare",
    "half",
    "wait",
    "drop",
    "dots",
    "snippet",
    "replay",
    "save",
    "help",
    "quit",
)
"""All that may stand after a colon, in the order in which it is of use."""

_HERE = frozenset({"dots", "snippet", "replay", "save", "help", "quit"})
"""What is done on this side alone."""

_CHUNK = re.compile(r"(?:(last)\s+)?(@?)(.*)", re.DOTALL | re.IGNORECASE)


class Login(msgspec.Struct, frozen=True):
    """AUTH, made here; the password has still to be asked for."""

    mechanism: str
    user: str


class Here(msgspec.Struct, frozen=True):
    """Something for whoever shows the session."""

    word: str
    argument: str


class Trouble(msgspec.Struct, frozen=True):
    """It can't be done; a text's id and its argument."""

    text: str
    detail: str = ""


Order = tuple[Step, ...] | Login | Here | Trouble

STARTTLS = (Step(0, "send", b"STARTTLS\r\n"), Step(0, "expect", code="any"), Step(0, "tls", code="220"))
"""The handshake only after the 220."""


def read_order(typed: str, state: State, *, dots: bool) -> Order:
    """`state` is where the dialogue stands; `dots`: a content's lines that begin with a dot get one more."""
    if typed.startswith("::"):
        return _line(typed[1:], state, dots=dots)
    if not typed.startswith(":"):
        return _line(typed, state, dots=dots)
    word, _, argument = typed[1:].partition(" ")
    word = word.lower()
    if word in _HERE:
        return Here(word, argument.strip())
    if word == "data":
        return _data(argument, dots=dots)
    reader = _READERS.get(word)
    return Trouble("session.unknown-order", word) if reader is None else reader(argument)


def _line(text: str, state: State, *, dots: bool) -> Order:
    stuffed = dots and state == "data" and text.startswith(".") and text != "."
    return (Step(0, "send", encoded(f".{text}" if stuffed else text) + b"\r\n"),)


def _raw(text: str, end: bytes = b"") -> Order:
    data = unescape(text)
    return Trouble("script.bad-escape", text) if data is None else (Step(0, "raw", data + end),)


def _of_script(word: str) -> Callable[[str], Order]:
    def read(argument: str) -> Order:
        step = parse_step(f"{word} {argument}".rstrip())
        return Trouble(step.problem, step.detail) if isinstance(step, ScriptFault) else (step,)

    return read


def _login(argument: str) -> Order:
    """With nothing behind it whoever was named beforehand."""
    if not argument.strip():
        return Login("", "")
    step = parse_step(f"auth {argument}")
    return Trouble("session.bad-login") if isinstance(step, ScriptFault) else Login(step.name, step.user)


def _data(argument: str, *, dots: bool) -> Order:
    """With its dots stuffed and the dot that ends it; without `dots` as it is, and then it may not end."""
    content = _file(argument.strip().removeprefix("@"))
    if isinstance(content, Trouble):
        return content
    return (Step(0, "content", stuff(crlf(content)) if dots else content, name=argument),)


def _chunk(argument: str) -> Order:
    """The octets are counted; a text may hold the escapes of `raw`."""
    found = _CHUNK.fullmatch(argument.strip())
    assert found is not None
    last, from_file, text = found.groups()
    content = _file(text) if from_file else unescape(text)
    if content is None:
        return Trouble("script.bad-escape", text)
    if isinstance(content, Trouble):
        return content
    command = f"BDAT {len(content)}{' LAST' if last else ''}\r\n".encode()
    return (Step(0, "raw", command + content),)


def _file(path: str) -> bytes | Trouble:
    try:
        found = Path(path).expanduser()
        if found.exists() and not found.is_file():
            # A terminal or a pipe would keep everything waiting.
            return Trouble("session.no-file", path)
        with found.open("rb") as file:
            content = file.read(FILE_OCTETS_MAX + 1)
    except (OSError, ValueError, RuntimeError) as trouble:
        return Trouble("session.no-file", f"{path}: {getattr(trouble, 'strerror', None) or trouble}")
    return content if len(content) <= FILE_OCTETS_MAX else Trouble("session.large-file", path)


_READERS: dict[str, Callable[[str], Order]] = {
    "starttls": lambda _: STARTTLS,
    "tls": _of_script("tls"),
    "auth": _login,
    "bdat": _chunk,
    "raw": _raw,
    "bare": lambda text: _raw(text, b"\n"),
    "half": _raw,
    "wait": _of_script("wait"),
    "drop": _of_script("drop"),
}
