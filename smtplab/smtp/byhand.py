"""Follows bytes that a person sends as they are: where lines, contents and chunks end, so that answers find them."""

from __future__ import annotations

import msgspec

from smtplab.wire.flaw import Flaw
from smtplab.wire.framing import ContentReader


class LineLeft(msgspec.Struct, frozen=True, gc=False):
    """A line that most servers will take for one: they end it at LF, whatever RFC 5321 2.3.8 says."""

    line: bytes
    end: bytes


class ContentLeft(msgspec.Struct, frozen=True):
    octets: int
    flaws: tuple[Flaw, ...]


class Follower:
    """`send` what leaves, then `next_piece` until None. A line without an end waits for the rest of it."""

    def __init__(self) -> None:
        self._rest = b""
        self._content: ContentReader | None = None
        self.octets_owed = 0

    def send(self, data: bytes) -> None:
        self._rest += data

    def expect_chunk(self, octets: int) -> None:
        """A BDAT has left: so many octets that follow are no lines."""
        self.octets_owed = octets

    def end_content(self) -> None:
        """The server did not want a content after all."""
        self._content = None

    @property
    def chunk_unfinished(self) -> bool:
        return self.octets_owed > 0

    def next_piece(self, *, in_content: bool) -> LineLeft | ContentLeft | None:
        if self.octets_owed:
            self.octets_owed, passed = max(0, self.octets_owed - len(self._rest)), self.octets_owed
            self._rest = self._rest[passed:]
        if not self._rest:
            return None
        return self._next_content() if in_content else self._next_line()

    def _next_line(self) -> LineLeft | None:
        end = self._rest.find(b"\n") + 1
        if not end:
            return None
        line, self._rest = self._rest[:end], self._rest[end:]
        return LineLeft(line[:-2], b"\r\n") if line.endswith(b"\r\n") else LineLeft(line[:-1], b"\n")

    def _next_content(self) -> ContentLeft | None:
        if self._content is None:
            self._content = ContentReader(0)  # counted, not kept
        after = self._content.receive(self._rest)
        self._rest = after or b""
        if after is None:
            return None
        done, self._content = self._content, None
        return ContentLeft(done.octets, done.flaws)
