"""The API as a program uses it: what it answers, what it refuses, and that its description says so."""

from __future__ import annotations

import asyncio
import json

import msgspec
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from smtplab.capture.codec import decode_header, decode_record
from smtplab.journal import Record
from smtplab.lab.inbox import opened_inbox
from smtplab.web.news import LISTENERS_MAX, NEWS_MAX
from tests.web.conftest import opened
from tests.web.letters import HANDSOME

API = "/api/v1"


def test_the_list_has_the_keys_of_inbox_list_newest_first_and_reads_on(home):
    async def play():
        async with opened(home) as client:
            first = (await client.get(f"{API}/messages?limit=3")).json()
            return first, (await client.get(f"{API}/messages?limit=3&before={first['next']}")).json()

    first, second = asyncio.run(play())
    with opened_inbox(home) as inbox:
        rows = [msgspec.to_builtins(row) for row in inbox.messages()][::-1]
    assert [*first["messages"], *second["messages"]] == json.loads(json.dumps(rows))
    assert (first["total"], second["next"]) == (4, None)
    assert first["messages"][0]["subject"] == "xin chào thế giới"


@pytest.mark.parametrize(
    ("query", "subjects"),
    [
        ("NEEDLE", ["A plain one"]),
        ("from:sender subject:order", ["Your order"]),
        ('"plain one"', ["A plain one"]),
        ("nowhere-to-be-found", []),
        ("tiếng việt", ["xin chào thế giới"]),
        ("THẾ GIỚI", ["xin chào thế giới"]),
        ("is:unread order thank", ["Your order"]),
    ],
)
def test_messages_are_found_by_words_in_head_and_content(home, query, subjects):
    async def play():
        async with opened(home) as client:
            return (await client.get(f"{API}/messages", params={"q": query})).json()

    assert [row["subject"] for row in asyncio.run(play())["messages"]] == subjects


def test_a_message_is_taken_apart_and_its_parts_are_saved_never_shown(home):
    async def play():
        async with opened(home) as client:
            (row,) = (await client.get(f"{API}/messages?q=subject:order")).json()["messages"]
            whole = (await client.get(f"{API}/messages/{row['id']}")).json()
            raw = await client.get(f"{API}/messages/{row['id']}/raw")
            parts = [
                await client.get(f"{API}/messages/{row['id']}/parts/{part['number']}")
                for part in whole["parts"]
                if part["attachment"]
            ]
            return whole, raw, parts

    whole, raw, parts = asyncio.run(play())
    assert whole["text"] == "Thank you for your order.\n"
    assert "<h1" in whole["html"]
    assert [one["value"] for one in whole["headers"] if one["name"] == "Subject"] == ["Your order"]
    assert raw.content.endswith(HANDSOME)
    assert raw.headers["content-disposition"].startswith('attachment; filename="')
    assert [part["file_name"] for part in whole["parts"] if part["disposition"] == "attachment"] == [
        "invoice.pdf", "page.html", "hình.svg",
    ]  # fmt: skip
    kinds = [part.headers["content-type"] for part in parts]
    assert kinds == ["image/png", *["application/octet-stream"] * 3]
    for part in (raw, *parts):
        assert part.headers["content-disposition"].startswith("attachment;")
        assert part.headers["x-content-type-options"] == "nosniff"
        assert part.headers["content-security-policy"].startswith("sandbox;")
    assert parts[2].content == b"<script>1</script>"
    assert "filename*=UTF-8''h%C3%ACnh.svg" in parts[3].headers["content-disposition"]


def test_sessions_are_there_with_how_they_ended_and_every_record(home):
    async def play():
        async with opened(home) as client:
            listed = (await client.get(f"{API}/sessions")).json()
            failed = (await client.get(f"{API}/sessions?q=is:failed")).json()
            (session,) = failed["sessions"]
            one = (await client.get(f"{API}/sessions/{session['id']}")).json()
            lines = await client.get(f"{API}/sessions/{session['id']}/records")
            return listed, session, one, lines

    listed, session, one, lines = asyncio.run(play())
    assert (listed["total"], len(listed["sessions"])) == (5, 5)
    assert (session["ended"], session["stage"], session["helo"]) == ("refused", "envelope", "client.example")
    assert session["reply"].startswith("550 ")
    header, *records = lines.content.splitlines()
    assert decode_header(header) is not None
    assert [isinstance(decode_record(line), Record) for line in records] == [True] * one["records"]
    assert one["left_out"] == 0


def test_messages_are_removed_one_by_one_several_at_once_and_all(home):
    async def play():
        async with opened(home) as client:
            ids = [row["id"] for row in (await client.get(f"{API}/messages")).json()["messages"]]
            assert (await client.delete(f"{API}/messages/{ids[0]}")).status_code == 204
            assert (await client.delete(f"{API}/messages/{ids[0]}")).status_code == 404
            some = await client.request("DELETE", f"{API}/messages", json={"ids": ids[:2]})
            left = [row["id"] for row in (await client.get(f"{API}/messages")).json()["messages"]]
            every = await client.request("DELETE", f"{API}/messages", json={"all": True})
            none = (await client.get(f"{API}/messages")).json()
            return ids, some.json(), left, every.json(), none

    ids, some, left, every, none = asyncio.run(play())
    assert (some, left, every) == ({"deleted": 1}, ids[2:], {"deleted": 2})
    assert (none["messages"], none["total"]) == ([], 0)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/messages?limit=0", 400, "bad-parameter"),
        ("GET", "/messages?limit=201", 400, "bad-parameter"),
        ("GET", "/messages?limit=x", 400, "bad-parameter"),
        ("GET", "/messages?before=zz", 400, "bad-parameter"),
        ("GET", "/messages?before=FFFFFFFFFFFFFFFF", 400, "bad-parameter"),
        ("GET", "/messages?q=a&q=b", 400, "bad-parameter"),
        ("GET", "/messages?colour=red", 400, "bad-parameter"),
        ("GET", "/messages?q=" + "x" * 501, 400, "bad-parameter"),
        ("GET", "/messages/0", 404, "not-found"),
        ("GET", "/messages/FFFFFFFFFFFFFFFF", 404, "not-found"),
        ("GET", "/messages/..%2f..%2fetc", 404, "not-found"),
        ("GET", "/messages/0/raw", 404, "not-found"),
        ("GET", "/messages/0/parts/1", 404, "not-found"),
        ("DELETE", "/messages/0", 404, "not-found"),
        ("DELETE", "/messages/", 404, "not-found"),
        ("GET", "/sessions/0", 404, "not-found"),
        ("GET", "/sessions/0/records", 404, "not-found"),
        ("PUT", "/messages", 405, "method-not-allowed"),
        ("GET", "/nothing", 404, "not-found"),
    ],
)
def test_a_bad_request_gets_one_json_object_that_says_what_is_wrong(home, method, path, status, code):
    async def play():
        async with opened(home) as client:
            return await client.request(method, API + path)

    answer = asyncio.run(play())
    assert (answer.status_code, list(answer.json()), answer.json()["error"]["code"]) == (status, ["error"], code)


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"ids":[1]}', "application/json", 400),
        (b'{"ids":["zz"]}', "application/json", 400),
        (b'{"ids":["1"],"all":true}', "application/json", 400),
        (b"{}", "application/json", 400),
        (b'{"all":true,"more":1}', "application/json", 400),
        (b"[" * 60000, "application/json", 400),
        (b'{"ids":["' + b"1" * 70000 + b'"]}', "application/json", 413),
        (b"ids=1", "application/x-www-form-urlencoded", 415),
        (b'{"all":true}', "text/plain", 415),
    ],
)
def test_a_bad_body_is_refused_and_nothing_is_removed(home, content, kind, status):
    async def play():
        async with opened(home) as client:
            answer = await client.request("DELETE", f"{API}/messages", content=content, headers={"Content-Type": kind})
            return answer, (await client.get(f"{API}/health")).json()

    answer, health = asyncio.run(play())
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert health["messages"] == 4


def test_an_inbox_that_never_was_is_empty_and_nothing_is_made(tmp_path):
    async def play():
        async with opened(tmp_path) as client:
            return (await client.get(f"{API}/messages")).json(), (await client.get(f"{API}/health")).json()["status"]

    assert asyncio.run(play()) == ({"messages": [], "unread": [], "total": 0, "next": None}, "ok")
    assert list(tmp_path.iterdir()) == []


def test_an_inbox_that_cannot_be_read_is_told_and_not_a_crash(home):
    (home / "inbox" / "inbox.sqlite").write_bytes(b"this is no database, whatever its name says" * 100)
    for more in ("-wal", "-shm"):
        (home / "inbox" / f"inbox.sqlite{more}").unlink(missing_ok=True)

    async def play():
        async with opened(home) as client:
            return await client.get(f"{API}/health")

    answer = asyncio.run(play())
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "inbox-unreadable")


# The description


def test_the_description_is_openapi_3_1(home):
    OpenAPIV31SpecValidator(asyncio.run(_description(home))).validate()


def test_every_route_answers_as_the_description_says(home):
    """Each operation is asked for something that is there and for something that is not."""

    async def play():
        async with opened(home) as client:
            description = (await client.get(f"{API}/openapi.json")).json()
            message = (await client.get(f"{API}/messages?q=subject:order")).json()["messages"][0]
            seen = []
            for path, operations in description["paths"].items():
                for method, operation in operations.items():
                    if method == "get" and operation["operationId"] != "listen":
                        for ids in ((message["id"], message["session"]), ("1", "1")):
                            url = path.replace("{number}", "1.1")
                            url = url.replace("{id}", ids["/sessions" in path])
                            answer = await client.get(url)
                            _check(description, operation, answer)
                            seen.append((operation["operationId"], answer.status_code))
                        answer = await client.get(url + "?unknown=1")
                        _check(description, operation, answer)
                        seen.append((operation["operationId"], answer.status_code))
            for content in ({"ids": ["1"]}, {"ids": "1"}):
                answer = await client.request("DELETE", f"{API}/messages", json=content)
                _check(description, description["paths"][f"{API}/messages"]["delete"], answer)
            marking = description["paths"][f"{API}/messages/{{id}}/seen"]["post"]
            for name, content in ((message["id"], {"seen": True}), ("1", {"seen": True}), (message["id"], {})):
                _check(description, marking, await client.post(f"{API}/messages/{name}/seen", json=content))
            for name in (message["id"], "1"):
                answer = await client.delete(f"{API}/messages/{name}")
                _check(description, description["paths"][f"{API}/messages/{{id}}"]["delete"], answer)
            return seen

    seen = asyncio.run(play())
    assert {(name, 400) for name, _ in seen} <= set(seen)
    assert {("getMessage", 200), ("getMessage", 404), ("getRecords", 200), ("getPart", 200), ("getPart", 404)} <= set(
        seen
    )


async def _description(home):
    async with opened(home) as client:
        return (await client.get(f"{API}/openapi.json")).json()


def _check(description, operation, answer) -> None:
    told = operation["responses"][str(answer.status_code)]
    if answer.status_code == 204:
        assert (told.get("content"), answer.content) == (None, b"")
        return
    kind = answer.headers["content-type"].partition(";")[0]
    if "application/octet-stream" in told["content"]:
        return
    schema = told["content"][kind]["schema"]
    if kind == "application/json":
        whole = {**schema, "components": description["components"]}
        Draft202012Validator(whole).validate(answer.json())


# Live


def test_what_comes_and_goes_is_told_as_it_happens(home):
    async def play():
        async with opened(home) as client:
            ids = [row["id"] for row in (await client.get(f"{API}/messages")).json()["messages"]]
            stream = client.page.news.listen()
            said = [await anext(stream), await anext(stream)]
            await client.delete(f"{API}/messages/{ids[0]}")
            said.append(await anext(stream))
            with opened_inbox(home) as inbox:
                inbox.delete(ids[1])
            said.append(await anext(stream))
            client.page.news.close()
            rest = [event async for event in stream]
            return ids, said, rest

    ids, said, rest = asyncio.run(asyncio.wait_for(play(), 30))
    assert said[0].startswith(b"retry: 2000\nevent: resync\n")
    assert said[1] == b"event: resync\ndata: {}\n\n"
    assert said[2] == b'event: deleted\ndata: {"ids":["%b"]}\n\n' % ids[0].encode()
    assert (said[3], rest) == (b"event: resync\ndata: {}\n\n", [])


def test_a_slow_listener_is_told_to_read_anew_instead_of_being_waited_for(home):
    async def play():
        async with opened(home) as client:
            news = client.page.news
            slow = news.listen()
            await anext(slow)
            for number in range(NEWS_MAX + 50):
                news.told_gone((f"{number:X}",))
            return [await anext(slow) for _ in range(50)]

    told = asyncio.run(asyncio.wait_for(play(), 30))
    assert told[0] == b"event: resync\ndata: {}\n\n"
    assert told[-1] == b'event: deleted\ndata: {"ids":["%X"]}\n\n' % (NEWS_MAX + 49)


def test_listeners_are_bounded(home):
    async def play():
        async with opened(home) as client:
            streams = [client.page.news.listen() for _ in range(LISTENERS_MAX)]
            for stream in streams:
                await anext(stream)
            answer = await client.get(f"{API}/events")
            await streams[0].aclose()
            await anext(client.page.news.listen())
            return answer

    answer = asyncio.run(asyncio.wait_for(play(), 30))
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "busy")
