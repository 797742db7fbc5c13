"""Whatever a stranger sends, every view of it is a page, every answer an answer, and no mistake of ours is told."""

from __future__ import annotations

import asyncio
import re

import pytest

from smtplab.mta.inbox.port import Kept
from smtplab.mta.inbox.store import open_inbox
from smtplab.mta.intake import subject_of
from smtplab.web.pages import VIEWS
from tests.web.conftest import opened

HTML = b"Content-Type: text/html; charset=utf-7\r\n\r\n"
MIXED = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
RELATED = b"Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\n"
NAMED = b"--b\r\nContent-Disposition: attachment; "
CLEAR_SCREEN = b"\x1b[2J \xe2\x80\xae"

NASTY = {
    "nothing at all": b"",
    "octets of every kind": bytes(range(256)) * 40,
    "no header": b"\r\n\r\nbody",
    "a header that never ends": b"Subject: " + b"x" * 200_000,
    "a charset that makes lone surrogates": b"Content-Type: text/plain; charset=utf-7\r\n\r\n+2AA- +3AA-",
    "html of lone surrogates": HTML + b"<p title='+2AA-'>+2AA- &#xD800;</p>",
    "a subject that hides and forges": b"Subject: =?utf-7?Q?+2AA-?= "
    + CLEAR_SCREEN
    + b" =?utf-8?Q?=0D=0ABcc?=\r\n\r\nx",
    "names that would leave their place": MIXED
    + NAMED
    + b'filename="../../a\r\n b\\";x=.html"\r\n\r\nx\r\n'
    + NAMED
    + b"filename*=utf-7''%2B2AA-%0D%0A\r\n\r\nx\r\n--b--",
    "a kind that is none": b'Content-Type: text/html"><script>x</script>; charset="><b>\r\n\r\nx',
    "multiparts without end": MIXED + b"--b\r\n" + MIXED.join([b"--b\r\n"] * 200),
    "messages in messages": b"Content-Type: message/rfc822\r\n\r\n" * 100,
    "a picture that is a document": RELATED
    + b"Content-Type: text/html\r\n\r\n<img src='cid:a'><img src='CID:a%22x'>\r\n--b\r\n"
    + b"Content-Type: image/png\r\nContent-ID: <a>\r\n\r\n<svg/>\r\n--b--",
    "html that never ends": b"Content-Type: text/html\r\n\r\n" + b"<div><table><tr><td>" * 5000 + b"<!--",
    "base64 that is none": b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n\xff\xfe====",
}


@pytest.fixture(scope="module")
def nasty(tmp_path_factory):
    home = tmp_path_factory.mktemp("nasty")

    async def play() -> None:
        store = open_inbox(home / "inbox")
        for number, content in enumerate(NASTY.values(), 1):
            entry = Kept(
                id=f"{number:X}",
                received_at=0.0,
                sender="a\x1b<b>@c.example",
                recipients=("\u202ed@e.example",),
                octets=len(content),
                subject=subject_of(content),
                session="1",
            )
            assert await store.put(entry, content) is None
        await store.close()

    asyncio.run(play())
    return home


@pytest.mark.parametrize(("number", "what"), list(enumerate(NASTY, 1)))
def test_it_can_be_looked_at_in_every_way(nasty, number, what):
    name = f"{number:X}"

    async def play():
        async with opened(nasty) as client:
            pages = [await client.get(f"/messages/{name}?view={view}") for view in VIEWS]
            pages.append(await client.get(f"/messages/{name}/frame?remote=1"))
            whole = await client.get(f"/api/v1/messages/{name}")
            parts = [
                await client.get(f"/api/v1/messages/{name}/parts/{one['number']}") for one in whole.json()["parts"]
            ]
            return pages, [whole, *parts]

    pages, answers = asyncio.run(play())
    assert {answer.status_code for answer in (*pages, *answers)} == {200}
    for page in pages:
        assert "<script>x" not in page.text
        # Where an address is to be edited, and in what the message says, it stands as it is.
        assert "\u202e" not in re.sub(r"(?s)<(textarea|pre)\b.*?</\1>", "", page.text)
    for answer in answers[1:]:
        assert answer.headers["content-disposition"].startswith("attachment; ")
        assert answer.headers["content-type"].partition(";")[0] not in ("text/html", "image/svg+xml")


def test_the_lists_hold_all_of_them(nasty):
    async def play():
        async with opened(nasty) as client:
            return await client.get("/"), await client.get("/api/v1/messages"), await client.get("/?q=%00%1b%ff")

    page, answer, searched = asyncio.run(play())
    assert page.text.count('class="row') - page.text.count('class="rows') == len(NASTY)
    assert len(answer.json()["messages"]) == len(NASTY)
    assert searched.status_code == 200
