"""The inbox as screens show it: newest first, kept up to date, searched, marked, tidied and put back."""

from __future__ import annotations

import asyncio

import pytest

from smtplab import events as ev
from smtplab.lab.bad_input import BadInput
from smtplab.lab.inbox_query import parse_query
from smtplab.lab.mailroom import Mailroom
from smtplab.mta.inbox.ledger import Ledger
from smtplab.mta.inbox.port import Kept
from smtplab.mta.inbox.store import open_inbox
from smtplab.mta.queue_id import QueueIds
from smtplab.net.clock import SystemClock
from smtplab.net.live import unforeseeable
from smtplab.view.sitting import ending_of

CLIENT = "10.0.0.9"


class Server:
    """Writes into an inbox as `smtplab serve` does."""

    def __init__(self, home):
        self.store = open_inbox(home / "inbox")
        self.ids = QueueIds(SystemClock(), unforeseeable("queue-id"))
        self.ledger = Ledger(SystemClock(), self.ids, "mx", self.store)

    async def message(self, subject="Hello", body=b"body", sender="a@b.example", tls=""):
        session = self.ledger.begin("smtp", CLIENT)
        name = self.ids.next_id()
        content = b"Subject: " + subject.encode() + b"\r\n\r\n" + body + b"\r\n"
        kept = Kept(
            id=name,
            received_at=1_795_395_600.0,
            sender=sender,
            recipients=("student@hust.example",),
            octets=len(content),
            subject=subject,
            client=CLIENT,
            tls=tls,
            session=session.id,
        )
        assert await self.store.put(kept, content) is None
        session.messages.append(name)
        session.scope(ev.Disconnected("them", clean=True))
        return name

    async def refused(self):
        session = self.ledger.begin("smtp", CLIENT)
        session.scope(ev.CommandReceived("EHLO", "EHLO spammer.example"))
        session.scope(ev.CommandReceived("RCPT", "RCPT TO:<x@y.example>"))
        session.scope(ev.ReplySent(550, "5.7.1", ("5.7.1 Relaying denied",), 0.1, "RCPT"))
        session.scope(ev.Disconnected("them", clean=True))
        return session.id

    async def close(self):
        await self.ledger.close(5)
        await self.store.close()


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
        assert [type(record.event) for record in opened.records] == [ev.Disconnected]
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
