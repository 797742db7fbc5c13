"""A connection that we drop ourselves, right after a chosen command has left, for tests of how servers bear it."""

from __future__ import annotations

from typing import Literal

from smtplab.net.ports import ClientTls, Dialer, Lost, Stream, TlsFacts, TlsTrouble

CutAfter = Literal["ehlo", "second-ehlo", "handshake", "xclient", "auth", "mail", "rcpt", "go-ahead", "data"]
"""The command that is the last to leave: EHLO, HELO or LHLO, the second of them, STARTTLS, XCLIENT, AUTH, MAIL, RCPT,
DATA, or the end of the content."""

_VERBS: dict[CutAfter, tuple[bytes, ...]] = {
    "ehlo": (b"EHLO", b"HELO", b"LHLO"),
    "second-ehlo": (b"EHLO", b"HELO", b"LHLO"),
    "handshake": (b"STARTTLS",),
    "xclient": (b"XCLIENT",),
    "auth": (b"AUTH",),
    "mail": (b"MAIL",),
    "rcpt": (b"RCPT",),
    "go-ahead": (b"DATA",),
}


class CuttingDialer:
    """A `Dialer` whose streams end by themselves."""

    def __init__(self, inner: Dialer, after: CutAfter) -> None:
        self._inner = inner
        self._after = after

    async def dial(self, address: str, port: int, *, source: str | None = None) -> Stream | Lost:
        """As `Dialer.dial`."""
        found = await self._inner.dial(address, port, source=source)
        return found if isinstance(found, Lost) else _CutStream(found, self._after)


class _CutStream:
    """Reads what is written, command by command; a content is known by the DATA or BDAT before it."""

    def __init__(self, inner: Stream, after: CutAfter) -> None:
        self.local = inner.local
        self.peer = inner.peer
        self._inner = inner
        self._after = after
        self._hellos = 0
        self._content = False
        self._chunk_left = 0
        self._last_chunk = False

    async def read(self) -> bytes | Lost:
        return await self._inner.read()

    async def write(self, data: bytes) -> Lost | None:
        lost = await self._inner.write(data)
        return lost or (Lost("cut") if self._is_last(data) else None)

    async def start_tls(self, tls: ClientTls) -> TlsFacts | TlsTrouble:
        return await self._inner.start_tls(tls)

    async def close(self) -> None:
        await self._inner.close()

    def _is_last(self, data: bytes) -> bool:
        if self._chunk_left:
            return self._chunk(len(data))
        if self._content:
            # Dots are stuffed: a lone one is the end, also where it begins a write (RFC 5321 4.5.2).
            self._content = not data.endswith(b"\r\n.\r\n") and data != b".\r\n"
            return not self._content and self._after == "data"
        found = [self._line(line, data) for line in data.split(b"\r\n")]  # All of them: each may be a beginning.
        return any(found)

    def _line(self, line: bytes, written: bytes) -> bool:
        words = line.upper().split()
        verb = words[0] if words else b""
        if verb == b"BDAT" and len(words) > 1:
            self._last_chunk = words[-1] == b"LAST"
            self._chunk_left = int(words[1])
            return self._chunk(len(written) - len(line) - 2)
        self._content = self._content or verb == b"DATA"
        if verb not in _VERBS.get(self._after, ()):
            return False
        self._hellos += 1
        return self._after != "second-ehlo" or self._hellos == 2

    def _chunk(self, octets: int) -> bool:
        self._chunk_left = max(0, self._chunk_left - octets)
        return not self._chunk_left and self._last_chunk and self._after == "data"
