"""The pages without a browser: every view in both languages, what a stranger wrote escaped, parts of pages, errors."""

from __future__ import annotations

import asyncio
import sys

import pytest

from smtplab.lab.inbox import opened_inbox
from smtplab.web.looks import linked
from smtplab.web.pages import VIEWS
from tests.lab.inboxes import Server
from tests.serve.served import Served
from tests.web.conftest import ORIGIN, opened

WICKED = '<b>Wicked</b> & "quoted"'


def asked(home, path, method="GET", **how):
    async def play():
        async with opened(home) as client:
            return await client.request(method, path, **how)

    return asyncio.run(play())


def ids(home) -> dict[str, str]:
    with opened_inbox(home) as inbox:
        return {row.subject: row.id for row in inbox.messages()}


@pytest.mark.parametrize("language", ["en", "vi"])
@pytest.mark.parametrize("view", VIEWS)
def test_every_view_of_every_message_has_all_its_words(home, view, language):
    for name in ids(home).values():
        answer = asked(home, f"/messages/{name}?view={view}&lang={language}")
        assert (answer.status_code, f'<html lang="{language}"' in answer.text) == (200, True)
        assert "⟦" not in answer.text
        assert f"smtplab-lang={language}" in answer.headers["set-cookie"]


@pytest.mark.parametrize("path", ["/", "/sessions", "/?q=nothing-like-it", "/sessions?q=is:failed", "/?q=is:unread"])
def test_lists_have_all_their_words_in_both_languages(home, path):
    for language in ("en", "vi"):
        answer = asked(home, path, headers={"Accept-Language": language})
        assert f'<html lang="{language}"' in answer.text
        assert "⟦" not in answer.text


def test_what_a_stranger_wrote_is_text_wherever_it_stands(home):
    name = ids(home)[WICKED]
    for path in ("/", f"/messages/{name}", *(f"/messages/{name}?view={view}" for view in VIEWS), '/?q="><b>x'):
        page = asked(home, path).text
        assert "<b>Wicked" not in page
        assert "<b>x" not in page
        assert "<script>document" not in page


def test_text_is_made_of_html_where_there_is_no_other(home):
    page = asked(home, f"/messages/{ids(home)[WICKED]}?view=text").text
    assert "made from its HTML" in page
    assert "Wicked" in page


def test_a_script_asks_for_a_part_and_gets_no_more(home):
    name = ids(home)["A plain one"]
    for part, begins in (("main", "<article"), ("list", "<div"), ("rows", "<li")):
        answer = asked(home, f"/messages/{name}", headers={"X-Part": part})
        assert answer.text.lstrip().startswith(begins)
        assert "<html" not in answer.text


def test_opening_a_message_marks_it_and_it_can_be_marked_as_unread(home):
    name = ids(home)["A plain one"]

    async def play():
        async with opened(home) as client:
            await client.get(f"/messages/{name}")
            read = (await client.get("/api/v1/messages")).json()["unread"]
            marked = await client.post(f"/api/v1/messages/{name}/seen", json={"seen": False})
            missing = await client.post("/api/v1/messages/1/seen", json={"seen": False})
            return read, (await client.get("/api/v1/messages")).json()["unread"], marked, missing

    read, unread, marked, missing = asyncio.run(play())
    assert (name in read, len(read)) == (False, 3)
    assert (name in unread, marked.status_code, missing.status_code) == (True, 204, 404)


def test_beside_a_message_of_several_its_session_begins_with_it(tmp_path):
    async def fill():
        server = Server(tmp_path)
        await server.several("one", "two")
        await server.ledger.close(5)
        await server.close()

    asyncio.run(fill())
    names = ids(tmp_path)
    two, one = (asked(tmp_path, f"/messages/{names[subject]}").text for subject in ("two", "one"))
    assert "MAIL FROM:&lt;two@" in two
    assert "MAIL FROM:&lt;one@" not in two
    assert "The whole session</a>" in two
    assert "EHLO client.example" in one
    assert "The whole session</a>" not in one


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/messages/1", 404, "It is not here any more."),
        ("/messages/zz", 404, "It is not here any more."),
        ("/sessions/FFFFFFFFFFFFFFFFF", 404, "It is not here any more."),
        ("/nowhere", 404, "It is not here any more."),
        ("/static/../app.py", 404, ""),
        ("/static/none.js", 404, ""),
        ("/messages/1/frame", 404, ""),
    ],
)
def test_an_error_is_a_page_that_leads_back(home, path, status, said):
    answer = asked(home, path, headers={"Accept-Language": "en"})
    assert (answer.status_code, said in answer.text) == (status, True)
    assert 'href="/"' in answer.text


def test_files_of_ours_may_be_kept_and_all_else_may_not(home):
    assert "immutable" in asked(home, "/static/app.js").headers["cache-control"]
    assert asked(home, "/").headers["cache-control"] == "no-store"


@pytest.mark.skipif(sys.platform == "win32", reason="the server's end is told by POSIX signals")
def test_a_release_by_the_form_says_what_became_of_it_and_shows_that_session(home, tmp_path):
    name = ids(home)["A plain one"]
    with Served(tmp_path / "other", "--listen", "127.0.0.1:0") as other:
        form = {"server": f"127.0.0.1:{other.port}", "recipients": "x@y.example, rcpt550@y.example"}
        answer = asked(home, f"/messages/{name}/release", "POST", data=form, headers={"Origin": ORIGIN})
    assert answer.text.count('class="verdict accepted"') == 1
    assert answer.text.count('class="verdict refused"') == 1
    assert "RCPT TO:&lt;x@y.example&gt;" in answer.text
    wrong = asked(home, f"/messages/{name}/release", "POST", data={"server": "a b"}, headers={"Origin": ORIGIN})
    assert 'class="verdict failed"' in wrong.text
    other_origin = asked(
        home, f"/messages/{name}/release", "POST", data=form, headers={"Origin": "http://evil.example"}
    )
    assert other_origin.status_code == 403


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("see https://a.example/x?y=1&z=2.", "see <a {}>https://a.example/x?y=1&amp;z=2</a>."),
        ("<https://a.example/>", "&lt;<a {}>https://a.example/</a>&gt;"),
        ('https://a.example/"onclick=x', "<a {}>https://a.example/</a>&#34;onclick=x"),
        ("javascript:x", "javascript:x"),
    ],
)
def test_addresses_in_a_text_are_links_and_nothing_else_is(text, html):
    found = str(linked(text))
    start = found.find("<a ")
    attributes = found[start + 3 : found.find(">", start)] if start >= 0 else ""
    assert found == html.replace("{}", attributes)
    assert start < 0 or attributes.endswith('target="_blank" rel="noopener noreferrer nofollow"')
