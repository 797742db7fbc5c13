"""Who gets in: by which host, with which token, and from which page a change is taken."""

from __future__ import annotations

import asyncio

import pytest

from smtplab.web.access import WRONG_MAX, Access, is_loopback_host, new_token
from smtplab.web.problems import Problem
from tests.web.conftest import ORIGIN, opened

API = "/api/v1"
TOKEN = "a-token-of-sixteen-or-more"
WITH_TOKEN = Access(names=frozenset({"mail.lan"}), token=TOKEN, cookie="smtplab-8025")


def asked(home, method, path, access=None, **how):
    async def play():
        async with opened(home, access=access) as client:
            return await client.request(method, path, **how)

    return asyncio.run(play())


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8025", "127.0.0.1", "127.0.0.1:80", "[::1]:8025", "mail.lan:1"]
)
def test_our_own_names_and_numeric_addresses_are_served(home, host):
    access = Access(names=frozenset({"mail.lan"}))
    assert asked(home, "GET", f"{API}/health", access, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "a b", "[evil]", "localhost:x"]
)
def test_a_name_that_is_not_ours_is_refused_against_dns_rebinding(home, host):
    answer = asked(home, "GET", f"{API}/messages", headers={"Host": host})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "unknown-host")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": ORIGIN},
    ],
)
def test_no_other_page_changes_anything(home, headers):
    answer = asked(home, "DELETE", f"{API}/messages", json={"all": True}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "other-origin")
    assert asked(home, "GET", f"{API}/health").json()["messages"] == 4


@pytest.mark.parametrize("headers", [{}, {"Origin": ORIGIN}, {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}])
def test_our_page_and_what_is_no_browser_may(home, headers):
    answer = asked(home, "DELETE", f"{API}/messages", json={"all": True}, headers=headers)
    assert answer.json() == {"deleted": 4}


def test_where_a_token_is_needed_nothing_is_said_without_it(home):
    for path in ("/", f"{API}/messages", f"{API}/openapi.json", f"{API}/events", "/messages/1"):
        answer = asked(home, "GET", path, WITH_TOKEN)
        assert answer.status_code == 401
        assert "A plain one" not in answer.text
    answer = asked(home, "GET", f"{API}/health", WITH_TOKEN, headers={"Authorization": "Bearer " + TOKEN[:-1]})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert asked(home, "GET", f"{API}/health", WITH_TOKEN, headers={"Authorization": f"Bearer {TOKEN}"}).is_success


def test_the_token_in_a_link_becomes_a_cookie_and_leaves_the_address(home):
    async def play():
        async with opened(home, access=WITH_TOKEN) as client:
            first = await client.get(f"{API}/messages?limit=2&token={TOKEN}")
            return first, await client.get(first.headers["location"])

    first, second = asyncio.run(play())
    assert (first.status_code, first.headers["location"]) == (303, f"{API}/messages?limit=2")
    cookie = first.headers["set-cookie"]
    assert cookie.startswith("smtplab-8025=")
    assert TOKEN not in cookie
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert second.status_code == 200


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example/"])
def test_the_token_leads_to_no_other_host(home, path):
    async def play():
        async with opened(home, access=WITH_TOKEN) as client:
            return await client.get(f"{ORIGIN}{path}?token={TOKEN}")

    assert asyncio.run(play()).headers["location"] in ("/", "/%5Cevil.example/")


def test_after_too_many_wrong_tokens_none_is_looked_at(home):
    async def play():
        async with opened(home, access=WITH_TOKEN) as client:
            wrong = [await client.get(f"{API}/health?token={number}") for number in range(WRONG_MAX)]
            right = await client.get(f"{API}/health?token={TOKEN}")
            return [one.status_code for one in wrong], right.status_code

    assert asyncio.run(play()) == ([401] * WRONG_MAX, 429)


def test_every_answer_carries_the_headers_that_shut_it_in(home):
    for path in (f"{API}/health", f"{API}/nothing", "/nothing"):
        headers = asked(home, "GET", path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers


def test_a_mistake_of_ours_is_told_in_one_line_and_answered_as_an_error(home, monkeypatch):
    told: list[str] = []

    async def play():
        async with opened(home, told=told) as client:
            monkeypatch.setattr(client.page.desk, "read", None)
            return await client.get(f"{API}/health")

    answer = asyncio.run(play())
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "bug")
    assert len(told) == 1
    assert told[0].startswith(f"GET {API}/health: TypeError")


def test_a_body_that_says_it_is_too_large_is_not_read(home):
    answer = asked(home, "DELETE", f"{API}/messages", headers={"Content-Length": "999999"}, content=b"")
    assert answer.status_code == 413


def test_loopback_is_known_and_nothing_else_is_taken_for_it():
    assert all(map(is_loopback_host, ("127.0.0.1", "127.9.9.9", "::1", "localhost")))
    assert not any(map(is_loopback_host, ("0.0.0.0", "::", "192.0.2.1", "mail.lan", "")))
    assert new_token() != new_token()
    assert issubclass(Problem, Exception)
