"""Answers by themselves: in slices, with memory that is given back, and names that no header is broken by."""

from __future__ import annotations

import asyncio

import pytest

from smtplab.web import answers
from smtplab.web.answers import SLICE, Saved, disposition, harmless_type
from smtplab.web.desk import OCTETS_MAX, WAITING_MAX, Desk
from smtplab.web.problems import Problem


def test_a_large_answer_goes_in_slices_and_its_memory_is_given_back(tmp_path):
    async def play():
        desk = Desk(tmp_path)
        sent = []

        async def send(message):
            sent.append(message)

        content = bytes(3 * SLICE + 5)
        await Saved(content, "x", "image/png", desk.room_for(OCTETS_MAX))({"method": "GET"}, None, send)
        async with desk.room_for(OCTETS_MAX):
            pass
        desk.close()
        return content, sent

    content, sent = asyncio.run(play())
    pieces = [message["body"] for message in sent[1:]]
    assert [len(piece) for piece in pieces] == [SLICE, SLICE, SLICE, 5, 0]
    assert b"".join(pieces) == content
    assert [message.get("more_body", False) for message in sent[1:]] == [True, True, True, True, False]


def test_a_reader_who_stops_reading_is_left_and_his_memory_given_back(tmp_path, monkeypatch):
    monkeypatch.setattr(answers, "STALL_S", 0.01)

    async def play():
        desk = Desk(tmp_path)
        stuck = asyncio.Event()

        async def send(message):
            if message["type"] == "http.response.body":
                await stuck.wait()

        with pytest.raises(TimeoutError):
            await Saved(b"x", "x", "image/png", desk.room_for(OCTETS_MAX))({"method": "GET"}, None, send)
        async with desk.room_for(OCTETS_MAX):
            pass
        desk.close()

    asyncio.run(play())


def test_more_memory_than_there_is_is_asked_for_again_later_and_one_is_always_served(tmp_path):
    async def play():
        desk = Desk(tmp_path)
        async with desk.room_for(2 * OCTETS_MAX):
            with pytest.raises(Problem) as trouble:
                async with desk.room_for(1):
                    pass
        desk.close()
        return trouble.value

    assert asyncio.run(play()).status == 503


def test_readings_that_wait_are_bounded(tmp_path):
    async def play():
        desk = Desk(tmp_path)
        waiting = [asyncio.ensure_future(desk.do(lambda: None)) for _ in range(WAITING_MAX + 1)]
        found = await asyncio.gather(*waiting, return_exceptions=True)
        desk.close()
        return found

    found = asyncio.run(play())
    assert [type(one) for one in found].count(Problem) == 1


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.pdf", "attachment; filename=\"a.pdf\"; filename*=UTF-8''a.pdf"),
        ('a"b\\c.pdf', "attachment; filename=\"a_b_c.pdf\"; filename*=UTF-8''a%22b%5Cc.pdf"),
        ("hình ảnh.png", "attachment; filename=\"h_nh _nh.png\"; filename*=UTF-8''h%C3%ACnh%20%E1%BA%A3nh.png"),
        ("a\r\nb", "attachment; filename=\"a__b\"; filename*=UTF-8''a%0D%0Ab"),
    ],
)
def test_a_name_stands_in_the_header_in_both_spellings(name, header):
    assert disposition(name) == header


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("image/png", "image/png"),
        ("text/plain", "text/plain; charset=utf-8"),
        ("application/zip", "application/zip"),
        ("text/html", "application/octet-stream"),
        ("TEXT/HTML", "application/octet-stream"),
        ("image/svg+xml", "application/octet-stream"),
        ("application/xhtml+xml", "application/octet-stream"),
        ("text/javascript", "application/octet-stream"),
        ("application/pdf", "application/octet-stream"),
        ("multipart/x-mixed-replace", "application/octet-stream"),
        ("text/x\r\nSet-Cookie: a", "application/octet-stream"),
        ("", "application/octet-stream"),
    ],
)
def test_what_a_browser_might_run_leaves_as_octets(kind, told):
    assert harmless_type(kind) == told
