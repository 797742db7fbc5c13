"""The inbox's tables; SQL that any database understands. What is searched by has a column, all else is JSON."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData()

_NUMBER = BigInteger().with_variant(Integer, "sqlite")

messages = Table(
    "inbox_messages",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=False),
    Column("entry", Text, nullable=False),
)

contents = Table(
    "inbox_contents",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=False),
    Column("octets", LargeBinary, nullable=True),
    Column("segment", Integer, nullable=True),
    Column("start", BigInteger, nullable=True),
    Column("length", BigInteger, nullable=True),
)
"""The octets in the row, or else where they lie in the spool."""

sessions = Table(
    "inbox_sessions",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=False),
    Column("entry", Text, nullable=False),
    Column("records", LargeBinary, nullable=False),
)
"""The records are a capture's lines, without its first."""

seen = Table(
    "inbox_seen",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=False),
)
"""Of messages, or of sessions, that a person has looked at. Only those who show them write here."""
