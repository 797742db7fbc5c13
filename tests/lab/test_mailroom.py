"""The inbox as screens show it: newest first, kept up to date, searched, marked, tidied and put back."""

from __future__ import annotations

import asyncio

import pytest

from smtplab import events as ev
from smtplab.lab.bad_input import BadInput
from smtplab.lab.inbox_query import parse_query
from smtplab.lab.mailroom import Mailroom
from smtplab.view.sitting import ending_of
from tests.lab.inboxes import Server


@pytest.fixture
def scene(tmp_path):
    def run(story):
        async def whole():
            server = Server(tmp_path)
            room = Mailroom(tmp_path)
            try:
                await story(server, room)
            finally:
                room.close()
                await server.close()

        asyncio.run(whole())

    return run


async def settled(server):
    await server.ledger.close(5)


def test_what_comes_is_seen_at_the_next_look_newest_first(scene):
    async def story(server, room):
        first = await server.message("one")
        assert room.look()
        second = await server.message("two")
        third = await server.refused()
        await settled(server)
        assert room.look()
        assert [item.id for item in room.items] == [third, second, first]
        assert [item.failed for item in room.items] == [True, False, False]
        assert not room.look()

    scene(story)


def test_nothing_is_made_on_disk_where_nothing_was_received(tmp_path):
    room = Mailroom(tmp_path)
    assert not room.look()
    assert (room.items, list(tmp_path.iterdir())) == ((), [])
    room.close()


def test_a_message_is_opened_with_its_session(scene):
    async def story(server, room):
        name = await server.message(body=b"Good morning")
        await settled(server)
        room.look()
        opened = room.open(name)
        assert opened.raw.endswith(b"Good morning\r\n")
        kinds = [type(record.event) for record in opened.records]
        assert kinds == [ev.CommandReceived, ev.ReplySent, ev.Disconnected]
        assert opened.session.messages == (name,)

    scene(story)


def test_a_refused_session_says_why_and_who_it_was(scene):
    async def story(server, room):
        name = await server.refused()
        await settled(server)
        room.look()
        (item,) = room.items
        assert (item.ending.kind, item.ending.stage) == ("refused", "envelope")
        assert (item.ending.reply, item.ending.helo) == ("550 5.7.1 Relaying denied", "spammer.example")
        assert room.open(name).raw == b""

    scene(story)


def test_what_was_looked_at_stays_marked_for_the_next_who_looks(scene, tmp_path):
    async def story(server, room):
        name = await server.message()
        room.look()
        room.mark_seen(name)
        assert room.items[0].seen
        other = Mailroom(tmp_path)
        other.look()
        assert other.items[0].seen
        other.mark_seen(name, seen=False)
        other.close()
        assert room.look()
        assert not room.items[0].seen

    scene(story)


def test_what_is_deleted_can_be_put_back_whole(scene):
    async def story(server, room):
        name, refused = await server.message(body=b"precious"), await server.refused()
        await settled(server)
        room.look()
        before = room.open(name), room.open(refused)
        removed = room.take_out((name, refused))
        assert (room.items, room.open(name)) == ((), None)
        room.put_back(removed)
        assert (room.open(name), room.open(refused)) == before

    scene(story)


def test_what_another_program_deletes_is_gone_at_the_next_look(scene, tmp_path):
    async def story(server, room):
        name = await server.message()
        room.look()
        other = Mailroom(tmp_path)
        other.look()
        other.take_out((name,))
        other.close()
        assert room.look()
        assert room.items == ()

    scene(story)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", ["refused", "two", "one"]),
        ("ONE", ["one"]),
        ("morning", ["two"]),
        ('"good morning" two', ["two"]),
        ("subject:two", ["two"]),
        ("from:c@d.example", ["two"]),
        ("to:student", ["two", "one"]),
        ("is:failed", ["refused"]),
        ("is:unread from:a@b", ["one"]),
        ("is:tls", ["two"]),
        ("is:clear", ["one"]),
        ("spammer", ["refused"]),
        ("550", ["refused"]),
        ("nowhere", []),
        ("unknown:word", []),
    ],
)
def test_a_query_finds(scene, typed, found):
    async def story(server, room):
        names = {
            await server.message("one"): "one",
            await server.message("two", body=b"Good morning", sender="c@d.example", tls="TLSv1.3 X"): "two",
            await server.refused(): "refused",
        }
        await settled(server)
        room.look()
        assert [names[item.id] for item in room.matching(parse_query(typed))] == found

    scene(story)


def test_a_database_that_is_none_is_bad_input(tmp_path):
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "inbox.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(BadInput):
        Mailroom(tmp_path).look()


def test_a_session_that_just_says_goodbye_has_not_failed():
    assert ending_of([]).kind == "left"
