"""Answers over HTTP: JSON, events as they come, and a stranger's octets, to be saved and shut in wherever they go."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import quote

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

SLICE = 65536
"""Octets handed to the connection at once: no more lie waiting for a slow reader."""
STALL_S = 30.0
"""For one slice: a line that takes longer for 64 KB is dead."""

SHUT_IN = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Should a browser show it in spite of all, nothing in it may do anything."""

_encode = msgspec.json.Encoder().encode
# type "/" subtype, RFC 6838 4.2
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_ACTIVE = re.compile(r"(?:text|application|image|multipart)/(?:.*(?:html|xml|script|svg|pdf|flash|mixed-replace))")


def json_answer(value: Any, status: int = 200) -> Response:
    return Response(_encode(value), status, media_type="application/json")


def nothing() -> Response:
    return Response(status_code=204)


class Saved(Response):
    """Octets that a browser saves under a name and never shows. `room` is held until they have gone."""

    def __init__(self, content: bytes, name: str, media: str, room: AbstractAsyncContextManager[None]) -> None:
        super().__init__(
            headers={
                **SHUT_IN,
                "Content-Disposition": disposition(name),
                "Content-Length": str(len(content)),
                "Content-Type": harmless_type(media),
            }
        )
        self._content = content
        self._room = room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Slice by slice, so that a slow reader slows only himself."""
        del receive
        async with self._room:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            content = memoryview(b"" if scope["method"] == "HEAD" else self._content)
            for start in range(0, len(content), SLICE):
                async with asyncio.timeout(STALL_S):
                    piece = bytes(content[start : start + SLICE])
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


class Told(Response):
    """Server-sent events (HTML 9.2), as they come."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes]) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Until one side has had enough."""
        del scope
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        telling = asyncio.create_task(self._tell(send))
        gone = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait({telling, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            telling.cancel()
            await asyncio.wait({telling, gone})

    async def _tell(self, send: Send) -> None:
        async for event in self._events:
            async with asyncio.timeout(STALL_S):
                await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def disposition(name: str) -> str:
    """`attachment`, with the name in both of its spellings (RFC 6266 4.3)."""
    plain = re.sub(r"[^ !#-\[\]-~]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def harmless_type(media: str) -> str:
    """What a browser might run is only octets."""
    kind = media.lower()
    if not _MEDIA_TYPE.fullmatch(kind) or _ACTIVE.match(kind):
        return "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind == "text/plain" else kind
