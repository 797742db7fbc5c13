"""The queue's commands while its database is another's, or has no room."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
import stat
from pathlib import Path

import pytest

from smtplab.events import BounceSent, Judged
from smtplab.journal import Journal
from smtplab.lab.bad_input import BadInput, NotNow
from smtplab.lab.logbook import Logbook
from smtplab.lab.queue import list_queue, order
from smtplab.lab.queue_log import QueueLog
from smtplab.lab.stores import bad_store
from smtplab.mta.envelope import make_envelope
from smtplab.mta.inbox.store import InboxStore, open_inbox
from smtplab.mta.store import sql
from smtplab.mta.store.port import Entry, Put, Trouble
from smtplab.mta.store.sql import SqlStore, open_store, place_of


async def fill(folder):
    store = open_store(folder, threaded=False)
    assert isinstance(store, SqlStore)
    envelope = make_envelope(None, [], b"")
    entry = Entry(queue_id="1", envelope=envelope, octets=3, hop=1, arrived_at=0.0, next_attempt_at=0.0)
    assert await store.apply((Put(entry, b"abc"),)) is None
    await store.close()


@pytest.fixture
def home(tmp_path):
    asyncio.run(fill(tmp_path / "queue"))
    return tmp_path


def test_under_somebody_elses_lock_an_order_may_be_given_later(home, monkeypatch):
    monkeypatch.setattr(sql, "BUSY_S", 0.05)
    other = sqlite3.connect(place_of(home / "queue"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert [row.queue_id for row in asyncio.run(list_queue(home))] == ["1"]
    with pytest.raises(NotNow) as raised:
        asyncio.run(order(home, ("1",), "hold"))
    assert raised.value.temporary
    assert raised.value.arguments["reason"] == "database is locked"
    other.execute("ROLLBACK")
    other.close()
    asyncio.run(order(home, ("1",), "hold"))


def test_a_queue_that_another_has_to_itself_may_be_read_later(home, monkeypatch):
    monkeypatch.setattr(sql, "BUSY_S", 0.05)
    other = sqlite3.connect(place_of(home / "queue"), isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(NotNow) as raised:
        asyncio.run(list_queue(home))
    assert raised.value.arguments["place"] == f"{home / 'queue'}: database is locked"
    other.close()
    assert len(asyncio.run(list_queue(home))) == 1


def test_a_folder_may_be_called_whatever_it_likes(tmp_path):
    home = tmp_path / "nhà?x=1#của %20 tôi"
    asyncio.run(fill(home / "queue"))
    store = open_inbox(home / "inbox")
    assert isinstance(store, InboxStore)
    asyncio.run(store.close())
    assert [row.queue_id for row in asyncio.run(list_queue(home))] == ["1"]
    assert {path.name for path in tmp_path.iterdir()} == {home.name}
    assert (home / "inbox" / "inbox.sqlite").exists()


def test_what_can_not_be_written_can_still_be_read(home, monkeypatch):
    """As on a file system that is mounted read-only: SQLite can't make the files that lie beside its database."""

    def unwritable(_connection, _record):
        raise unopenable

    unopenable = sqlite3.OperationalError("unable to open database file")
    unopenable.sqlite_errorname = "SQLITE_CANTOPEN"
    monkeypatch.setattr(sql, "_set_up_sqlite", unwritable)
    assert [row.queue_id for row in asyncio.run(list_queue(home))] == ["1"]
    with pytest.raises(NotNow) as raised:
        asyncio.run(order(home, ("1",), "hold"))
    assert raised.value.arguments["reason"] == "attempt to write a readonly database"
    # A server that was killed has left its log, in which there may be more.
    place_of(home / "queue").with_name("queue.sqlite-wal").write_bytes(b"")
    assert [row.queue_id for row in asyncio.run(list_queue(home))] == ["1"]


def test_what_waits_is_nobody_elses_to_read(home):
    assert stat.S_IMODE((home / "queue").stat().st_mode) == 0o700


def test_no_store_is_made_on_a_full_disk_which_may_pass(tmp_path, monkeypatch):
    def full(*_arguments, **_options):
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path))

    monkeypatch.setattr(Path, "mkdir", full)
    for open_one in (open_store, open_inbox):
        trouble = open_one(tmp_path / "store")
        assert trouble == Trouble("not-now", f"{tmp_path / 'store'}: No space left on device")
        assert bad_store(trouble).temporary


def test_what_is_no_database_is_named_with_its_reason(tmp_path):
    (tmp_path / "queue").mkdir()
    place_of(tmp_path / "queue").write_bytes(b"nonsense " * 100)
    with pytest.raises(BadInput) as raised:
        asyncio.run(list_queue(tmp_path))
    assert raised.value.arguments["place"] == f"{tmp_path / 'queue'}: file is not a database"


def test_the_log_has_a_line_for_each_notice(tmp_path):
    log = Logbook(tmp_path / "log", 10_000, lambda: 0.0, lambda bad: None)
    scope = Journal(lambda: 0.0, QueueLog(log).read, keep=False).scope(node="mx", hop=0, span="queue/A1", stage="queue")
    scope(Judged("notice", "delayed", "a@x.example"))
    scope(BounceSent("A1", "a@x.example"))
    log.close()
    assert [line.split(maxsplit=1)[1] for line in (tmp_path / "log").read_text("ascii").splitlines()] == [
        'notice queue="A1" recipient="a@x.example" about="delayed"',
        'notice queue="A1" recipient="a@x.example" about="failed"',
    ]
