"""The document in which a message's HTML is shown: in a sandbox with no script and no origin."""

from __future__ import annotations

import base64

import msgspec
from starlette.responses import Response

from smtplab.message.parts import MimePart, body_of, walk
from smtplab.web.harmless import make_harmless

PICTURES_OCTETS_MAX = 12 * 1024 * 1024
"""Of all pictures that are shown within one message."""

_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
"""A picture is what it begins with, whatever its part says."""

_STYLE = "html{color-scheme:light;background:#fff}body{margin:16px;font:15px/1.5 system-ui,sans-serif;color:#1f2933;\
overflow-wrap:break-word}img{max-width:100%}table{max-width:100%}pre{white-space:pre-wrap}"


class Frame(msgspec.Struct, frozen=True):
    document: str
    remote: int
    """How many things the message would fetch from elsewhere."""


def has_html(root: MimePart) -> bool:
    return body_of(root, "text/html") is not None


def frame_of(root: MimePart, *, remote: bool) -> Frame:
    """Empty where the message has no HTML."""
    part = body_of(root, "text/html")
    if part is None:
        return Frame("", 0)
    made = make_harmless(part.text, _Pictures(root), remote=remote)
    document = (
        f'<!doctype html><html lang=""><head><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<style>{made.styles}</style></head><body{made.attributes}>{made.body}</body></html>"
    )
    return Frame(document, made.remote)


def frame_answer(frame: Frame, *, remote: bool) -> Response:
    far = " http: https:" if remote else ""
    policy = (
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
        f"img-src data:{far}; style-src 'unsafe-inline'; font-src data:{far}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-DNS-Prefetch-Control": "off",
    }
    return Response(frame.document, headers=headers, media_type="text/html")


class _Pictures:
    """Those that a message brings with it, by their Content-ID."""

    def __init__(self, root: MimePart) -> None:
        self._parts = {part.content_id: part for _, part in walk(root) if part.content_id}
        self._room = PICTURES_OCTETS_MAX

    def __call__(self, content_id: str) -> str | None:
        part = self._parts.get(content_id)
        kind = None if part is None else picture_kind(part.content)
        if part is None or kind is None or len(part.content) > self._room:
            return None
        self._room -= len(part.content)
        return f"data:{kind};base64,{base64.b64encode(part.content).decode('ascii')}"


def picture_kind(octets: bytes) -> str | None:
    """None for what is none of those that a browser shows without running anything: SVG is a document."""
    if octets[:4] == b"RIFF" and octets[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for mark, kind in _SIGNATURES.items() if octets.startswith(mark)), None)
