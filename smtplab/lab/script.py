r"""The language in which a session is written down; what a server makes of it, it does not know.

    # a comment
    expect 220                  the next reply has this code, or this class of codes: `expect 2xx`
    send EHLO here.net          a line, CR LF added
    expect /PIPELINING/         somewhere in the next reply
    expect any                  a reply, whatever it says
    raw MAIL FROM:<a@b>\n       bytes: no line end is added; \r \n \t \0 \\ and \xff stand for what they stand for in C
    auth PLAIN me@here.net      a whole login; the password is never in a script
    secret 1                    a line that is asked for, or read from SMTPLAB_SECRET_1, when the script is played
    content letter.eml          a file, dots stuffed, with the dot that ends it
    wait 1.5                    seconds
    tls                         the handshake, now
    repeat 3                    what stands up to `end`, so many times
    end
    drop                        the connection ends here, with no QUIT

A dialogue with `C: ` and `S: ` before its lines, as in the project's own tests, is such a script too.
"""

from __future__ import annotations

import re
import warnings
from typing import Literal

import msgspec

STEPS_MAX = 100_000
"""Once all repeats are written out: more is a mistake, and would fill the memory."""

Word = Literal["send", "raw", "expect", "auth", "secret", "content", "wait", "tls", "drop"]

ANY = "any"
"""What `expect` says where any reply will do."""

_CODE = re.compile(r"[2-5](?:[0-9]{2}|xx)|any")
_SECONDS = re.compile(r"[0-9]{1,5}(\.[0-9]{1,6})?")
_SECRET_NAME = re.compile(r"[A-Za-z0-9_]{1,40}")
_LOGIN = re.compile(r"([A-Za-z0-9_-]{1,20}) +(\S+)")
_ESCAPE = re.compile(rb"\\(x[0-9A-Fa-f]{2}|[rnt0\\]|.?)", re.DOTALL)
_ESCAPED = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0", b"\\": b"\\"}
_OF_DIALOGUE = re.compile(r"(C:|C~|S:|S\?|S!) ?(.*)", re.DOTALL)
_FOOT = re.compile(r"(states|server|client|content|limits|dialect|halves|hidden|line_endings):.*", re.DOTALL)
"""What a dialogue of the tests says beside its lines."""


class Step(msgspec.Struct, frozen=True):
    line: int
    """Of the script, from 1; 0 for what a person types."""
    word: Word
    data: bytes = b""
    """To be sent; of a content the whole of it, dots stuffed."""
    code: str = ""
    """`250`, `2xx` or `any`."""
    pattern: str = ""
    seconds: float = 0.0
    name: str = ""
    """Of a mechanism, a secret or a file."""
    user: str = ""


class ScriptFault(msgspec.Struct, frozen=True):
    line: int
    problem: str
    """A text's id: `script.unknown-word` and the like."""
    detail: str


def parse_script(text: str) -> list[Step] | ScriptFault:
    """The steps in the order in which they are done, repeats written out."""
    blocks = [_Block(0, 1, [])]
    # Only LF ends a line: a text may hold what else Unicode takes for one.
    for number, ended in enumerate(text.split("\n"), 1):
        line = ended.rstrip("\r")
        word, _, rest = line.lstrip().partition(" ")
        if not word or word.startswith("#") or _FOOT.fullmatch(line):
            continue
        if word == "repeat":
            if not re.fullmatch(r"[1-9][0-9]{0,5}", rest.strip()):
                return ScriptFault(number, "script.bad-repeat", rest)
            blocks.append(_Block(number, int(rest), []))
            continue
        if word == "end" and len(blocks) == 1:
            return ScriptFault(number, "script.end-alone", "")
        steps = blocks.pop().written_out() if word == "end" else _step(number, line.lstrip())
        if isinstance(steps, ScriptFault):
            return steps
        if len(blocks[-1].steps) + len(steps) > STEPS_MAX:
            return ScriptFault(number, "script.too-long", str(STEPS_MAX))
        blocks[-1].steps.extend(steps)
    return blocks[0].steps if len(blocks) == 1 else ScriptFault(blocks[-1].line, "script.no-end", "")


class _Block(msgspec.Struct):
    """What stands between a `repeat` and its `end`, or the whole."""

    line: int
    times: int
    steps: list[Step]

    def written_out(self) -> list[Step] | ScriptFault:
        if len(self.steps) * self.times > STEPS_MAX:
            return ScriptFault(self.line, "script.too-long", str(STEPS_MAX))
        return self.steps * self.times


def parse_step(line: str) -> Step | ScriptFault:
    """One line of the language, as a person types it; repeats and dialogues have no place there."""
    found = _own_step(0, line.strip("\r\n").lstrip())
    return found if isinstance(found, ScriptFault) else found[0]


def _step(number: int, line: str) -> list[Step] | ScriptFault:
    if said := _OF_DIALOGUE.fullmatch(line):
        return _step_of_dialogue(number, said[1], said[2])
    return _own_step(number, line)


def _own_step(number: int, line: str) -> list[Step] | ScriptFault:
    word, _, rest = line.partition(" ")
    match word:
        case "send":
            return [Step(number, "send", encoded(rest) + b"\r\n")]
        case "raw":
            return _raw(number, rest)
        case "expect":
            return _expect(number, rest.strip())
        case "wait":
            if not _SECONDS.fullmatch(rest.strip()):
                return ScriptFault(number, "script.bad-wait", rest)
            return [Step(number, "wait", seconds=float(rest))]
        case "auth" | "secret" | "content":
            return _named(number, word, rest.strip())
        case "tls" if not rest.strip():
            return [Step(number, "tls")]
        case "drop" | "gone" if not rest.strip():
            return [Step(number, "drop")]
        case _:
            return ScriptFault(number, "script.unknown-word", word)


def _named(number: int, word: Literal["auth", "secret", "content"], rest: str) -> list[Step] | ScriptFault:
    if word == "auth":
        login = _LOGIN.fullmatch(rest)
        if login is None:
            return ScriptFault(number, "script.bad-auth", rest)
        return [Step(number, "auth", name=login[1].upper(), user=login[2])]
    if not rest or (word == "secret" and not _SECRET_NAME.fullmatch(rest)):
        return ScriptFault(number, f"script.bad-{word}", rest)
    return [Step(number, word, name=rest)]


def _step_of_dialogue(number: int, mark: str, text: str) -> list[Step] | ScriptFault:
    if mark == "C:":
        return [Step(number, "send", encoded(text) + b"\r\n")]
    if mark == "C~":
        return _raw(number, text)
    # Of a reply in several lines the last one tells the code.
    return [] if text[3:4] == "-" else _expect(number, text[:3])


def _raw(number: int, text: str) -> list[Step] | ScriptFault:
    data = unescape(text)
    return ScriptFault(number, "script.bad-escape", text) if data is None else [Step(number, "raw", data)]


def _expect(number: int, what: str) -> list[Step] | ScriptFault:
    if _CODE.fullmatch(what):
        return [Step(number, "expect", code=what)]
    if len(what) > 2 and what.startswith("/") and what.endswith("/"):
        if not _is_pattern(what[1:-1]):
            return ScriptFault(number, "script.bad-pattern", what)
        return [Step(number, "expect", pattern=what[1:-1])]
    return ScriptFault(number, "script.bad-expect", what)


def _is_pattern(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # What a later Python may read otherwise can be read by this one.
            re.compile(text)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def encoded(text: str) -> bytes:
    """UTF-8; what no UTF-8 can hold (half of a surrogate pair) as it would be written."""
    return text.encode("utf-8", "surrogatepass")


def unescape(text: str) -> bytes | None:
    """The bytes; None where an escape stands for none."""
    bad = False

    def byte_of(escape: re.Match[bytes]) -> bytes:
        nonlocal bad
        if escape[1].startswith(b"x") and len(escape[1]) == 3:
            return bytes([int(escape[1][1:], 16)])
        bad = bad or escape[1] not in _ESCAPED
        return _ESCAPED.get(escape[1], b"")

    data = _ESCAPE.sub(byte_of, encoded(text))
    return None if bad else data
