"""The page and its API as one application: which route leads where; sockets and threads it does not know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from smtplab.view.texts import Language
from smtplab.web.access import Access
from smtplab.web.api_messages import Messages
from smtplab.web.api_server import Server
from smtplab.web.api_sessions import Sessions
from smtplab.web.desk import Desk
from smtplab.web.guard import Guard
from smtplab.web.news import News
from smtplab.web.openapi import BASE, describe
from smtplab.web.problems import MISTAKE, Problem, fault_answer


class PageRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the page was asked for."""

    home: Path
    access: Access = Access()
    language: Language = "en"
    """For a browser that names none of ours."""
    release_to: str | None = None
    """`HOST:PORT`: the server that a release names first."""


class Page:
    """`app` is the application, closed on the loop that it runs on; `tell` gets a line about each error of ours."""

    def __init__(self, request: PageRequest, tell: Callable[[str], None]) -> None:
        self.desk = Desk(request.home)
        self.news = News(self.desk)
        server = Server(self.desk, self.news)
        operations = (
            *Messages(self.desk, self.news).operations,
            *Sessions(self.desk).operations,
            *server.operations,
        )
        server.description = describe(operations)
        routes = [Route(BASE + one.path, one.handler, methods=[one.method]) for one in operations]
        handlers = {Problem: _of_problem, HTTPException: _of_http, Exception: _of_mistake}
        starlette = Starlette(routes=routes, exception_handlers=handlers)
        self.app: ASGIApp = Guard(starlette, request.access, explain, tell)

    def close(self) -> None:
        self.news.close()
        self.desk.close()


def explain(request: Request, problem: Problem) -> Response:
    """As one JSON object."""
    del request
    headers = {"WWW-Authenticate": "Bearer"} if problem.status == 401 else None
    return Response(fault_answer(problem), problem.status, headers, media_type="application/json")


async def _of_problem(request: Request, trouble: Exception) -> Response:
    assert isinstance(trouble, Problem)
    return explain(request, trouble)


async def _of_mistake(request: Request, trouble: Exception) -> Response:
    """It goes on to the guard, which tells of it."""
    del trouble
    return explain(request, MISTAKE)


async def _of_http(request: Request, trouble: Exception) -> Response:
    assert isinstance(trouble, HTTPException)
    code = {404: "not-found", 405: "method-not-allowed"}.get(trouble.status_code, "bad-request")
    answer = explain(request, Problem(trouble.status_code, code, trouble.detail))
    for name, value in (trouble.headers or {}).items():
        answer.headers[name] = value
    return answer
