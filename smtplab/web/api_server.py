"""The API's half about the server itself: its health, its news as they happen, its own description."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from smtplab import __version__
from smtplab.lab.inbox import Inbox
from smtplab.web.answers import Told, json_answer
from smtplab.web.desk import Desk
from smtplab.web.news import News
from smtplab.web.operations import Answer, Operation, asked
from smtplab.web.shapes import Health


class Server:
    def __init__(self, desk: Desk, news: News) -> None:
        self._desk = desk
        self._news = news
        self.description: dict[str, Any] = {}
        """Set once all operations are known."""
        self._operations = {one.name: one for one in self._table()}

    @property
    def operations(self) -> tuple[Operation, ...]:
        return tuple(self._operations.values())

    async def health(self, request: Request) -> Response:
        asked(request, self._operations["getHealth"])

        def work(inbox: Inbox) -> Health:
            return Health("ok", __version__, inbox.count(), inbox.sessions.count())

        return json_answer(await self._desk.read(work))

    async def events(self, request: Request) -> Response:
        asked(request, self._operations["listen"])
        return Told(self._news.listen())

    async def describe(self, request: Request) -> Response:
        asked(request, self._operations["describe"])
        return json_answer(self.description)

    def _table(self) -> tuple[Operation, ...]:
        stream = Answer(
            "Server-sent events: `message` with a message as `listMessages` has it, `deleted` with `ids`, `session` "
            "once one has ended, and `resync` where the lists should be read anew.",
            media="text/event-stream",
        )
        return (
            Operation(
                "getHealth", "GET", "/health", "Is the inbox there?",
                self.health, {200: Answer("It can be read.", Health)},
            ),
            Operation("listen", "GET", "/events", "What changes, as it happens", self.events, {200: stream}),
            Operation(
                "describe", "GET", "/openapi.json", "This description",
                self.describe, {200: Answer("OpenAPI 3.1.", dict[str, Any])},
            ),
        )  # fmt: skip
