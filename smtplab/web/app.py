"""The page and its API as one application: which route leads where; sockets and threads it does not know."""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from smtplab.web.api_messages import Messages
from smtplab.web.api_server import Server
from smtplab.web.api_sessions import Sessions
from smtplab.web.desk import Desk
from smtplab.web.entry import Entry
from smtplab.web.guard import Guard
from smtplab.web.looks import Looks
from smtplab.web.news import News
from smtplab.web.openapi import BASE, describe
from smtplab.web.pages import Pages
from smtplab.web.problems import MISTAKE, Problem, fault_answer
from smtplab.web.request import PageRequest


class Page:
    """`app` is the application, closed on the loop that it runs on; `tell` gets a line about each error of ours."""

    def __init__(self, request: PageRequest, tell: Callable[[str], None]) -> None:
        self.desk = Desk(request.home)
        self.news = News(request.home)
        server = Server(self.desk, self.news)
        operations = (
            *Messages(self.desk, self.news).operations,
            *Sessions(self.desk).operations,
            *server.operations,
        )
        server.description = describe(operations)
        self._looks = Looks(request.language)
        pages = Pages(self.desk, self.news, self._looks, request.release_to or "")
        entry = Entry(self._looks, lambda: self.app)
        routes = [Route(BASE + one.path, one.handler, methods=[one.method]) for one in operations]
        starlette = Starlette(
            routes=[*routes, *pages.routes(), *entry.routes()],
            exception_handlers={
                Problem: self._of_problem,
                HTTPException: self._of_http,
                Exception: self._of_mistake,
            },
        )
        # A slash too much is another address: a redirect of `DELETE …/messages/` would remove all of them.
        starlette.router.redirect_slashes = False
        self.app = Guard(starlette, request.access, self._explain, tell)

    def close(self) -> None:
        self.news.close()
        self.desk.close()

    def _explain(self, request: Request, problem: Problem) -> Response:
        """As one JSON object; for a page, as one."""
        if not request.url.path.startswith("/api/"):
            return self._looks.problem(request, problem)
        headers = {"WWW-Authenticate": "Bearer"} if problem.status == 401 else None
        return Response(fault_answer(problem), problem.status, headers, media_type="application/json")

    async def _of_problem(self, request: Request, trouble: Exception) -> Response:
        assert isinstance(trouble, Problem)
        return self._explain(request, trouble)

    async def _of_mistake(self, request: Request, trouble: Exception) -> Response:
        """It goes on to the guard, which tells of it."""
        del trouble
        return self._explain(request, MISTAKE)

    async def _of_http(self, request: Request, trouble: Exception) -> Response:
        assert isinstance(trouble, HTTPException)
        code = {404: "not-found", 405: "method-not-allowed"}.get(trouble.status_code, "bad-request")
        answer = self._explain(request, Problem(trouble.status_code, code, trouble.detail))
        for name, value in (trouble.headers or {}).items():
            answer.headers[name] = value
        return answer
