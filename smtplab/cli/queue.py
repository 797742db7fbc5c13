"""`smtplab queue`: what waits to be sent on, as text or JSON, and orders to the server at work."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from smtplab.cli.group import Part, Several
from smtplab.lab.exits import DONE
from smtplab.view.safe import safe
from smtplab.view.texts import Texts

if TYPE_CHECKING:
    from smtplab.mta.queue.manager import Order

# As in `cli.inbox`, the store is imported where it is worked with.


def make_command(texts: Texts) -> click.Command:
    parts = _Parts(texts)
    several = click.Argument(["names"], metavar="ID...", nargs=-1, required=True)
    as_json = click.Option(["--json", "as_json"], is_flag=True, help=texts("inbox.help.json"))
    return Several(
        texts,
        "queue",
        (
            Part(texts, "queue.list", parts.list, (as_json,)),
            Part(texts, "queue.hold", parts.hold, (several,)),
            Part(texts, "queue.release", parts.release, (several,)),
            Part(texts, "queue.delete", parts.delete, (several,)),
            Part(texts, "queue.retry", parts.retry, (several,)),
        ),
    )


class _Parts:
    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def list(self, home: Path, *, as_json: bool) -> int:
        from smtplab.lab.queue import list_queue  # noqa: PLC0415
        from smtplab.view.meaning import reason_text  # noqa: PLC0415

        rows = asyncio.run(list_queue(home))
        if as_json:
            click.echo(msgspec.json.encode(rows))
            return DONE
        for row in rows:
            said = {
                "sender": f"<{row.sender}>",
                "recipients": " ".join(f"<{who}>" for who in row.recipients),
                "next": row.next_attempt or "-",
            }
            shown = {name: safe(text) for name, text in said.items()}
            shown["reason"] = reason_text(row.reason, self._texts)
            click.echo(
                self._texts("queue.row", id=row.queue_id, state=row.state, attempts=row.attempts, **shown).rstrip()
            )
        if not rows:
            click.echo(self._texts("queue.nothing"))
        return DONE

    def hold(self, home: Path, *, names: tuple[str, ...]) -> int:
        return _order(home, names, "hold")

    def release(self, home: Path, *, names: tuple[str, ...]) -> int:
        return _order(home, names, "release")

    def delete(self, home: Path, *, names: tuple[str, ...]) -> int:
        return _order(home, names, "delete")

    def retry(self, home: Path, *, names: tuple[str, ...]) -> int:
        return _order(home, names, "retry")


def _order(home: Path, names: tuple[str, ...], verb: Order) -> int:
    from smtplab.lab.queue import order  # noqa: PLC0415

    asyncio.run(order(home, names, verb))
    return DONE
