"""Writes down what was said and heard in a session, as a script that says the same again; secrets it leaves out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from smtplab.lab.script import Step
from smtplab.smtp.auth_shown import MASK
from smtplab.smtp.shown import shown_line, shown_response
from smtplab.smtp.states import State

RAW_OCTETS = 4096
"""Of a long content in one line of a script: more could not be looked at in an editor."""

_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
_ESCAPES = {0x0D: "\\r", 0x0A: "\\n", 0x09: "\\t", 0x00: "\\0", 0x5C: "\\\\"}


class Scribe:
    """Give it each step once it is done, and each reply's code as it is heard; `write` gets whole lines."""

    def __init__(self, write: Callable[[str], None], *, show_secrets: bool = False) -> None:
        self._write = write
        self._show_secrets = show_secrets
        self._secrets = 0
        self._unfinished = b""
        """Of a line that was begun, and may come to be a secret's."""

    def said(self, step: Step, state: State) -> None:
        """`state` is the one in which it was said: after a 334 a line is a response, which may be a password."""
        of_content = step.word == "content" or (step.word == "send" and state == "data")
        if step.word in ("send", "raw", "content") and not (of_content or self._show_secrets):
            self._write_masked(step.data, in_auth=state == "auth")
        else:
            self._write_all(format_step(step))

    def heard(self, code: int | None) -> None:
        self._write(f"expect {code if code is not None and 200 <= code < 600 else 'any'}\n")

    def _write_masked(self, data: bytes, *, in_auth: bool) -> None:
        """Line by line, where one of them is a secret."""
        begun, self._unfinished = self._unfinished, (self._unfinished + data).rpartition(b"\n")[2]
        if not (in_auth or b"AUTH" in (begun + data).upper()):
            self._write_all(format_bytes(data))
            return
        plain = b""
        for line in _LINE.findall(data):
            prefix = _before_secret(begun + line, in_auth=in_auth)
            if prefix is None:
                plain += line
            else:
                self._secrets += 1
                self._write_all([*format_bytes(plain + prefix[len(begun) :]), f"secret {self._secrets}"])
                plain = b""
            begun = b""
        self._write_all(format_bytes(plain))

    def _write_all(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._write(f"{line}\n")


def format_step(step: Step) -> list[str]:
    """The lines that `parse_script` reads as this step, or as several that together say the same."""
    match step.word:
        case "send" | "raw" | "content":
            return format_bytes(step.data)
        case "expect":
            return [f"expect {step.code or f'/{step.pattern}/'}"]
        case "wait":
            return [f"wait {step.seconds:.6f}".rstrip("0").rstrip(".")]
        case "auth":
            return [f"auth {step.name} {step.user}"]
        case "secret":
            return [f"secret {step.name}"]
        case "tls" | "drop":
            return [step.word]


def format_bytes(data: bytes) -> list[str]:
    """`send` for a plain line, `raw` for all else; a content of many lines is not torn into as many steps."""
    if not data:
        return []
    if data.endswith(b"\r\n") and (text := _plain(data[:-2])) is not None:
        return [f"send {text}".rstrip()]
    return [f"raw {_escaped(data[start : start + RAW_OCTETS])}" for start in range(0, len(data), RAW_OCTETS)]


def _plain(line: bytes) -> str | None:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() and text == text.rstrip() else None


def _escaped(data: bytes) -> str:
    last = len(data) - 1
    return "".join(
        chr(octet)
        if 0x20 <= octet < 0x7F and octet != 0x5C and not (octet == 0x20 and index == last)
        else _ESCAPES.get(octet, f"\\x{octet:02x}")
        for index, octet in enumerate(data)
    )


def _before_secret(line: bytes, *, in_auth: bool) -> bytes | None:
    """What of a line may be written down, where the rest of it may not."""
    bare = line.rstrip(b"\r\n")
    shown, _ = shown_response(bare) if in_auth else shown_line(bare)
    if not shown.endswith(MASK) or shown == bare.decode("utf-8", "backslashreplace"):
        return None
    prefix = shown.removesuffix(MASK).encode()
    return prefix if bare.startswith(prefix) else b""
