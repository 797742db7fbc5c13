"""What every store of a queue must do, in memory and on disk alike; then what only the one on disk can."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys

import msgspec
import pytest
from sqlalchemy import func, inspect, select

from smtplab.mta.envelope import Envelope
from smtplab.mta.queue.listing import QueueRow, queue_rows
from smtplab.mta.store.memory import MemoryStore
from smtplab.mta.store.port import Delivering, Entry, Put, Remove, Trouble, Update, recovered
from smtplab.mta.store.rows import insert
from smtplab.mta.store.schema import NEWEST, messages, migrate, version
from smtplab.mta.store.spool import Spool
from smtplab.mta.store.sql import ROW_OCTETS_MAX, SqlStore, make_engine, open_store
from smtplab.mta.store.visit import Visit, visit_store
from smtplab.wire.address import Mailbox

SENDER = Mailbox("a", "here.example")
LARGE = b"x" * (ROW_OCTETS_MAX + 1)


def make_entry(number, next_attempt_at=0.0, **changes):
    envelope = Envelope(SENDER, (Mailbox("b", "d.example"), Mailbox("c", "d.example")), b"")
    settings = {"octets": 3, "hop": 1, "arrived_at": 0.0, "next_attempt_at": next_attempt_at}
    return Entry(**{"queue_id": f"{number:X}", "envelope": envelope} | settings | changes)


def opened(folder, threaded=True):
    store = open_store(folder, threaded=threaded)
    assert isinstance(store, SqlStore)
    return store


@pytest.fixture(params=["memory", "sql", "sql-inline"])
def on_store(request, tmp_path):
    """Runs a coroutine function on a store of each kind."""

    def run(play):
        async def main():
            store = MemoryStore() if request.param == "memory" else opened(tmp_path, request.param == "sql")
            try:
                await play(store)
            finally:
                await store.close()
                await store.close()

        asyncio.run(main())

    return run


def test_what_was_put_is_found_as_it_was(on_store):
    async def play(store):
        entry = make_entry(0xA1, reason="ờ", delivering=(Delivering("mx", ("b@d.example",)),))
        assert await store.apply((Put(entry, b"abc"), Put(make_entry(0xA2), LARGE))) is None
        assert await store.get("A1") == entry
        assert (await store.content("A1"), await store.content("A2")) == (b"abc", LARGE)
        assert [one.queue_id for one in await store.entries()] == ["A1", "A2"]
        assert [one.queue_id for one in await store.entries("A1")] == ["A2"]
        assert await store.count() == 2

    on_store(play)


def test_what_is_not_there_is_none_and_is_not_made_by_a_change(on_store):
    async def play(store):
        assert await store.apply((Update(make_entry(1)), Remove("2"))) is None
        assert [await store.get(one) for one in ("1", "2", "no id")] == [None, None, None]
        assert await store.content("1") is None
        assert (await store.entries(), await store.count(), await store.next_due()) == ((), 0, None)

    on_store(play)


def test_what_is_removed_is_gone_with_its_content(on_store):
    async def play(store):
        await store.apply((Put(make_entry(1), b"abc"), Put(make_entry(2), LARGE)))
        await store.apply((Remove("1"), Remove("2")))
        assert (await store.content("1"), await store.content("2"), await store.count()) == (None, None, 0)

    on_store(play)


def test_only_what_is_due_is_claimed_the_earliest_first_and_once(on_store):
    async def play(store):
        await store.apply([Put(make_entry(number, 100.0 - number), b"") for number in range(1, 6)])
        await store.apply((Put(make_entry(9, 0.0, state="hold"), b""),))
        assert await store.next_due() == 95.0
        claimed = await store.claim(97.0, 10)
        assert [(one.queue_id, one.state) for one in claimed] == [("5", "active"), ("4", "active"), ("3", "active")]
        assert await store.get("5") == claimed[0]
        assert await store.claim(97.0, 10) == ()
        assert await store.next_due() == 98.0

    on_store(play)


def test_neither_new_mail_nor_old_keeps_the_other_waiting(on_store):
    async def play(store):
        await store.apply([Put(make_entry(number, state="deferred"), b"") for number in range(1, 11)])
        await store.apply([Put(make_entry(number), b"") for number in range(11, 21)])
        claimed = await store.claim(1.0, 4)
        assert sorted(one.number > 10 for one in claimed) == [False, False, True, True]
        assert len(await store.claim(1.0, 1)) == 1

    on_store(play)


def test_what_is_put_off_is_due_at_its_new_moment_only(on_store):
    async def play(store):
        await store.apply((Put(make_entry(1, 5.0), b""),))
        (claimed,) = await store.claim(5.0, 1)
        await store.apply((Update(msgspec.structs.replace(claimed, state="deferred", next_attempt_at=50.0)),))
        assert await store.claim(49.0, 10) == ()
        assert await store.next_due() == 50.0
        assert [one.queue_id for one in await store.claim(50.0, 10)] == ["1"]

    on_store(play)


def test_a_queue_that_begins_hears_of_deliveries_in_doubt_until_it_says_that_it_knows(on_store):
    async def play(store):
        mark = Delivering("mx", ("b@d.example",))
        doubtful = make_entry(1, state="active", attempts=1, delivering=(mark,))
        await store.apply((Put(doubtful, b""), Put(make_entry(2, state="active"), b""), Put(make_entry(3), b"")))
        assert await store.recover() == (doubtful,)
        assert await store.recover() == (doubtful,)
        await store.apply((Update(recovered(doubtful)),))
        assert await store.recover() == ()
        assert [(one.state, one.delivering) for one in await store.entries()] == [
            ("deferred", ()),
            ("incoming", ()),
            ("incoming", ()),
        ]
        assert len(await store.claim(1.0, 10)) == 3

    on_store(play)


def test_a_listing_has_the_keys_of_the_contract_and_every_page(on_store):
    async def play(store):
        await store.apply([Put(make_entry(number), b"") for number in range(1, 2001)])
        await store.apply((Put(make_entry(0xFFFF, state="hold", attempts=3, reason="450 later"), b""),))
        rows = [row async for row in queue_rows(store)]
        assert len(rows) == 2001
        people = ("b@d.example", "c@d.example")
        first = QueueRow("1", "incoming", "a@here.example", people, "1970-01-01T00:00:00.000000Z", 0, "")
        assert rows[0] == first
        assert rows[-1] == QueueRow("FFFF", "hold", "a@here.example", people, None, 3, "450 later")

    on_store(play)


# On disk


def test_changes_are_there_for_the_next_process(tmp_path):
    async def play():
        store = opened(tmp_path)
        await asyncio.gather(
            *(store.apply((Put(make_entry(number), b"%d" % number if number % 2 else LARGE),)) for number in range(50))
        )
        await store.close()
        store = opened(tmp_path)
        assert await store.count() == 50
        assert (await store.content("1"), await store.content("2")) == (b"1", LARGE)
        await store.close()

    asyncio.run(play())


def test_a_change_that_can_not_be_made_spoils_no_other(tmp_path):
    async def play():
        store = opened(tmp_path)
        await store.apply((Put(make_entry(1), b"first"),))
        again = (Put(make_entry(1), b"second"), Put(make_entry(2), b""))
        results = await asyncio.gather(store.apply(again), store.apply((Put(make_entry(3), LARGE),)))
        assert isinstance(results[0], Trouble)
        assert (results[0].reason, results[1]) == ("failed", None)
        assert (await store.content("1"), await store.content("2"), await store.content("3")) == (b"first", None, LARGE)
        await store.close()

    asyncio.run(play())


def test_spool_files_go_with_the_last_content_in_them(tmp_path):
    async def play():
        store = opened(tmp_path)
        await store.apply((Put(make_entry(1), LARGE), Put(make_entry(2), LARGE)))
        await store.close()
        store = opened(tmp_path)
        await store.apply((Put(make_entry(3), LARGE),))
        assert files() == ["00000001.spool", "00000002.spool"]
        await store.apply((Remove("1"),))
        assert await store.content("2") == LARGE
        await store.apply((Remove("2"),))
        assert files() == ["00000002.spool"]
        await store.apply((Remove("3"),))
        await store.close()
        assert files() == []

    def files():
        return sorted(path.name for path in (tmp_path / "spool").iterdir())

    asyncio.run(play())


def test_a_spool_file_that_nothing_points_at_is_removed_at_the_start(tmp_path):
    spool = Spool(tmp_path, [])
    spool.append(b"half a mess")
    spool.leave()
    Spool(tmp_path, [])
    assert list(tmp_path.iterdir()) == []


def test_a_content_whose_file_was_cut_is_unreadable_not_short(tmp_path):
    async def play():
        store = opened(tmp_path)
        await store.apply((Put(make_entry(1), LARGE),))
        (file,) = (tmp_path / "spool").iterdir()
        with file.open("r+b") as cut:
            cut.truncate(10)
        assert await store.content("1") is None
        await store.close()

    asyncio.run(play())


def test_a_second_process_is_told_that_the_folder_is_taken(tmp_path):
    code = "import sys; from pathlib import Path; from smtplab.mta.store.sql import open_store; "
    code += "print(open_store(Path(sys.argv[1])).reason)"

    async def play():
        store = opened(tmp_path)
        other = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=30
        )
        assert other.stdout == "locked\n"
        assert open_store(tmp_path) == Trouble("locked", str(tmp_path))
        await store.close()
        await opened(tmp_path).close()

    asyncio.run(play())


def test_a_folder_that_is_none_is_trouble(tmp_path):
    place = tmp_path / "file"
    place.write_text("")
    trouble = open_store(place)
    assert isinstance(trouble, Trouble)
    assert trouble.reason == "unreadable"


def test_a_file_that_is_no_database_is_trouble_and_frees_the_folder(tmp_path):
    (tmp_path / "queue.sqlite").write_bytes(b"no database at all, but long enough to be read as one" * 100)
    for _ in range(2):
        trouble = open_store(tmp_path)
        assert isinstance(trouble, Trouble)
        assert trouble.reason == "unreadable"


def test_every_older_schema_is_brought_to_the_newest_with_its_messages(tmp_path):
    async def play(folder):
        store = opened(folder)
        assert (await store.get("1"), await store.content("1")) == (make_entry(1), b"kept")
        await store.close()
        engine = make_engine(f"sqlite:///{folder / 'queue.sqlite'}")
        with engine.connect() as connection:
            assert connection.scalars(select(version.c.version)).all() == [NEWEST]
            assert connection.scalar(select(func.count()).select_from(messages)) == 1
        engine.dispose()

    assert NEWEST >= 2
    for older in range(1, NEWEST + 1):
        folder = tmp_path / str(older)
        folder.mkdir()
        engine = make_engine(f"sqlite:///{folder / 'queue.sqlite'}")
        with engine.begin() as connection:
            assert migrate(connection, older) == 0
            row = {"number": 1, "octets": b"kept", "segment": None, "start": None, "length": None}
            insert(connection, [make_entry(1)], [row])
        engine.dispose()
        asyncio.run(play(folder))


def test_a_crash_within_a_migration_leaves_nothing_of_it(tmp_path):
    engine = make_engine(f"sqlite:///{tmp_path / 'queue.sqlite'}")
    with engine.connect() as connection:
        migrate(connection, 1)
        connection.rollback()
        assert inspect(connection).get_table_names() == []
    with engine.begin() as connection:
        assert migrate(connection, 1) == 0
    with engine.connect() as connection:
        migrate(connection)
        connection.rollback()
        assert connection.scalar(select(version.c.version)) == 1
    engine.dispose()
    asyncio.run(opened(tmp_path).close())


def test_a_newer_schema_is_left_alone(tmp_path):
    asyncio.run(opened(tmp_path).close())
    engine = make_engine(f"sqlite:///{tmp_path / 'queue.sqlite'}")
    with engine.begin() as connection:
        connection.execute(version.update().values(version=NEWEST + 1))
    engine.dispose()
    before = shutil.copy(tmp_path / "queue.sqlite", tmp_path / "before").read_bytes()
    trouble = open_store(tmp_path)
    assert isinstance(trouble, Trouble)
    assert trouble.reason == "newer-schema"
    assert (tmp_path / "queue.sqlite").read_bytes() == before


def test_every_commit_is_synced_and_others_may_read_meanwhile(tmp_path):
    engine = make_engine(f"sqlite:///{tmp_path / 'queue.sqlite'}")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    engine.dispose()


def test_another_process_looks_in_and_leaves_an_order_while_the_queue_writes(tmp_path):
    async def play():
        store = opened(tmp_path)
        await store.apply((Put(make_entry(1), b""),))
        visit = visit_store(tmp_path)
        assert isinstance(visit, Visit)
        assert [row.queue_id async for row in queue_rows(visit)] == ["1"]
        assert await visit.leave_orders(["1", "2", "1"], "hold") == "2"
        assert await store.take_orders() == (("1", "hold"),)
        assert await store.take_orders() == ()
        visit.close()
        await store.close()

    asyncio.run(play())
