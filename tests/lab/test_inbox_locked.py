"""The inbox's commands while its database is another's."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from smtplab.lab.bad_input import NotNow
from smtplab.lab.inbox import delete
from smtplab.mta.inbox.store import place_of
from smtplab.mta.store import sql
from tests.lab.inboxes import Server


def test_under_somebody_elses_lock_a_message_may_be_deleted_later(tmp_path, monkeypatch):
    async def receive():
        server = Server(tmp_path)
        name = await server.message()
        await server.close()
        return name

    name = asyncio.run(receive())
    monkeypatch.setattr(sql, "BUSY_S", 0.05)
    other = sqlite3.connect(place_of(tmp_path / "inbox"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(NotNow) as raised:
        delete(tmp_path, (name,))
    assert raised.value.arguments == {"place": str(tmp_path / "inbox"), "reason": "database is locked"}
    other.execute("ROLLBACK")
    other.close()
    delete(tmp_path, (name,))
