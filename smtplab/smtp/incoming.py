"""A message on its way into a server, as content after DATA or in chunks: octets in, one request out."""

from __future__ import annotations

from smtplab.events import MessageReceived, Transfer
from smtplab.journal import Emit
from smtplab.smtp.refusals import refuse_line_ends, too_large
from smtplab.smtp.requests import Asked, ContentReceived, Limits, LineEndings
from smtplab.smtp.rules import broken, broken_by_flaw
from smtplab.wire.command import Bdat
from smtplab.wire.flaw import Flaw
from smtplab.wire.framing import ChunkReader, Chunks, ContentReader
from smtplab.wire.reply import Reply


class Incoming:
    """Holds at most `Limits.message_octets`; what passes them is counted, dropped and refused with 552."""

    def __init__(self, limits: Limits, line_endings: LineEndings, emit: Emit | None) -> None:
        self._octets_max = limits.message_octets
        self._line_endings = line_endings
        self._emit = emit
        self._body_type = "7BIT"
        self._content: ContentReader | None = None
        self._chunk: ChunkReader | None = None
        self._chunk_asked: Asked | None = None
        self._chunks: Chunks | None = None
        """From the first one on until the transaction ends."""
        self._chunks_octets = 0
        """As announced, also where they were too many."""
        self._whole: Asked | ContentReceived | None = None

    def begin_content(self, body_type: str) -> None:
        """After 354; `body_type` as in MAIL's BODY parameter (RFC 6152 2, RFC 3030 3)."""
        self._body_type = body_type
        self._content = ContentReader(self._octets_max, repairs=self._line_endings == "repair")

    def begin_chunk(self, size: int, asked: Asked, body_type: str) -> None:
        """The octets belong to the command and come before its answer, also where it is refused (RFC 3030 2)."""
        self._body_type = body_type
        if asked.refusal is None:
            self._chunks_octets += size
            if self._chunks_octets > self._octets_max:
                asked = Asked(asked.verb, asked.command, asked.flaws, too_large())
        self._chunk_asked = asked
        if asked.refusal is None and self._chunks is None:
            self._chunks = Chunks(repairs=self._line_endings == "repair" and body_type != "BINARYMIME")
        self._chunk = ChunkReader(size, self._chunks if asked.refusal is None else None)

    def receive(self, data: bytes) -> bytes | None:
        """None while more is to come; then the bytes that follow, which are commands."""
        if self._content is not None:
            return self._read_content(self._content, data)
        if self._chunk is not None:
            return self._read_chunk(self._chunk, data)
        return data

    def take(self) -> Asked | ContentReceived | None:
        """What came whole, once."""
        whole, self._whole = self._whole, None
        return whole

    def forget(self) -> None:
        """The transaction is over."""
        self._chunks, self._chunks_octets = None, 0

    def _read_content(self, reader: ContentReader, data: bytes) -> bytes | None:
        after = reader.receive(data)
        if after is None:
            return None
        self._content = None
        octets, emit = reader.octets, self._emit
        if emit is not None:
            emit(MessageReceived(octets, "DATA"))
        if octets > self._octets_max:
            self._whole = ContentReceived(b"", "DATA", reader.flaws, too_large())
        else:
            self._whole = self._judge(reader.content, "DATA", reader.flaws, reader.is_ascii)
        return after

    def _read_chunk(self, reader: ChunkReader, data: bytes) -> bytes | None:
        after = reader.receive(data)
        if after is None:
            return None
        self._chunk = None
        asked, self._chunk_asked = self._chunk_asked, None
        last = asked is not None and isinstance(asked.command, Bdat) and asked.command.last
        if asked is not None and last and (asked.refusal is None or self._chunks_octets):
            self._whole = self._join(asked.refusal)
        else:
            self._whole = asked
        return after

    def _join(self, refusal: Reply | None) -> ContentReceived:
        if self._emit is not None:
            self._emit(MessageReceived(self._chunks_octets, "BDAT"))
        if refusal is not None:
            return ContentReceived(b"", "BDAT", (), refusal)
        chunks = self._chunks or Chunks()
        return self._judge(chunks.whole(), "BDAT", chunks.flaws, chunks.is_ascii)

    def _judge(self, content: bytes, transfer: Transfer, flaws: tuple[Flaw, ...], is_ascii: bool) -> ContentReceived:
        if not flaws and is_ascii:
            return ContentReceived(content, transfer)
        if self._body_type == "BINARYMIME" and transfer == "BDAT":
            return ContentReceived(content, transfer, is_ascii=is_ascii)
        if self._emit is not None:
            for flaw in flaws:
                self._emit(broken_by_flaw(flaw, "them"))
            if self._body_type == "7BIT" and not is_ascii:
                self._emit(broken("8bit-without-8bitmime", "them"))
        refusal = refuse_line_ends(flaws) if flaws and self._line_endings == "strict" else None
        return ContentReceived(content, transfer, flaws, refusal, is_ascii)
