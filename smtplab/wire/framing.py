"""Where lines, contents and chunks begin and end in a stream of bytes; what they mean is not known here.

Every reader gives the same for any split of the same bytes.
"""

from __future__ import annotations

import io
import re

from smtplab.wire.flaw import Flaw

_CRLF = b"\r\n"
_END_OF_DATA = b"\r\n.\r\n"
_DOT = re.compile(rb"\r\n\.(\r\n)?")
"""At a line's beginning; alone on it the second time. Twice as fast as `find` is."""

# CR and LF stand only together, and nothing else ends a line: whoever takes less can be made to see a message
# where the host before saw only text (SMTP smuggling).
_LINE_ENDS = "RFC 5321 2.3.8"


class LineReader:
    """Splits bytes into lines at CR LF and bounds what it holds.

    A bare CR or LF inside a line is left there for the line's parser to judge. With `bare_lf_ends` an LF alone ends
    a line too and is flawed `bare-lf`: people type through `nc`, which sends no CR.
    """

    __slots__ = ("_at", "bare_lf_ends", "cut", "octets_max", "unread")

    def __init__(self, octets_max: int = 2048, *, bare_lf_ends: bool = False) -> None:
        self.octets_max = octets_max
        """Of one line with its line end; what passes it is dropped and the line flawed `line-too-long`."""
        self.bare_lf_ends = bare_lf_ends
        self.unread = b""
        """What has come, while something of it was not given out."""
        self._at = 0
        """Up to here it was."""
        self.cut: bytes | None = None
        """The beginning of a line whose excess is being dropped."""

    def receive(self, data: bytes) -> None:
        self.unread = self.unread[self._at :] + data if self.unread else data
        self._at = 0

    def next_line(self) -> tuple[bytes, tuple[Flaw, ...]] | None:
        """The next line without its end, and what is wrong with how it ended; None until more bytes come."""
        buffer = self.unread
        if not buffer:
            return None
        at, bare = self._at, False
        if self.bare_lf_ends:
            feed = buffer.find(b"\n", at)
            bare = feed >= 0 and buffer[at:feed][-1:] != b"\r"
            end = feed if bare or feed < 0 else feed - 1
        else:
            end = buffer.find(_CRLF, at)
        if end < 0:
            self._drop_excess()
            return None
        behind = end + (1 if bare else 2)
        if behind < len(buffer):
            self._at = behind
        else:
            self.unread, self._at = b"", 0
        line = buffer[at:end]
        if not bare and self.cut is None and end - at <= self.octets_max - 2:
            return line, ()
        return self._flawed(line, bare=bare)

    def _flawed(self, line: bytes, *, bare: bool) -> tuple[bytes, tuple[Flaw, ...]]:
        flaws = (Flaw("bare-lf", "", _LINE_ENDS),) if bare else ()
        if self.cut is None and len(line) <= self.octets_max - 2:
            return line, flaws
        kept = line[: self.octets_max - 2] if self.cut is None else self.cut
        self.cut = None
        return kept, (*flaws, Flaw("line-too-long", str(self.octets_max), "RFC 5321 4.5.3.1.4"))

    @property
    def pending(self) -> bytes:
        """What has come and was not given out: pipelined lines, or plaintext to be thrown away at STARTTLS."""
        return (self.cut or b"") + self.unread[self._at :]

    def take(self) -> bytes:
        """Give up what is pending, for the reader of a content or of a chunk; give its rest back with `receive`."""
        if not self.unread and self.cut is None:
            return b""
        taken = self.pending
        self.unread, self._at, self.cut = b"", 0, None
        return taken

    def _drop_excess(self) -> None:
        """Keep of a line without end no more than it may have, and a last CR, which may be half of its end."""
        tail = b"\r" if self.unread.endswith(b"\r", self._at) else b""
        if self.cut is None:
            if len(self.unread) - self._at - len(tail) <= self.octets_max - 2:
                return
            self.cut = self.unread[self._at : self._at + self.octets_max - 2]
        self.unread, self._at = tail, 0


class ContentReader:
    """The content after DATA (RFC 5321 4.1.1.4): finds its end, takes stuffed dots away (4.5.2), counts bare line ends.

    Only CR LF dot CR LF ends it; LF dot LF, LF dot CR LF and CR dot CR LF are text. `content` and `flaws` are there
    once `receive` has found the end.
    """

    # As everything begins: most contents come in one piece, and leave nearly all of it as it is.
    content = b""
    """Unstuffed, with the CR LF of its last line, without the final dot's line; empty where it was too large."""
    # The CR LF of the DATA command is the first line's "before": a dot right at the start counts. It is held as
    # if it had come, and taken off again at the end.
    _held = _CRLF
    octets = -len(_CRLF)
    """As SIZE counts: unstuffed, without the final dot (RFC 1870 3); also of what was dropped."""
    is_ascii = True
    """So far; looked at piece by piece, for all of a large content at once would hold up everybody else."""
    _bare_cr = 0
    _bare_lf = 0
    _kept: io.BytesIO | None = None
    """Where it comes in pieces. Its value is had without a copy: one of 50 MB holds up everybody else for 20 ms."""

    def __init__(self, octets_max: int, *, repairs: bool = False) -> None:
        """Past `octets_max` octets are counted and dropped. `repairs` makes a CR LF of each bare CR and bare LF."""
        self.octets_max = octets_max
        self._repairs = repairs

    def receive(self, data: bytes) -> bytes | None:
        """None while the content goes on; after its end the bytes that follow it, which are commands."""
        data = self._held + data
        # One scan serves the end and the stuffed dots alike: most pieces have neither.
        found = _DOT.search(data)
        dot = found.start() if found is not None else -1
        end = dot if found is None or found[1] is not None else data.find(_END_OF_DATA, dot)
        if end < 0:
            self._held = _beginning_of_end(data)
            self._keep(self._read(data[: len(data) - len(self._held)], dot >= 0))
            return None
        last = self._read(data[: end + 2], dot < end)
        # Of most messages it is all.
        if self._kept is None:
            self.content = last
        else:
            self._kept.write(last)
            self.content = self._kept.getvalue()
        return data[end + len(_END_OF_DATA) :]

    @property
    def too_large(self) -> bool:
        return self.octets > self.octets_max

    @property
    def flaws(self) -> tuple[Flaw, ...]:
        """`bare-lf` and `bare-cr`, one each, their number in the detail."""
        return _bare(self._bare_cr, self._bare_lf) if self._bare_lf or self._bare_cr else ()

    def _read(self, piece: bytes, stuffed: bool) -> bytes:
        """What is to be kept of it."""
        # A piece never ends inside a CR LF, so the counts of the pieces add up.
        bare_cr, bare_lf = bare_line_ends(piece)
        if bare_cr or bare_lf:
            self._bare_cr += bare_cr
            self._bare_lf += bare_lf
        if not piece.isascii():
            self.is_ascii = False
        if stuffed:
            piece = piece.replace(b"\r\n.", _CRLF)
        begun = self.octets >= 0
        self.octets += len(piece)
        if self._repairs and (bare_cr or bare_lf):
            piece = repair_line_ends(piece)
        if self.octets <= self.octets_max:
            return piece if begun else piece[len(_CRLF) :]
        self._kept = None
        return b""

    def _keep(self, piece: bytes) -> None:
        if self._kept is None:
            self._kept = io.BytesIO()
        self._kept.write(piece)


class Chunks:
    """The octets of a message in chunks (RFC 3030 2), judged as they come."""

    __slots__ = ("_bare_cr", "_bare_lf", "_held", "_kept", "_repairs", "is_ascii")

    def __init__(self, *, repairs: bool = False) -> None:
        """`repairs` as a `ContentReader`'s."""
        self.is_ascii = True
        self._repairs = repairs
        self._held = b""
        """A CR that ends one piece; its LF may begin the next."""
        self._kept = io.BytesIO()
        self._bare_cr = 0
        self._bare_lf = 0

    def add(self, piece: bytes) -> None:
        """Any piece of any chunk."""
        piece = self._held + piece
        self._held = b"\r" if piece.endswith(b"\r") else b""
        self._read(piece[: len(piece) - len(self._held)])

    def whole(self) -> bytes:
        """When all is there; had without a copy, as a `ContentReader`'s."""
        held, self._held = self._held, b""
        self._read(held)
        return self._kept.getvalue()

    def _read(self, piece: bytes) -> None:
        bare_cr, bare_lf = bare_line_ends(piece)
        self._bare_cr += bare_cr
        self._bare_lf += bare_lf
        self.is_ascii = self.is_ascii and piece.isascii()
        self._kept.write(repair_line_ends(piece) if self._repairs and (bare_cr or bare_lf) else piece)

    @property
    def flaws(self) -> tuple[Flaw, ...]:
        """As `ContentReader.flaws`."""
        return _bare(self._bare_cr, self._bare_lf)


class ChunkReader:
    """One BDAT chunk: as many octets as it announces, whatever they are."""

    __slots__ = ("_chunks", "owed")

    def __init__(self, octets: int, chunks: Chunks | None) -> None:
        """With None they are counted and dropped, so that the dialogue stays in step after a refusal."""
        self.owed = octets
        """How many are still to come."""
        self._chunks = chunks

    def receive(self, data: bytes) -> bytes | None:
        """None while octets are owed; then the bytes that follow the chunk."""
        piece = data[: self.owed]
        if self._chunks is not None:
            self._chunks.add(piece)
        self.owed -= len(piece)
        return None if self.owed else data[len(piece) :]


def stuff(content: bytes) -> bytes:
    """The content as it goes on the wire after 354: dots stuffed, a missing last CR LF added, then the dot."""
    first = b"." if content.startswith(b".") else b""
    last = b"" if content.endswith(_CRLF) or not content else _CRLF
    return b"".join((first, content.replace(b"\r\n.", b"\r\n.."), last, b".\r\n"))


def bare_line_ends(content: bytes) -> tuple[int, int]:
    """How many CR stand without LF and how many LF without CR."""
    pairs = content.count(_CRLF)
    return content.count(b"\r") - pairs, content.count(b"\n") - pairs


def _bare(bare_cr: int, bare_lf: int) -> tuple[Flaw, ...]:
    counted = (("bare-lf", bare_lf), ("bare-cr", bare_cr))
    return tuple(Flaw(rule, str(number), _LINE_ENDS) for rule, number in counted if number)


def repair_line_ends(content: bytes) -> bytes:
    """Every bare CR and bare LF made a CR LF."""
    return content.replace(_CRLF, b"\n").replace(b"\r", b"\n").replace(b"\n", _CRLF)


def _beginning_of_end(data: bytes) -> bytes:
    """The longest tail of `data` that may turn out to begin the end of data: CR, CR LF, CR LF dot or CR LF dot CR."""
    for length in (4, 3, 2, 1):
        if data.endswith(_END_OF_DATA[:length]):
            return _END_OF_DATA[:length]
    return b""
