"""`smtplab inbox`: what a server has received, as text or JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from smtplab.cli.group import Part, Several
from smtplab.cli.inbox_parts import save_part, show_parts
from smtplab.cli.serve_ui import is_terminal, show_inbox
from smtplab.lab.bad_input import BadInput, NotWritten
from smtplab.lab.exits import DONE, FAILED
from smtplab.view.safe import safe, safe_bytes
from smtplab.view.texts import Texts

if TYPE_CHECKING:
    from smtplab.lab.inbox import MessageRow, SessionRow

# The store takes a third of a second to import: `--help` needs none of it, so each part imports it where it works.


def make_command(texts: Texts) -> click.Command:
    parts = _Parts(texts)
    one = click.Argument(["name"], metavar="ID")
    several = click.Argument(["names"], metavar="ID...", nargs=-1)
    as_json = click.Option(["--json", "as_json"], is_flag=True, help=texts("inbox.help.json"))
    sessions = click.Option(["--sessions"], is_flag=True, help=texts("inbox.help.sessions"))
    file = click.Argument(["file"], metavar="[FILE]", required=False)
    part = click.Option(["--part"], metavar="N", help=texts("inbox.help.part"))
    whole = click.Option(["--all", "whole"], is_flag=True, help=texts("inbox.help.all"))
    return Several(
        texts,
        "inbox",
        (
            Part(texts, "inbox.list", parts.list, (sessions, as_json)),
            Part(texts, "inbox.show", parts.show, (one, as_json)),
            Part(texts, "inbox.raw", parts.raw, (one,)),
            Part(texts, "inbox.parts", parts.parts, (one, as_json)),
            Part(texts, "inbox.save", parts.save, (one, file, part)),
            Part(texts, "inbox.delete", parts.delete, (several, whole)),
            Part(texts, "inbox.search", parts.search, (click.Argument(["text"], metavar="TEXT"), as_json)),
            Part(texts, "inbox.watch", parts.watch, (as_json,)),
        ),
        alone=lambda home: _alone(home, texts),
    )


def _alone(home: Path, texts: Texts) -> int:
    """Without a command, in a terminal, the screen opens."""
    if not is_terminal():
        raise BadInput("cli.missing", name="COMMAND")
    return show_inbox(home, texts)


class _Parts:
    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def list(self, home: Path, *, sessions: bool, as_json: bool) -> int:
        from smtplab.lab.inbox import opened_inbox  # noqa: PLC0415

        with opened_inbox(home) as inbox:
            if sessions:
                found = inbox.sessions.rows()
                return self._print_json(found) if as_json else self._print(map(self._session_line, found))
            rows = inbox.messages()
            return self._print_json(rows) if as_json else self._print(map(self._line, rows))

    def show(self, home: Path, *, name: str, as_json: bool) -> int:
        from smtplab.capture.codec import RecordEncoder  # noqa: PLC0415
        from smtplab.lab.inbox import opened_inbox  # noqa: PLC0415

        with opened_inbox(home) as inbox:
            message = inbox.message(name)
            session = inbox.sessions.get(name if message is None else message.session)
            if message is None and session is None:
                raise BadInput("inbox.unknown", id=name)
            raw = inbox.raw(name) or b""
        records = () if session is None else session[1]
        if as_json:
            encode = RecordEncoder().encode
            said = {
                "message": message,
                "session": None if session is None else session[0],
                "records": [msgspec.Raw(encode(record)) for record in records],
                "left_out": 0 if session is None else session[2],
            }
            click.echo(msgspec.json.encode(said))
            return DONE
        if message is not None:
            click.echo(self._line(message) + "\n")
            # The message is a stranger's: nothing in it may steer the terminal.
            click.echo("\n".join(safe_bytes(line) for line in raw.splitlines()) + "\n")
        if session is not None:
            click.echo(self._session_line(session[0]))
            self._transcript(records)
            if session[2]:
                click.echo(self._texts("inbox.left-out", number=session[2]))
        return DONE

    def raw(self, home: Path, *, name: str) -> int:
        sys.stdout.buffer.write(_raw(home, name))
        return DONE

    def parts(self, home: Path, *, name: str, as_json: bool) -> int:
        from smtplab.message.parts import parts_of_message  # noqa: PLC0415

        show_parts(parts_of_message(_raw(home, name)), self._texts, as_json=as_json)
        return DONE

    def save(self, home: Path, *, name: str, file: str | None, part: str | None) -> int:
        content = _raw(home, name)
        if part is not None:
            from smtplab.message.parts import parts_of_message  # noqa: PLC0415

            path = save_part(parts_of_message(content), name, part, file)
            if file is None or path != Path(file):
                click.echo(safe(str(path)))
            return DONE
        if file is None:
            raise BadInput("inbox.needs-file")
        try:
            Path(file).write_bytes(content)
        except OSError as trouble:
            raise NotWritten(file, trouble) from trouble
        return DONE

    def delete(self, home: Path, *, names: tuple[str, ...], whole: bool) -> int:
        from smtplab.lab.inbox import delete, opened_inbox  # noqa: PLC0415

        if not names and not whole:
            raise BadInput("inbox.nothing-named")
        if whole:
            with opened_inbox(home) as inbox:
                names = tuple(row.id for row in inbox.messages())
        delete(home, names)
        return DONE

    def search(self, home: Path, *, text: str, as_json: bool) -> int:
        """As grep: 1 where nothing is found."""
        from smtplab.lab.inbox import opened_inbox  # noqa: PLC0415
        from smtplab.lab.inbox_pages import all_messages  # noqa: PLC0415
        from smtplab.lab.inbox_query import parse_query  # noqa: PLC0415

        with opened_inbox(home) as inbox:
            rows = list(all_messages(inbox, parse_query(text)))
        if as_json:
            self._print_json(rows)
        elif rows:
            self._print(map(self._line, rows))
        return DONE if rows else FAILED

    def watch(self, home: Path, *, as_json: bool) -> int:
        from smtplab.lab.inbox import watch  # noqa: PLC0415

        for row in watch(home):
            click.echo(msgspec.json.encode(row) if as_json else self._line(row))
            sys.stdout.flush()
        return DONE

    # How it looks

    def _print(self, lines: Iterable[str]) -> int:
        nothing = True
        for line in lines:
            nothing = False
            click.echo(line)
        if nothing:
            click.echo(self._texts("inbox.nothing"))
        return DONE

    def _print_json(self, rows: Iterable[Any]) -> int:
        click.echo(msgspec.json.encode(list(rows)))
        return DONE

    def _line(self, row: MessageRow) -> str:
        return self._texts(
            "inbox.head",
            id=row.id,
            received=row.received,
            size=row.size,
            sender=safe(f"<{row.sender}>"),
            recipients=safe(" ".join(f"<{who}>" for who in row.recipients)),
            subject=safe(row.subject),
        )

    def _session_line(self, row: SessionRow) -> str:
        return self._texts(
            "inbox.session.head",
            id=row.id,
            started=row.started,
            protocol=row.protocol,
            client=safe(row.client),
            count=len(row.messages),
        )

    def _transcript(self, records: Iterable[Any]) -> None:
        from smtplab.view.journey import Journey  # noqa: PLC0415
        from smtplab.view.transcript import lines  # noqa: PLC0415

        journey = Journey()
        for record in records:
            journey.advance(record)
            for line in lines(record, journey, self._texts):
                click.echo(str(line))


def _raw(home: Path, name: str) -> bytes:
    from smtplab.lab.inbox import raw  # noqa: PLC0415

    return raw(home, name)
