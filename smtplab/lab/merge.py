"""A table of people, a row a message: `{{column}}` in a text stands for what the row says."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable

import msgspec

from smtplab.lab.bad_input import BadInput
from smtplab.lab.parts import file_content
from smtplab.lab.request import SendRequest

_PLACE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_END_OF_HEADER = re.compile(r"\r?\n\r?\n")
_ADDRESS_COLUMNS = ("to", "email", "e-mail", "mail", "address", "recipient")
"""Where the recipient stands when nobody says so, the first that there is."""

ROWS_MAX = 1_000_000
"""All are held, so that all can be checked before the first is sent."""


class Row(msgspec.Struct, frozen=True):
    number: int
    """Of its line in the table, the first one having the names."""
    values: dict[str, str]


class Table(msgspec.Struct, frozen=True):
    path: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read_table(path: str) -> Table:
    """Comma, semicolon or tab between the fields, whichever the first line has most; UTF-8. Raises BadInput."""
    try:
        text = file_content(path).decode("utf-8-sig")
    except UnicodeDecodeError as trouble:
        raise BadInput("merge.not-utf8", file=path) from trouble
    first = text.partition("\n")[0]
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    rows: list[Row] = []
    try:
        columns = tuple(name.strip() for name in next(lines, []))
        if not any(columns):
            raise BadInput("merge.no-columns", file=path)
        for fields in lines:
            if not any(field.strip() for field in fields):
                continue
            if len(fields) > len(columns):
                raise BadInput("merge.too-many", file=path, row=str(lines.line_num))
            rows.append(Row(lines.line_num, dict(zip(columns, fields, strict=False))))
            if len(rows) > ROWS_MAX:
                raise BadInput("merge.too-long", file=path, limit=ROWS_MAX)
    except csv.Error as trouble:
        raise BadInput("merge.unreadable", file=path, row=str(lines.line_num), reason=str(trouble)) from trouble
    if not rows:
        raise BadInput("merge.no-rows", file=path)
    return Table(path, columns, tuple(rows))


def filled(request: SendRequest, table: Table, row: Row) -> SendRequest:
    """The request for one row. Raises BadInput, which names the row, where it lacks what a text asks for."""
    fill = _filler(table, row)
    shared, letter = request.shared, request.letter
    named = [one.strip() for each in request.recipients for one in fill(each).split(",")]
    recipients = tuple(one for one in named if one) or (_address_of(table, row),)
    content = shared.content
    return msgspec.structs.replace(
        request,
        recipients=recipients,
        shared=msgspec.structs.replace(
            shared,
            recipient=recipients[0],
            sender=None if shared.sender is None else fill(shared.sender),
            content=None if content is None else _filled_content(content, fill),
            subject=None if shared.subject is None else fill(shared.subject),
            body=None if shared.body is None else fill(shared.body),
            headers=tuple((name, fill(value)) for name, value in shared.headers),
            attachments=tuple(fill(path) for path in shared.attachments),
        ),
        letter=msgspec.structs.replace(
            letter,
            copies=tuple(fill(each) for each in letter.copies),
            blind=tuple(fill(each) for each in letter.blind),
            added=tuple((name, fill(value)) for name, value in letter.added),
            html=None if letter.html is None else fill(letter.html),
        ),
    )


def name_of(table: Table, row: Row) -> str:
    return f"{table.path}:{row.number}"


def _filled_content(content: bytes, fill: Callable[[str], str]) -> bytes:
    """In the header a field of the table must not make a field of its own. Raises BadInput."""
    text = content.decode("utf-8", "surrogateescape")
    ended = _END_OF_HEADER.search(text)
    header, body = (text[: ended.start()], text[ended.start() :]) if ended else (text, "")
    lines = [fill(line) for line in header.split("\n")]
    for line in lines:
        if "\n" in line or "\r" in line.removesuffix("\r"):
            raise BadInput("cli.bad-header", value=line)
    return ("\n".join(lines) + fill(body)).encode("utf-8", "surrogateescape")


def _filler(table: Table, row: Row) -> Callable[[str], str]:
    def value_of(found: re.Match[str]) -> str:
        column = found[1]
        if column not in table.columns:
            columns = ", ".join(table.columns)
            raise BadInput("merge.no-such-column", file=table.path, row=str(row.number), column=column, columns=columns)
        if column not in row.values:
            raise BadInput("merge.missing", file=table.path, row=str(row.number), column=column)
        return row.values[column]

    return lambda text: _PLACE.sub(value_of, text)


def _address_of(table: Table, row: Row) -> str:
    by_name = {name.lower(): name for name in table.columns}
    column = next((by_name[name] for name in _ADDRESS_COLUMNS if name in by_name), None)
    if column is None:
        raise BadInput("merge.no-address-column", file=table.path, columns=", ".join(table.columns))
    address = row.values.get(column, "").strip()
    if not address:
        raise BadInput("merge.missing", file=table.path, row=str(row.number), column=column)
    return address
