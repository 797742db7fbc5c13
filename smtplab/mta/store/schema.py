"""The store's tables and the numbered steps that bring an older store to them; SQL that any database understands.

A message's row holds what is searched by and the whole entry as JSON: an entry is read and written as one, and a field
added to it asks for no step here. Contents stand apart, so that a change of state does not write the octets again.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    inspect,
    select,
)
from sqlalchemy.schema import CreateIndex, CreateTable

metadata = MetaData()

version = Table("schema_version", metadata, Column("version", Integer, nullable=False))

messages = Table(
    "messages",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("state", String(8), nullable=False),
    Column("next_attempt_at", Float(53), nullable=False),
    Column("entry", Text, nullable=False),
)
due = Index("messages_due", messages.c.state, messages.c.next_attempt_at)

contents = Table(
    "contents",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("octets", LargeBinary, nullable=True),
    Column("segment", Integer, nullable=True),
    Column("start", BigInteger, nullable=True),
    Column("length", BigInteger, nullable=True),
)
"""The octets in the row, or else where they lie in the spool."""

orders = Table(
    "orders",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("queue_id", String(16), nullable=False),
    Column("verb", String(8), nullable=False),
)
"""What other processes ask of the queue that works here: `hold`, `release`, `delete`, `retry`."""

STEPS = (
    (CreateTable(messages), CreateIndex(due), CreateTable(contents)),
    (CreateTable(orders),),
)
"""The first makes version 1 out of nothing, each of the others the next version. A step that has been released is never
changed: write the next one, in words of its own where these tables have gone on."""

NEWEST = len(STEPS)


def migrate(connection: Connection, target: int = NEWEST) -> int:
    """Brings the store up to `target`, in the caller's transaction. Returns the version found, 0 for a new store; a
    version above `target` is left alone."""
    if connection.dialect.name == "sqlite":
        # Python's driver begins no transaction by itself before a table is made: a crash would leave half a step.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    if inspect(connection).has_table(version.name):
        found = connection.scalar(select(version.c.version)) or 0
    else:
        connection.execute(CreateTable(version))
        connection.execute(version.insert().values(version=0))
        found = 0
    for step in STEPS[found:target]:
        for statement in step:
            connection.execute(statement)
    if found < target:
        connection.execute(version.update().values(version=target))
    return found
