"""Posts JSON to a URL over HTTP or HTTPS; what is posted, and what becomes of a failure, others know."""

from __future__ import annotations

import re
import ssl
from urllib.parse import urlsplit

import msgspec

from smtplab import __version__

POST_S_MAX = 10.0
"""For each step of a call: whoever takes messages from many machines answers in milliseconds."""

_LOGIN = re.compile(r"//[^/]*@")


class Posted(msgspec.Struct, frozen=True):
    """What came of one call."""

    status: int | None
    """None where no answer came."""
    reason: str = ""
    """The system's own words where none came."""

    @property
    def taken(self) -> bool:
        return self.status is not None and self.status // 100 == 2

    @property
    def retriable(self) -> bool:
        """May the same call succeed later? A redirection is an answer that we don't follow, so it may not."""
        return self.status is None or self.status in (408, 425, 429) or self.status >= 500


def origin_of(url: str) -> str | None:
    """`https://host:port`, to be shown: the rest may hold a secret. None for what is no URL that can be posted to."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii() or not url.isprintable():
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" if port is None else f"{parts.scheme}://{host}:{port}"


def without_secrets(url: str) -> str:
    """What is no URL, as far as it may be shown: no user's name and password, no query."""
    return _LOGIN.sub("//***@", url.partition("?")[0])


class Poster:
    """For one thread. It keeps its connection open between calls, goes through no proxy and follows no redirection."""

    def __init__(self, url: str) -> None:
        import httpx  # noqa: PLC0415 (a tenth of a second, and rarely wanted)

        self._url = url
        self._trouble = (httpx.HTTPError, httpx.InvalidURL)
        # The system's authorities, as for SMTP, instead of those that the library brings.
        self._client = httpx.Client(
            timeout=POST_S_MAX,
            verify=ssl.create_default_context() if url.startswith("https:") else False,
            follow_redirects=False,
            trust_env=False,
            headers={"User-Agent": f"smtplab/{__version__}", "Content-Type": "application/json"},
        )

    def post(self, body: bytes) -> Posted:
        """Never raises for what the network or the other side does."""
        try:
            # Whatever the answer's body is, and however long: nobody reads it.
            with self._client.stream("POST", self._url, content=body) as answer:
                return Posted(answer.status_code)
        except self._trouble as trouble:
            return Posted(None, " ".join(str(trouble).split()) or type(trouble).__name__)

    def close(self) -> None:
        self._client.close()
