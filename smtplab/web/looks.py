"""Templates, their words and the files beside them: how a page is written, whatever stands on it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import Response

from smtplab.view.texts import LANGUAGES, Language, Texts
from smtplab.web.problems import Problem, not_found

LANGUAGE_COOKIE = "smtplab-lang"
THEME_COOKIE = "smtplab-theme"
YEAR_S = 365 * 24 * 3600

_NAMES: dict[Language, str] = {"en": "English", "vi": "Tiếng Việt"}
_MEDIA = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_ADDRESS = re.compile(r"(https?://[^\s<>\"'`]{1,2000}[^\s<>\"'`.,;:!?)\]}])")
_LINK = Markup('<a href="{}" target="_blank" rel="noopener noreferrer nofollow">{}</a>')
_FOLDER = Path(__file__).parent


class Looks:
    def __init__(self, language: Language) -> None:
        self._assumed = language
        self._texts = {each: Texts(each) for each in LANGUAGES}
        self._files = {path.name: path.read_bytes() for path in (_FOLDER / "static").iterdir() if path.suffix in _MEDIA}
        self._marks = {name: hashlib.sha256(octets).hexdigest()[:12] for name, octets in self._files.items()}
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_FOLDER / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["moment"] = _moment
        self._templates.filters["linked"] = linked

    def texts_for(self, request: Request) -> Texts:
        """As asked for now, or before, or as the browser says, or as the server speaks."""
        for wish in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
            if wish in LANGUAGES:
                return self._texts[wish]
        for wish in request.headers.get("accept-language", "").lower().split(",")[:10]:
            spoken = wish.strip()[:2]
            if spoken in LANGUAGES:
                return self._texts[spoken]
        return self._texts[self._assumed]

    def page(self, request: Request, template: str, values: Mapping[str, Any], status: int = 200) -> Response:
        """A whole page, or a part of one."""
        texts = self.texts_for(request)
        theme = request.cookies.get(THEME_COOKIE)
        html = self._templates.get_template(template).render(
            t=texts,
            number=texts.number,
            lang=texts.language,
            languages=_NAMES.items(),
            theme=theme if theme in ("dark", "light") else "",
            static=lambda name: f"/static/{name}?{self._marks[name]}",
            switch=lambda language: f"{request.url.path}?{_query(request, lang=language)}",
            **values,
        )
        answer = Response(html, status, media_type="text/html")
        if request.query_params.get("lang") in LANGUAGES:
            answer.set_cookie(LANGUAGE_COOKIE, texts.language, max_age=YEAR_S, samesite="lax", httponly=True)
        return answer

    async def file(self, request: Request) -> Response:
        """Its address changes with its content, so a browser may keep it."""
        name = request.path_params["name"]
        if name not in self._files:
            raise not_found("file")
        headers = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(self._files[name], headers=headers, media_type=_MEDIA[Path(name).suffix])

    def problem(self, request: Request, problem: Problem) -> Response:
        """As a page; where a token is missing, one that asks for it."""
        if problem.status in (401, 429):
            onward = request.url.path if request.method == "GET" else "/"
            shown = "" if problem.code == "token-needed" else problem.code
            return self.page(request, "login.html", {"problem": shown, "onward": onward}, problem.status)
        texts = self.texts_for(request)
        known = f"web.problem.{problem.code}"
        detail = texts(known) if texts.has(known) else problem.detail
        return self.page(request, "problem.html", {"status": problem.status, "detail": detail}, problem.status)


def _moment(iso: str) -> str:
    """`2026-11-26 17:25:17 UTC`, for where no script turns it into the reader's own time."""
    return f"{iso[:10]} {iso[11:19]} UTC"


def linked(text: str) -> Markup:
    """With its addresses of the web as links; they lead into a page of their own, which learns nothing of ours."""
    pieces = _ADDRESS.split(text)
    shown = [escape(piece) if at % 2 == 0 else _LINK.format(piece, piece) for at, piece in enumerate(pieces)]
    return Markup("").join(shown)


def _query(request: Request, **changes: str) -> str:
    return str(request.url.include_query_params(**changes).query)
