"""The door for who has the token and no cookie yet: a form, for browsers that were not given a link with it."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from smtplab.web.guard import Guard
from smtplab.web.looks import Looks
from smtplab.web.operations import body_of
from smtplab.web.problems import Problem


class Entry:
    """`guard` gives the one that stands before the application, once both are there."""

    def __init__(self, looks: Looks, guard: Callable[[], Guard]) -> None:
        self._looks = looks
        self._guard = guard

    def routes(self) -> list[Route]:
        return [Route("/login", self.show, methods=["GET"]), Route("/login", self.enter, methods=["POST"])]

    async def show(self, request: Request) -> Response:
        if not self._guard().needs_token:
            return RedirectResponse("/", 303)
        return self._looks.page(request, "login.html", {"problem": "", "onward": "/"})

    async def enter(self, request: Request) -> Response:
        """A wrong one is asked for again."""
        guard = self._guard()
        if not guard.needs_token:
            return RedirectResponse("/", 303)
        form = dict(parse_qsl((await body_of(request)).decode("utf-8", "replace"), max_num_fields=10))
        onward = form.get("onward", "/")
        try:
            guard.check(form.get("token", "").strip())
        except Problem as problem:
            shown = {"problem": problem.code, "onward": onward}
            return self._looks.page(request, "login.html", shown, problem.status)
        return guard.entered(request, onward)
