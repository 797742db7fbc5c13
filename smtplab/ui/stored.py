"""A message that lies in a mailbox, as its list names it and as its bytes read."""

from __future__ import annotations

from typing import Final

from textual.content import Content

from smtplab.message.header import decode_words, fields_of, find_first
from smtplab.ui.reading import elapsed
from smtplab.ui.rungs import fitted
from smtplab.view.knowledge import StoredMessage
from smtplab.view.safe import safe
from smtplab.view.texts import Texts

_SHOWN_OCTETS: Final = 16_384
"""Of a message: its whole head and the beginning of its body."""
_MAILBOX_CELLS_MAX: Final = 32
"""On one line with the subject, of which the rest of 80 columns is left."""


def line(one: StoredMessage, raw: bytes | None, *, on_one_line: bool) -> Content:
    """When it came, into which mailbox and, where its bytes are known, what it is about."""
    mailbox = fitted(safe(one.mailbox), _MAILBOX_CELLS_MAX) if on_one_line else safe(one.mailbox)
    said = Content.assemble((f"{elapsed(one.elapsed_us / 1e6):>9}  ", "$quiet"), mailbox)
    subject = "" if raw is None else decode_words(find_first(fields_of(raw[:_SHOWN_OCTETS]), "Subject"))
    if not subject:
        return said
    apart = "  " if on_one_line else f"\n{' ' * 11}"
    return Content.assemble(said, apart, (safe(subject), "$accent"))


def picture(raw: bytes, texts: Texts) -> Content:
    """The stored bytes line by line; the fields' names stand out, and what is no UTF-8 shows as such."""
    shown = _picture(raw[:_SHOWN_OCTETS])
    if (rest := len(raw) - _SHOWN_OCTETS) > 0:
        more = Content.styled(texts("ui.host.stored.more", count=rest), "$quiet")
        shown = Content("\n\n").join([shown, more])
    return shown


def _picture(raw: bytes) -> Content:
    head, _, body = raw.partition(b"\r\n\r\n")
    lines: list[Content] = []
    for line in _lines(head):
        name, colon, rest = line.partition(":")
        if colon and not line[:1].isspace():
            lines.append(Content.assemble((f"{safe(name)}:", "bold $client"), safe(rest)))
        else:
            lines.append(Content(safe(line)))
    lines.append(Content())
    lines += [Content.styled(safe(line), "$quiet") for line in _lines(body)]
    return Content("\n").join(lines)


def _lines(part: bytes) -> list[str]:
    """A tab is the room that it takes."""
    return part.decode("utf-8", "backslashreplace").expandtabs(4).split("\r\n")
