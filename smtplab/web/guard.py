"""Stands before everything: checks host, token and origin, gives each answer its headers, and lets no error out raw."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from smtplab.web.access import Access, Patience, is_same_origin
from smtplab.web.operations import BODY_OCTETS_MAX
from smtplab.web.problems import MISTAKE, Problem

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Everything that a page of ours needs comes from us, and no script or style stands within a page."""

HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: a form's POST would then name no origin to compare.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-DNS-Prefetch-Control": "off",
    "Cache-Control": "no-store",
}
COOKIE_S = 30 * 24 * 3600
OPEN_TO_ALL = ("/static/", "/login")
"""What somebody without a token needs to show one."""

Explain = Callable[[Request, Problem], Response]
"""A problem as an answer, JSON or a page."""


class Guard:
    """`tell` gets one line about an error of ours."""

    def __init__(self, app: ASGIApp, access: Access, explain: Explain, tell: Callable[[str], None]) -> None:
        self._app = app
        self._access = access
        self._explain = explain
        self._tell = tell
        self._patience = Patience()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Requests only: nothing else is spoken here."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        sending = _Sending(send)
        try:
            answer = self._judged(request)
            await (answer or self._app)(scope, receive, sending)
        except Problem as problem:
            await self._refuse(request, problem, sending)
        except TimeoutError:
            return  # A reader who does not read: the connection ends.
        except Exception as trouble:  # noqa: BLE001 (an error of the page must not become one of the mail's)
            self._tell(f"{request.method} {request.url.path}: {type(trouble).__name__}: {trouble}")
            await self._refuse(request, MISTAKE, sending)

    async def _refuse(self, request: Request, problem: Problem, sending: _Sending) -> None:
        if not sending.began:
            await self._explain(request, problem)(request.scope, request.receive, sending)

    def _judged(self, request: Request) -> Response | None:
        """An answer where the application need not be asked. Raises Problem."""
        headers = request.headers
        if not self._access.knows_host(headers.get("host")):
            raise Problem(403, "unknown-host", "The Host of this request is none of ours.")
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > BODY_OCTETS_MAX:
            raise Problem(413, "too-large", f"A request holds at most {BODY_OCTETS_MAX} octets.")
        if request.method not in ("GET", "HEAD") and not is_same_origin(headers):
            raise Problem(403, "other-origin", "A change is made from this page alone.")
        if self._access.token is None or request.url.path.startswith(OPEN_TO_ALL):
            return None
        if (word := request.query_params.get("token")) is not None:
            self.check(word)
            return self.entered(request, str(request.url.remove_query_params("token").replace(scheme="", netloc="")))
        if not self._access.may_enter(request.cookies):
            self._check_bearer(headers.get("authorization"))
        return None

    @property
    def needs_token(self) -> bool:
        return self._access.token is not None

    def check(self, word: str) -> None:
        """Raises Problem where the token is wrong, or too many were."""
        if self._patience.is_over:
            raise Problem(429, "too-many-tokens", "Too many wrong tokens; wait a minute.")
        if not self._access.is_token(word):
            self._patience.note()
            raise Problem(401, "wrong-token", "This is not the token.")

    def entered(self, request: Request, onward: str) -> Response:
        """From now on the cookie opens."""
        assert self._access.token is not None
        answer = RedirectResponse(onward if own_path(onward) else "/", 303)
        answer.set_cookie(
            self._access.cookie,
            self._access.pass_of(self._access.token),
            max_age=COOKIE_S,
            httponly=True,
            # Lax: a link from a chat or a ticket shall open; every change is checked by its origin besides.
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return answer

    def _check_bearer(self, authorization: str | None) -> None:
        scheme, _, word = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            raise Problem(401, "token-needed", "A token is needed.")
        self.check(word.strip())


def own_path(path: str) -> bool:
    """Does it lead to a page of ours? Browsers read `//name` and `/\\name` as another host."""
    return path.startswith("/") and path[1:2] not in ("/", "\\")


class _Sending:
    """Sends on, with our headers where the answer has none of its own."""

    def __init__(self, send: Callable[[Message], Awaitable[None]]) -> None:
        self._send = send
        self.began = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.began = True
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)
