"""The API's half about sessions: also those that brought no message, each with its records as a capture has them."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from smtplab.capture.codec import RecordEncoder, encode_header
from smtplab.journal import Record
from smtplab.lab.inbox import Inbox, SessionRow
from smtplab.lab.inbox_pages import SessionItem, find_sessions
from smtplab.lab.inbox_query import parse_query
from smtplab.view.sitting import ending_of
from smtplab.web.answers import Saved, json_answer
from smtplab.web.api_messages import BEFORE, LIMIT, SEARCH_S
from smtplab.web.desk import Desk
from smtplab.web.operations import ID, Answer, Operation, Parameter, asked
from smtplab.web.problems import not_found
from smtplab.web.shapes import SessionEnded, SessionList, SessionWhole

SESSION_ID = Parameter("id", {"type": "string", "pattern": ID}, "The session's id.", "path")
SEARCH = Parameter(
    "q",
    {"type": "string", "maxLength": 500, "default": ""},
    "What must hold: words of the client's address or name, or of a refusal; `client:`, `id:`, `is:failed`.",
)


class Sessions:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._operations = {one.name: one for one in self._table()}

    @property
    def operations(self) -> tuple[Operation, ...]:
        return tuple(self._operations.values())

    async def list(self, request: Request) -> Response:
        values = self._asked(request, "listSessions")
        query = parse_query(values["q"])

        def work(inbox: Inbox) -> SessionList:
            before, limit = values["before"] or "", values["limit"]
            found = find_sessions(inbox, query, before=before, limit=limit, seconds=SEARCH_S)
            return SessionList(tuple(map(ended, found.items)), inbox.sessions.count(), found.next)

        return json_answer(await self._desk.read(work))

    async def get(self, request: Request) -> Response:
        row, records, left_out = await session_of(self._desk, self._asked(request, "getSession")["id"])
        return json_answer(SessionWhole(ended(SessionItem(row, ending_of(records))), len(records), left_out))

    async def records(self, request: Request) -> Response:
        row, records, _ = await session_of(self._desk, self._asked(request, "getRecords")["id"])
        encode = RecordEncoder().encode
        lines = await self._desk.do(lambda: encode_header() + b"".join(map(encode, records)))
        return Saved(lines, f"{row.id}.jsonl", "application/jsonl", self._desk.room_for(len(lines)))

    def _asked(self, request: Request, name: str) -> dict[str, Any]:
        return asked(request, self._operations[name])

    def _table(self) -> tuple[Operation, ...]:
        missing = Answer("There is no such session, or it goes on yet.")
        capture = Answer("A capture: its header, then a record a line.", media="application/jsonl")
        return (
            Operation(
                "listSessions", "GET", "/sessions", "Sessions that have ended, newest first",
                self.list, {200: Answer("A page of the list.", SessionList)}, (SEARCH, BEFORE, LIMIT),
            ),
            Operation(
                "getSession", "GET", "/sessions/{id}", "A session",
                self.get, {200: Answer("The session.", SessionWhole), 404: missing}, (SESSION_ID,),
            ),
            Operation(
                "getRecords", "GET", "/sessions/{id}/records", "All that happened in a session, as JSON lines",
                self.records, {200: capture, 404: missing}, (SESSION_ID,),
            ),
        )  # fmt: skip


async def session_of(desk: Desk, name: str) -> tuple[SessionRow, tuple[Record, ...], int]:
    """With its records, and how many are missing between them. Raises Problem."""
    found = await desk.read(lambda inbox: inbox.sessions.get(name))
    if found is None:
        raise not_found("session")
    return found


def ended(item: SessionItem) -> SessionEnded:
    row, ending = item.row, item.ending
    return SessionEnded(
        row.id, row.started, row.protocol, row.client, row.messages,
        ending.kind, ending.stage, ending.reply, ending.helo,
    )  # fmt: skip
