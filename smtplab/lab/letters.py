"""Messages that lie in files: an `.eml`, an mbox, a Maildir, or a folder of `.eml` files, each read when wanted."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import getaddresses
from pathlib import Path

import msgspec

from smtplab.lab.bad_input import BadInput
from smtplab.lab.parts import file_content

_FROM_LINE = re.compile(rb"^From [^\r\n]*\r?\n", re.MULTILINE)
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_RECIPIENT_FIELDS = ("To", "Cc", "Bcc")

LETTERS_MAX = 1_000_000
"""Their places are held, so that all can be checked before the first is sent."""


class Stored(msgspec.Struct, frozen=True):
    name: str
    read: Callable[[], bytes]
    """Its octets. Raises BadInput."""


def stored_letters(path: str) -> list[Stored]:
    """In their order, or by name. Raises BadInput where there are none."""
    place = Path(path)
    if place.is_dir():
        folders = [place / "new", place / "cur"] if (place / "cur").is_dir() else [place]
        maildir = len(folders) > 1
        files = sorted(file for folder in folders for file in folder.glob("*") if _is_letter(file, maildir=maildir))
        found = [Stored(str(file), functools.partial(file_content, str(file))) for file in files[:LETTERS_MAX]]
    else:
        content = file_content(path)
        found = list(_of_mbox(path, content)) if content.startswith(b"From ") else [Stored(path, lambda: content)]
    if not found:
        raise BadInput("letters.none", file=path)
    return found


def recipients_in(content: bytes) -> tuple[str, ...]:
    """Whom To, Cc and Bcc name."""
    header = BytesHeaderParser(policy=compat32).parsebytes(_header(content))
    fields = [str(value) for name in _RECIPIENT_FIELDS for value in header.get_all(name, [])]
    return tuple(dict.fromkeys(address for _, address in getaddresses(fields) if "@" in address))


def sender_in(content: bytes) -> str | None:
    """Whom From names; None where it names nobody, or several."""
    header = BytesHeaderParser(policy=compat32).parsebytes(_header(content))
    found = [address for _, address in getaddresses([str(value) for value in header.get_all("From", [])])]
    return found[0] if len(found) == 1 and "@" in found[0] else None


def without_bcc(content: bytes) -> bytes:
    """As a sender's program has to send it: whom Bcc names is nobody's to know (RFC 5322 3.6.3)."""
    header = _header(content)
    kept = re.sub(rb"(?im)^bcc:[^\n]*\n(?:[ \t][^\n]*\n)*", b"", header)
    return kept + content[len(header) :]


def _is_letter(file: Path, *, maildir: bool) -> bool:
    return file.is_file() and not file.name.startswith(".") and (maildir or file.suffix.lower() in (".eml", ".msg", ""))


def _of_mbox(path: str, content: bytes) -> Iterator[Stored]:
    """mboxrd: a line that begins so in a message bears a `>` more (qmail's mbox(5))."""
    starts = [found for found in _FROM_LINE.finditer(content) if _after_empty_line(content, found.start())]
    for number, start in enumerate(starts, 1):
        end = starts[number].start() if number < len(starts) else len(content)
        piece = content[start.end() : end]

        def read(piece: bytes = piece) -> bytes:
            whole = _QUOTED_FROM.sub(rb"\1", piece)
            return re.sub(rb"(\r?\n)\r?\n\Z", rb"\1", whole)

        yield Stored(f"{path}#{number}", read)


def _after_empty_line(content: bytes, at: int) -> bool:
    return at == 0 or content[max(0, at - 3) : at].endswith((b"\n\n", b"\n\r\n"))


def _header(content: bytes) -> bytes:
    found = _HEADER_END.search(content)
    return content[: found.end()] if found else content
