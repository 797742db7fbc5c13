"""The API's half about messages: listed, searched, read in all their forms, removed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from smtplab.journal import Record
from smtplab.lab.bad_input import BadInput
from smtplab.lab.inbox import Inbox, MessageRow
from smtplab.lab.inbox_pages import find_messages
from smtplab.lab.inbox_query import parse_query
from smtplab.lab.release import release
from smtplab.message.header import decode_words
from smtplab.message.parts import MimePart, body_of, part_at, parts_of_message, walk
from smtplab.mta.outcome import RecipientOutcome
from smtplab.view.texts import Texts
from smtplab.web.answers import Saved, json_answer, nothing
from smtplab.web.desk import Desk
from smtplab.web.news import News
from smtplab.web.operations import ID, Answer, Operation, Parameter, asked, json_of
from smtplab.web.problems import Problem, bad_parameter, not_found
from smtplab.web.shapes import (
    Deletion,
    DeletionRequest,
    HeaderField,
    MessageList,
    MessageWhole,
    PartList,
    PartRow,
    Release,
    Released,
    ReleaseRequest,
    SeenRequest,
)

PAGE_MAX = 200
SEARCH_S = 0.7
"""Of one request: what is not looked through by then is the next request's."""
PARTS_OCTETS_MAX = 32 * 1024 * 1024
"""Of a message that is taken apart: its octets are decoded in one go, some 3 ns each. A larger one can be had raw."""
PARTS_COST = 3
"""Times its octets: the message, its parts decoded, and the answer."""
IDS_MAX = 1000
BATCH = 200
"""Messages removed in one transaction: some 20 ms in which mail waits for the database."""
FIELDS_MAX = 1000

MESSAGE_ID = Parameter("id", {"type": "string", "pattern": ID}, "The message's id.", "path")
BEFORE = Parameter("before", {"type": "string", "pattern": ID}, "The `next` of the answer before.")
LIMIT = Parameter(
    "limit", {"type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": 50}, "How many to answer at most."
)
SEARCH = Parameter(
    "q",
    {"type": "string", "maxLength": 500, "default": ""},
    'What must hold: `needle`, `"two words"`, `from:ann`, `to:`, `subject:`, `client:`, `id:`, `is:unread`, `is:tls`.',
)


class Messages:
    def __init__(self, desk: Desk, news: News) -> None:
        self._desk = desk
        self._news = news
        self._operations = {one.name: one for one in self._table()}

    @property
    def operations(self) -> tuple[Operation, ...]:
        return tuple(self._operations.values())

    async def list(self, request: Request) -> Response:
        values = self._asked(request, "listMessages")
        query = parse_query(values["q"])

        def work(inbox: Inbox) -> MessageList:
            before, limit = values["before"] or "", values["limit"]
            found = find_messages(inbox, query, before=before, limit=limit, seconds=SEARCH_S)
            return MessageList(found.rows, tuple(sorted(found.unread)), inbox.count(), found.next)

        return json_answer(await self._desk.read(work))

    async def get(self, request: Request) -> Response:
        name = self._asked(request, "getMessage")["id"]
        return await self._taken_apart(name, lambda row, root: json_answer(whole(row, root)))

    async def raw(self, request: Request) -> Response:
        name = self._asked(request, "getRawMessage")["id"]
        row = await row_of(self._desk, name)
        content = await content_of(self._desk, name)
        return Saved(content, f"{row.id}.eml", "message/rfc822", self._desk.room_for(len(content)))

    async def parts(self, request: Request) -> Response:
        name = self._asked(request, "listParts")["id"]
        return await self._taken_apart(name, lambda _row, root: json_answer(PartList(rows_of(root))))

    async def part(self, request: Request) -> Response:
        values = self._asked(request, "getPart")

        def answer(row: MessageRow, root: MimePart) -> Response:
            found = part_at(root, values["number"])
            if found is None:
                raise not_found("part")
            room = self._desk.room_for(row.size)
            return Saved(found.content, found.file_name, found.kind, room)

        return await self._taken_apart(values["id"], answer)

    async def delete(self, request: Request) -> Response:
        name = self._asked(request, "deleteMessage")["id"]
        if not await remove(self._desk, self._news, (name,)):
            raise not_found("message")
        return nothing()

    async def delete_many(self, request: Request) -> Response:
        self._asked(request, "deleteMessages")
        wish = await json_of(request, DeletionRequest)
        if bool(wish.ids) == wish.all:
            raise Problem(400, "bad-json", "Name either ids or all.")
        if len(wish.ids) > IDS_MAX or not all(map(_is_id, wish.ids)):
            raise bad_parameter("ids", f"must be at most {IDS_MAX} ids.")
        ids = await self._desk.read(all_ids) if wish.all else tuple(dict.fromkeys(wish.ids))
        return json_answer(Deletion(await remove(self._desk, self._news, ids)))

    async def mark(self, request: Request) -> Response:
        name = self._asked(request, "markMessage")["id"]
        wish = await json_of(request, SeenRequest)
        await row_of(self._desk, name)
        await self._desk.read(lambda inbox: inbox.mark_seen(name, seen=wish.seen))
        return nothing()

    async def release(self, request: Request) -> Response:
        name = self._asked(request, "releaseMessage")["id"]
        wish = await json_of(request, ReleaseRequest)
        found, _ = await released(self._desk, name, wish)
        return json_answer(found)

    def _asked(self, request: Request, name: str) -> dict[str, Any]:
        return asked(request, self._operations[name])

    async def _taken_apart(self, name: str, answer: Callable[[MessageRow, MimePart], Response]) -> Response:
        row = await row_of(self._desk, name)
        async with self._desk.room_for(PARTS_COST * row.size):
            return answer(row, await tree_of(self._desk, row))

    def _table(self) -> tuple[Operation, ...]:
        missing = Answer("There is no such message.")
        large = Answer(f"It has more than {PARTS_OCTETS_MAX} octets: ask for it raw.")
        octets = Answer("The octets, to be saved.", media="application/octet-stream")
        number = Parameter("number", {"type": "string", "pattern": r"^[0-9.]{1,100}$"}, "The part's number.", "path")
        return (
            Operation(
                "listMessages", "GET", "/messages", "Messages, newest first, by words where any are given",
                self.list, {200: Answer("A page of the list.", MessageList)}, (SEARCH, BEFORE, LIMIT),
            ),
            Operation(
                "deleteMessages", "DELETE", "/messages", "Remove several messages, or all",
                self.delete_many, {200: Answer("How many were removed.", Deletion)}, body=DeletionRequest,
            ),
            Operation(
                "getMessage", "GET", "/messages/{id}", "A message, taken apart",
                self.get, {200: Answer("The message.", MessageWhole), 404: missing, 413: large}, (MESSAGE_ID,),
            ),
            Operation(
                "deleteMessage", "DELETE", "/messages/{id}", "Remove a message",
                self.delete, {204: Answer("It is gone.", media=""), 404: missing}, (MESSAGE_ID,),
            ),
            Operation(
                "markMessage", "POST", "/messages/{id}/seen", "Mark a message as looked at, or as not",
                self.mark, {204: Answer("It is marked.", media=""), 404: missing}, (MESSAGE_ID,), SeenRequest,
            ),
            Operation(
                "releaseMessage", "POST", "/messages/{id}/release", "Send a message on to a real server",
                self.release, {200: Answer("What became of it.", Release), 404: missing}, (MESSAGE_ID,), ReleaseRequest,
            ),
            Operation(
                "getRawMessage", "GET", "/messages/{id}/raw", "The stored octets: trace lines, then as it was sent",
                self.raw, {200: Answer("The message.", media="message/rfc822"), 404: missing}, (MESSAGE_ID,),
            ),
            Operation(
                "listParts", "GET", "/messages/{id}/parts", "The MIME tree",
                self.parts, {200: Answer("All parts.", PartList), 404: missing, 413: large}, (MESSAGE_ID,),
            ),
            Operation(
                "getPart", "GET", "/messages/{id}/parts/{number}", "A part's octets, out of the transfer encoding",
                self.part, {200: octets, 404: missing, 413: large}, (MESSAGE_ID, number),
            ),
        )  # fmt: skip


async def row_of(desk: Desk, name: str) -> MessageRow:
    """Raises Problem."""
    row = await desk.read(lambda inbox: inbox.message(name))
    if row is None:
        raise not_found("message")
    return row


async def content_of(desk: Desk, name: str) -> bytes:
    """Raises Problem."""
    content = await desk.read(lambda inbox: inbox.raw(name))
    if content is None:
        raise not_found("message")
    return content


async def tree_of(desk: Desk, row: MessageRow) -> MimePart:
    """Raises Problem."""
    if row.size > PARTS_OCTETS_MAX:
        raise Problem(413, "too-large", f"It has more than {PARTS_OCTETS_MAX} octets: ask for it raw.")
    content = await content_of(desk, row.id)
    return await desk.do(lambda: parts_of_message(content))


async def remove(desk: Desk, news: News, ids: tuple[str, ...]) -> int:
    """How many of them were there."""
    gone = 0
    for start in range(0, len(ids), BATCH):
        some = ids[start : start + BATCH]
        deleted = await desk.read(partial(_delete, some))
        news.told_gone(deleted)
        gone += len(deleted)
    return gone


async def released(desk: Desk, name: str, wish: ReleaseRequest) -> tuple[Release, tuple[Record, ...]]:
    """With the records of the session with that server. Raises Problem."""
    row = await row_of(desk, name)
    async with desk.room_for(PARTS_COST * row.size):
        content = await content_of(desk, name)
        try:
            found = await release(
                row, content, wish.server, sender=wish.sender, recipients=tuple(wish.recipients or ())
            )
        except BadInput as bad:
            raise Problem(400, "bad-release", Texts("en")(bad.text, **bad.arguments)) from bad
    if found.sent is None:
        raise Problem(504, "timed-out", "The server took too long: what became of the message is not known.")
    outcomes = tuple(
        Released(str(one.recipient), one.judgement.result, one.judgement.code, one.judgement.enhanced, words_of(one))
        for one in found.sent.outcomes
    )
    return Release(found.sent.ending.result, outcomes), found.records


def words_of(outcome: RecipientOutcome) -> str:
    """The server's own words, or a reason."""
    return outcome.judgement.detail or outcome.judgement.reason


def whole(row: MessageRow, root: MimePart) -> MessageWhole:
    text, html = body_of(root, "text/plain"), body_of(root, "text/html")
    return MessageWhole(
        row,
        tuple(HeaderField(field.name, decode_words(field.value)) for field in root.fields[:FIELDS_MAX]),
        None if text is None else text.text,
        text is not None and text.is_cut,
        None if html is None else html.text,
        rows_of(root),
    )


def rows_of(root: MimePart) -> tuple[PartRow, ...]:
    return tuple(
        PartRow(
            part.number, depth, part.kind, part.charset, part.name, part.file_name, part.disposition,
            part.content_id, part.encoding, part.octets, part.is_attachment, part.flaws,
        )
        for depth, part in walk(root)
    )  # fmt: skip


def _delete(names: tuple[str, ...], inbox: Inbox) -> tuple[str, ...]:
    """Those that were there."""
    return tuple(name for name in names if inbox.delete(name))


def all_ids(inbox: Inbox) -> tuple[str, ...]:
    return tuple(row.id for row in inbox.latest())


def _is_id(text: str) -> bool:
    return len(text) <= 16 and text.isascii() and text.isalnum() and text.strip("0123456789abcdefABCDEF") == ""
