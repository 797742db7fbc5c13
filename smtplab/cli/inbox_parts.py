"""`smtplab inbox parts` and `inbox save --part`: what a message is made of, as a tree, as JSON, and as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from smtplab.lab.bad_input import BadInput, NotWritten
from smtplab.view.safe import safe
from smtplab.view.texts import Texts

if TYPE_CHECKING:
    from smtplab.message.parts import MimePart


def show_parts(root: MimePart, texts: Texts, *, as_json: bool) -> None:
    """Each line is a part: its number, type, charset, octets, name and what is wrong with it."""
    from smtplab.message.parts import walk  # noqa: PLC0415 - it loads the library's email package

    if as_json:
        click.echo(msgspec.json.encode(_told(root)))
        return
    for depth, part in walk(root):
        said = [part.kind, part.charset, f"{texts.number(part.octets)} octets", part.disposition, part.name]
        flaws = f"  ({', '.join(part.flaws)})" if part.flaws else ""
        # The names are a stranger's: nothing in them may steer the terminal.
        click.echo(f"{'  ' * depth}{part.number}  {safe('  '.join(filter(None, said)))}{flaws}")


def save_part(root: MimePart, name: str, number: str, file: str | None) -> Path:
    """Where it was written: to `file`, or under its own name in this folder or that one, never over another file.

    Raises BadInput.
    """
    from smtplab.message.parts import part_at  # noqa: PLC0415

    part = part_at(root, number)
    if part is None:
        raise BadInput("inbox.no-part", id=name, part=number)
    path = Path(file or ".")
    own_name = path.is_dir()
    if own_name:
        path /= part.file_name
    try:
        with path.open("xb" if own_name else "wb") as opened:
            opened.write(part.content)
    except FileExistsError as trouble:
        raise BadInput("inbox.file-exists", file=str(path)) from trouble
    except OSError as trouble:
        raise NotWritten(path, trouble) from trouble
    return path


def _told(part: MimePart) -> dict[str, Any]:
    told: dict[str, Any] = {
        "number": part.number,
        "type": part.kind,
        "charset": part.charset or None,
        "name": part.name or None,
        "file_name": part.file_name,
        "disposition": part.disposition or None,
        "content_id": part.content_id or None,
        "encoding": part.encoding or None,
        "size": part.octets,
        "flaws": part.flaws,
    }
    if part.kind.startswith("text/"):
        told["text"] = part.text
    return {**told, "parts": [_told(one) for one in part.parts]}
