"""The inbox's parts by themselves: what is kept of a long session, of a subject, of a mailbox."""

from __future__ import annotations

import asyncio

import pytest

from smtplab.events import CommandReceived, Disconnected
from smtplab.mta.inbox.ledger import RING_RECORDS, RING_SESSIONS, Ledger
from smtplab.mta.inbox.listing import subject_of
from smtplab.mta.inbox.mailboxes import InboxMailboxes
from smtplab.mta.inbox.port import Kept
from smtplab.mta.inbox.reader import UnreadableInbox, visit_inbox
from smtplab.mta.inbox.recording import FIRST_RECORDS, LAST_RECORDS, Recording
from smtplab.mta.inbox.store import open_inbox, place_of
from smtplab.mta.mailbox_port import NotLocked
from smtplab.mta.queue.identifier import QueueIds
from smtplab.mta.store import spool
from smtplab.mta.wishes import wish_of
from smtplab.net.clock import SystemClock
from smtplab.net.live import unforeseeable
from smtplab.wire.address import Mailbox


def make_ids() -> QueueIds:
    return QueueIds(SystemClock(), unforeseeable("queue-id"))


def kept(name: str, content: bytes, *mailboxes: str) -> Kept:
    return Kept(
        id=name,
        received_at=0.0,
        sender="",
        recipients=tuple(f"{one}@hust.example" for one in mailboxes),
        mailboxes=mailboxes,
        octets=len(content),
        unended=not content.endswith(b"\r\n"),
    )


def test_where_nothing_is_stored_the_last_sessions_are_remembered_within_bounds():
    begun = []

    async def play():
        ledger = Ledger(SystemClock(), make_ids(), "mx", None)
        for number in range(RING_SESSIONS + 30):
            begun.append(recording := ledger.begin("smtp", str(number)))
            for _ in range(3000 if number >= RING_SESSIONS else 1):
                recording.scope(CommandReceived("NOOP", "NOOP"))
            recording.scope(Disconnected("us", clean=True, reason=""))
        return ledger.ring

    ring = asyncio.run(play())
    assert [sitting.client for sitting, _ in ring] == [str(number) for number in range(117, 130)]
    assert sum(recording.kept for recording in begun) == sum(recording.kept for _, recording in ring) <= RING_RECORDS
    recording = ring[-1][1]
    records, left_out = recording.play()
    assert (len(records), left_out, records[0].seq, records[-1].seq) == (3001, 0, 1, 3001)


def test_what_is_cut_out_of_a_recording_shows_in_the_numbers_and_stages_go_on():
    now = iter(float(second) for second in range(10**6))
    recording = Recording(lambda: next(now), node="mx", session="1")
    recording.scope(CommandReceived("MAIL", "MAIL FROM:<>"))
    for number in range(FIRST_RECORDS + LAST_RECORDS + 700):
        recording.scope(CommandReceived("RSET", str(number)))
    recording.scope.all_in("collect")(CommandReceived("QUIT", "QUIT"))
    records, left_out = recording.play()
    assert len(records) + left_out == FIRST_RECORDS + LAST_RECORDS + 702
    assert [records[at].seq for at in (0, FIRST_RECORDS - 1, FIRST_RECORDS, -1)] == [
        1,
        FIRST_RECORDS,
        FIRST_RECORDS + left_out + 1,
        FIRST_RECORDS + LAST_RECORDS + 702,
    ]
    assert {record.stage for record in records[:-1]} == {"envelope"}
    assert (records[-1].stage, records[-1].span) == ("collect", "receive/1")
    assert recording.play() == (records, left_out)


def test_of_a_session_that_says_very_much_the_first_and_the_last_is_kept(tmp_path):
    said = FIRST_RECORDS + LAST_RECORDS + 500

    async def play():
        store = open_inbox(tmp_path)
        ledger = Ledger(SystemClock(), make_ids(), "mx", store)
        recording = ledger.begin("smtp", "10.0.0.1")
        for _ in range(said):
            recording.scope(CommandReceived("NOOP", "NOOP"))
        recording.scope(Disconnected("us", clean=True, reason=""))
        await ledger.close(10)
        await store.close()
        assert recording.kept == 0  # What is written is not kept in memory too.
        return recording.id

    session = asyncio.run(play())
    with visit_inbox(tmp_path) as inbox:
        row, records, left_out = inbox.sessions.get(session)
    assert (row.protocol, row.client, row.messages) == ("smtp", "10.0.0.1", ())
    assert len(records) + left_out == said + 1
    assert (records[0].seq, isinstance(records[-1].event, Disconnected)) == (1, True)


def test_a_large_content_lies_in_the_spool_and_is_read_by_others(tmp_path):
    content = bytes(range(256)) * 1000

    async def play():
        store = open_inbox(tmp_path)
        assert await store.put(kept("AB", content), content) is None
        await store.close()

    asyncio.run(play())
    assert [path.stat().st_size for path in (tmp_path / "spool").iterdir()] == [len(content)]
    with visit_inbox(tmp_path) as inbox:
        assert inbox.raw("AB") == content
        assert inbox.raw("nonsense") is None


def test_a_mailbox_has_one_reader_at_a_time_and_loses_what_he_took(tmp_path):
    async def play():
        store = open_inbox(tmp_path)
        await store.put(kept("1", b"both", "alice", "bob"), b"both")
        await store.put(kept("2", b"hers", "alice"), b"hers")
        mailboxes = InboxMailboxes(store, make_ids(), SystemClock())
        drop = await mailboxes.lock("Alice@hust.example")
        assert [(letter.uid, letter.octets) for letter in drop.letters] == [("1", 6), ("2", 6)]
        assert await mailboxes.lock("alice") == NotLocked("IN-USE")
        assert await drop.read("2") == b"hers\r\n"
        assert await drop.remove(["1", "2"])
        drop.release()
        assert (await mailboxes.lock("alice")).letters == ()
        assert [letter.uid for letter in (await mailboxes.lock("bob")).letters] == ["1"]
        await store.close()

    asyncio.run(play())


def test_what_a_reader_took_away_is_off_the_disk_while_the_server_works_on(tmp_path, monkeypatch):
    monkeypatch.setattr(spool, "SEGMENT_OCTETS", 1)
    content = b"x" * 100_000 + b"\r\n"

    async def play():
        store = open_inbox(tmp_path)
        for name in ("1", "2", "3"):
            await store.put(kept(name, content, "alice"), content)
        assert len(list((tmp_path / "spool").iterdir())) == 3
        drop = await InboxMailboxes(store, make_ids(), SystemClock()).lock("alice")
        assert await drop.remove(["1", "3"])
        await store.remove("2")
        assert list((tmp_path / "spool").iterdir()) == []
        await store.close()

    asyncio.run(play())


def test_a_file_that_is_no_database_is_said_to_be_unreadable(tmp_path):
    place_of(tmp_path).write_bytes(b"no database at all " * 100)
    with pytest.raises(UnreadableInbox, match=str(tmp_path)) as raised, visit_inbox(tmp_path):
        pass
    assert not raised.value.may_pass


@pytest.mark.parametrize(
    ("content", "subject"),
    [
        (b"Subject: one\r\n\r\nx", "one"),
        (b"From: a\r\nsUbJeCt:folded\r\n line\r\nTo: b\r\n\r\n", "folded line"),
        (b"From: a\r\n\r\nSubject: in the body\r\n", ""),
        (b"X-Subject: other\r\n\r\n", ""),
        (b"Subject:\r\n\r\n", ""),
        (b"Subject: \xff\r\n\r\n", "\ufffd"),
    ],
)
def test_the_subject_is_read_from_the_header_alone(content, subject):
    assert subject_of(content) == subject


def test_an_address_asks_only_for_what_a_reply_can_be():
    assert wish_of(Mailbox("rcpt550", "x.example"))[1].code == 550
    assert wish_of(Mailbox("rcpt550_4.1.1", "x.example"))[1].enhanced is None
    assert wish_of(Mailbox("DATAdrop", "x.example")) == ("data", "drop")
    assert [wish_of(Mailbox(local, "x")) for local in ("rcpt250", "rcpt", "rcpt550x", "quit421")] == [None] * 4
