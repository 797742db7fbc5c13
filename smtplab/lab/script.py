"""The language in which a session is written down; what a server makes of it, it does not know.

    # a comment
    expect 220                  the next reply has this code, or this class of codes: `expect 2xx`
    send EHLO here.net          a line, CR LF added
    expect /PIPELINING/         somewhere in the next reply
    raw MAIL FROM:<a@b>\\n      bytes as they are, with the escapes of Python: no line end is added
    wait 1.5                    seconds
    tls                         the handshake, now
    repeat 3                    what stands up to `end`, so many times
    end
    drop                        the connection ends here, with no QUIT

A dialogue with `C: ` and `S: ` before its lines, as in the project's own tests, is such a script too.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

STEPS_MAX = 100_000
"""Once all repeats are written out: more is a mistake, and would fill the memory."""

Word = Literal["send", "raw", "expect", "wait", "tls", "drop"]

_CODE = re.compile(r"[2-5](?:[0-9]{2}|xx)")
_OF_DIALOGUE = re.compile(r"(C:|C~|S:|S\?|S!) ?(.*)", re.DOTALL)
_FOOT = re.compile(r"(states|server|client|content|limits|dialect|halves|hidden|line_endings):.*", re.DOTALL)
"""What a dialogue of the tests says beside its lines."""


class Step(msgspec.Struct, frozen=True):
    line: int
    """Of the script, from 1."""
    word: Word
    data: bytes = b""
    """To be sent."""
    code: str = ""
    """`250` or `2xx`."""
    pattern: str = ""
    seconds: float = 0.0


class ScriptFault(msgspec.Struct, frozen=True):
    line: int
    problem: str
    """A text's id: `script.unknown-word` and the like."""
    detail: str


def parse_script(text: str) -> list[Step] | ScriptFault:
    """The steps in the order in which they are done, repeats written out."""
    blocks: list[tuple[int, int, list[Step]]] = [(0, 1, [])]
    for number, line in enumerate(text.splitlines(), 1):
        word, _, rest = line.strip("\r").lstrip().partition(" ")
        if not word or word.startswith("#") or _FOOT.fullmatch(line):
            continue
        if word == "repeat":
            if not re.fullmatch(r"[1-9][0-9]{0,5}", rest.strip()):
                return ScriptFault(number, "script.bad-repeat", rest)
            blocks.append((number, int(rest), []))
        elif word == "end":
            if len(blocks) == 1:
                return ScriptFault(number, "script.end-alone", "")
            _, times, steps = blocks.pop()
            if len(steps) * times + len(blocks[-1][2]) > STEPS_MAX:
                return ScriptFault(number, "script.too-long", str(STEPS_MAX))
            blocks[-1][2].extend(steps * times)
        else:
            step = _step(number, line.strip("\r").lstrip())
            if isinstance(step, ScriptFault):
                return step
            blocks[-1][2].extend(step)
    if len(blocks) > 1:
        return ScriptFault(blocks[-1][0], "script.no-end", "")
    return blocks[0][2]


def _step(number: int, line: str) -> list[Step] | ScriptFault:
    if said := _OF_DIALOGUE.fullmatch(line):
        return _step_of_dialogue(number, said[1], said[2])
    word, _, rest = line.partition(" ")
    match word:
        case "send":
            return [Step(number, "send", rest.encode() + b"\r\n")]
        case "raw":
            return _raw(number, rest)
        case "expect":
            return _expect(number, rest.strip())
        case "wait":
            if not re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,6})?", rest.strip()):
                return ScriptFault(number, "script.bad-wait", rest)
            return [Step(number, "wait", seconds=float(rest))]
        case "tls" | "drop" if not rest.strip():
            return [Step(number, "tls" if word == "tls" else "drop")]
        case "gone":
            return [Step(number, "drop")]
        case _:
            return ScriptFault(number, "script.unknown-word", word)


def _step_of_dialogue(number: int, mark: str, text: str) -> list[Step] | ScriptFault:
    if mark == "C:":
        return [Step(number, "send", text.encode() + b"\r\n")]
    if mark == "C~":
        return _raw(number, text)
    # Of a reply in several lines the last one tells the code.
    return [] if text[3:4] == "-" else _expect(number, text[:3])


def _raw(number: int, text: str) -> list[Step] | ScriptFault:
    try:
        data = text.encode("latin-1", "backslashreplace").decode("unicode_escape").encode("latin-1")
    except (UnicodeDecodeError, UnicodeEncodeError):
        return ScriptFault(number, "script.bad-escape", text)
    return [Step(number, "raw", data)]


def _expect(number: int, what: str) -> list[Step] | ScriptFault:
    if _CODE.fullmatch(what):
        return [Step(number, "expect", code=what)]
    if len(what) > 2 and what.startswith("/") and what.endswith("/"):
        try:
            re.compile(what[1:-1])
        except re.error:
            return ScriptFault(number, "script.bad-pattern", what)
        return [Step(number, "expect", pattern=what[1:-1])]
    return ScriptFault(number, "script.bad-expect", what)
