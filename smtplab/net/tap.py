"""A stream that tells every plain byte which passes, for a capture that must hold the bytes themselves."""

from __future__ import annotations

from smtplab.events import BytesReceived, BytesSent
from smtplab.journal import Emit
from smtplab.net.ports import ClientTls, Lost, Stream, TlsFacts, TlsTrouble


class TappedStream:
    """Wraps a stream; what it reads and writes becomes `BytesReceived` and `BytesSent`, plain also inside TLS."""

    def __init__(self, stream: Stream, emit: Emit) -> None:
        self._stream = stream
        self._emit = emit
        self.local = stream.local
        self.peer = stream.peer

    async def read(self) -> bytes | Lost:
        """As `Stream.read`."""
        data = await self._stream.read()
        if isinstance(data, bytes) and data:
            self._emit(BytesReceived(data))
        return data

    async def write(self, data: bytes) -> Lost | None:
        """As `Stream.write`; told before it leaves, so that it stands before the answer to it."""
        self._emit(BytesSent(data))
        return await self._stream.write(data)

    async def start_tls(self, tls: ClientTls) -> TlsFacts | TlsTrouble:
        """As `Stream.start_tls`; the handshake's own bytes are not told."""
        return await self._stream.start_tls(tls)

    async def close(self) -> None:
        """As `Stream.close`."""
        await self._stream.close()
