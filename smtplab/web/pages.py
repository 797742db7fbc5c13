"""The pages: a list beside what is opened of it, whole or one half at a time; all of them work without a script too."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from smtplab.lab.inbox import Inbox, MessageRow
from smtplab.lab.inbox_pages import SessionItem, find_messages, find_sessions
from smtplab.lab.inbox_query import parse_query
from smtplab.message.html import plain_text
from smtplab.message.parts import MimePart, body_of
from smtplab.view.sitting import ending_of, transaction_of
from smtplab.view.texts import Texts
from smtplab.web.api_messages import PARTS_COST, SEARCH_S, all_ids, content_of, released, remove, row_of, tree_of
from smtplab.web.api_sessions import session_of
from smtplab.web.cards import header_lines, message_card, message_line, part_lines, session_line, source_of
from smtplab.web.desk import Desk
from smtplab.web.frame import frame_answer, frame_of
from smtplab.web.looks import Looks
from smtplab.web.news import News
from smtplab.web.operations import ID, NUMBER_MAX
from smtplab.web.operations import body_of as octets_of
from smtplab.web.problems import Problem, not_found
from smtplab.web.shapes import ReleaseRequest
from smtplab.web.transcript import transcript

PAGE = 50
VIEWS = ("html", "text", "headers", "source", "parts", "session")
PART = "x-part"
"""A header of our script's requests: `list`, `rows` or `main`, where it wants that part alone."""

FILTERS = {
    "messages": (("", "all"), ("is:unread", "unread"), ("is:clear", "clear")),
    "sessions": (("", "all"), ("is:failed", "failed")),
}
"""What one looks for most often, as one would type it."""

KEYS = (
    (("j", "k"), "move"),
    (("Enter",), "open"),
    (("1", "…", "6"), "view"),
    (("s",), "session"),
    (("Delete",), "delete"),
    (("u",), "unread"),
    (("/",), "search"),
    (("g",), "kinds"),
    (("t",), "theme"),
    (("Esc",), "back"),
    (("?",), "help"),
)
"""What the script listens to."""


class Pages:
    def __init__(self, desk: Desk, news: News, looks: Looks, release_to: str) -> None:
        self._desk = desk
        self._news = news
        self._looks = looks
        self._release_to = release_to

    def routes(self) -> list[Route]:
        """Below the root."""
        return [
            Route("/", self.messages, methods=["GET"]),
            Route("/messages/delete", self.delete_all, methods=["POST"]),
            Route("/messages/{id}", self.message, methods=["GET"]),
            Route("/messages/{id}/frame", self.frame, methods=["GET"]),
            Route("/messages/{id}/delete", self.delete, methods=["POST"]),
            Route("/messages/{id}/release", self.release, methods=["POST"]),
            Route("/sessions", self.sessions, methods=["GET"]),
            Route("/sessions/{id}", self.session, methods=["GET"]),
            Route("/static/{name}", self._looks.file, methods=["GET"]),
        ]

    async def messages(self, request: Request) -> Response:
        return await self._page(request, "messages", {})

    async def sessions(self, request: Request) -> Response:
        return await self._page(request, "sessions", {})

    async def message(self, request: Request) -> Response:
        return await self._message(request, {})

    async def session(self, request: Request) -> Response:
        name = _id(request)
        row, records, left_out = await session_of(self._desk, name)
        texts = self._looks.texts_for(request)
        first = request.query_params.get("from", "1")
        number = int(first) if first.isascii() and first.isdigit() and len(first) < 9 else 1
        shown = await self._desk.do(lambda: transcript(records, left_out, texts, first=number))
        card = session_line(SessionItem(row, ending_of(records)), texts)
        return await self._page(request, "sessions", {"session": card, "transcript": shown, "session_id": row.id}, name)

    async def frame(self, request: Request) -> Response:
        """The letter itself. What it would fetch is let in by a click on our page, and by no link from elsewhere."""
        row = await row_of(self._desk, _id(request))
        remote = _wants_remote(request)
        async with self._desk.room_for(PARTS_COST * row.size):
            root = await tree_of(self._desk, row)
            return frame_answer(await self._desk.do(lambda: frame_of(root, remote=remote)), remote=remote)

    async def delete(self, request: Request) -> Response:
        await remove(self._desk, self._news, (_id(request),))
        return RedirectResponse("/", 303)

    async def delete_all(self, request: Request) -> Response:
        del request
        await remove(self._desk, self._news, await self._desk.read(all_ids))
        return RedirectResponse("/", 303)

    async def release(self, request: Request) -> Response:
        form = dict(parse_qsl((await octets_of(request)).decode("utf-8", "replace"), max_num_fields=20))
        people = tuple(form.get("recipients", "").replace(",", " ").split())
        wish = ReleaseRequest(server=form.get("server", "").strip(), recipients=people or None)
        shown: dict[str, Any] = {"release_to": wish.server, "release_recipients": form.get("recipients", "")}
        try:
            result, records = await released(self._desk, _id(request), wish)
            texts = self._looks.texts_for(request)
            shown["release_result"] = result.recipients
            shown["release_session"] = await self._desk.do(lambda: transcript(records, 0, texts))
        except Problem as problem:
            if problem.status == 404:
                raise
            shown["release_problem"] = problem.detail
        return await self._message(request, shown)

    # One message

    async def _message(self, request: Request, more: dict[str, Any]) -> Response:
        name = _id(request)
        row = await row_of(self._desk, name)
        texts = self._looks.texts_for(request)
        await self._mark_seen(name)
        async with self._desk.room_for(PARTS_COST * row.size):
            root = await tree_of(self._desk, row)
            card = message_card(row, root, texts)
            view = request.query_params.get("view", "")
            view = view if view in VIEWS else "html" if card.has_html else "text"
            shown = {
                "card": card,
                "view": view,
                "views": VIEWS,
                "release_to": self._release_to,
                "release_recipients": ", ".join(row.recipients[:100]),
                "release_result": None,
                "release_problem": "",
                "release_session": None,
                "session_id": row.session,
                "transcript": await self._transcript(row, texts),
                **await self._view(view, row, root, texts, remote=_wants_remote(request)),
                **more,
            }
            return await self._page(request, "messages", shown, name)

    async def _view(self, view: str, row: MessageRow, root: MimePart, texts: Texts, *, remote: bool) -> dict[str, Any]:
        match view:
            case "html":
                frame = await self._desk.do(lambda: frame_of(root, remote=remote))
                return {"blocked": 0 if remote else frame.remote, "remote": remote}
            case "text":
                part = body_of(root, "text/plain") or body_of(root, "text/html")
                if part is None:
                    return {"text": None, "cut": False, "from_html": False}
                if part.kind == "text/plain":
                    return {"text": part.text, "cut": part.is_cut, "from_html": False}
                text = await self._desk.do(lambda: plain_text(part.text))
                return {"text": text, "cut": part.is_cut, "from_html": True}
            case "headers":
                return {"fields": header_lines(root)}
            case "source":
                content = await content_of(self._desk, row.id)
                text, cut = await self._desk.do(lambda: source_of(content))
                return {"text": text, "cut": cut}
            case "parts":
                return {"parts": part_lines(root, texts)}
            case _:
                return {}

    async def _transcript(self, row: MessageRow, texts: Texts) -> Any:
        """From where the message begins."""
        try:
            _, records, left_out = await session_of(self._desk, row.session)
        except Problem:
            return None  # It goes on yet: its records are kept at its end.
        first = transaction_of(records, row.id) + 1
        return await self._desk.do(lambda: transcript(records, left_out, texts, first=first))

    async def _mark_seen(self, name: str) -> None:
        def work(inbox: Inbox) -> None:
            if name not in inbox.seen_among((name,)):
                inbox.mark_seen(name)

        await self._desk.read(work)

    # The list, and the whole

    async def _page(self, request: Request, kind: str, opened: dict[str, Any], selected: str = "") -> Response:
        part = request.headers.get(PART, "")
        found = {} if part == "main" else await self._list(request, kind)
        values = {
            "kind": kind,
            "q": request.query_params.get("q", "")[:500],
            "selected": selected.upper(),
            "opened": bool(opened),
            "key_list": KEYS,
            "filters": FILTERS[kind],
            "problem": "",
            "card": None,
            "session": None,
            "transcript": None,
            "session_id": "",
            **found,
            **opened,
        }
        template = {"list": "list.html", "rows": "more.html", "main": "main.html"}.get(part, "inbox.html")
        return self._looks.page(request, template, values)

    async def _list(self, request: Request, kind: str) -> dict[str, Any]:
        texts = self._looks.texts_for(request)
        text = request.query_params.get("q", "")[:500]
        before = request.query_params.get("before", "")
        before = before if _is_id(before) else ""
        query = parse_query(text)

        def work(inbox: Inbox) -> dict[str, Any]:
            if kind == "sessions":
                sessions = find_sessions(inbox, query, before=before, limit=PAGE, seconds=SEARCH_S)
                lines = [session_line(item, texts) for item in sessions.items]
                return {"rows": lines, "next": sessions.next, "total": inbox.sessions.count()}
            page = find_messages(inbox, query, before=before, limit=PAGE, seconds=SEARCH_S)
            rows = [message_line(row, unread=row.id in page.unread, texts=texts) for row in page.rows]
            return {"rows": rows, "next": page.next, "total": inbox.count()}

        found = await self._desk.read(work)
        more = {"q": text, "before": found["next"]} if text else {"before": found["next"]}
        return {**found, "more_url": f"{'/sessions' if kind == 'sessions' else '/'}?{urlencode(more)}"}


def _id(request: Request) -> str:
    """Raises Problem."""
    name: str = request.path_params["id"]
    if not _is_id(name):
        raise not_found("message")
    return name.upper()


def _is_id(text: str) -> bool:
    return re.fullmatch(ID, text) is not None and int(text, 16) <= NUMBER_MAX


def _wants_remote(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site", "same-origin")
    return request.query_params.get("remote") == "1" and site in ("same-origin", "none")
