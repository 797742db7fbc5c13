"""The options of `smtplab send` that make its message, or edit one that is given whole."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from smtplab.cli import values as read
from smtplab.cli.words import Takes, any_word
from smtplab.lab.bad_input import BadInput
from smtplab.lab.parts import Piece, attachment, mime_type
from smtplab.lab.request import Letter
from smtplab.view.texts import Texts

IN_ORDER = frozenset({"attachments", "attach_body", "attach_type", "attach_name"})


OPTIONAL: dict[str, Takes] = {"attach_name": any_word}


def letter_options(texts: Texts) -> list[click.Parameter]:
    """Beside those that every command has for a message."""

    def option(*names: str, dest: str, **how: Any) -> click.Option:
        return click.Option([*names, dest], help=texts(f"cli.help.{dest}"), **how)

    return [
        option("--cc", dest="cc", metavar="ADDRESS[,ADDRESS]", multiple=True),
        option("--bcc", dest="bcc", metavar="ADDRESS[,ADDRESS]", multiple=True),
        option("--header", dest="headers", metavar="'NAME: VALUE'", multiple=True),
        option("--add-header", "-ah", dest="add_headers", metavar="'NAME: VALUE'", multiple=True),
        option("--html", dest="html", metavar="TEXT|@FILE|-"),
        option("--inline", dest="inline", metavar="FILE", multiple=True),
        option("--attach-type", dest="attach_type", metavar="TYPE/SUBTYPE"),
        option("--attach-name", dest="attach_name", is_flag=False, flag_value="", metavar="[NAME]"),
        option("--attach-body", dest="attach_body", metavar="TEXT|@FILE|-", multiple=True),
        option("--mend", dest="mend", is_flag=True),
        option("--no-data-fixup", "-ndf", dest="no_fix_up", is_flag=True),
        option("--no-strip-from", "-nsf", dest="no_strip_from", is_flag=True),
        click.Option(["-g", "data_from_input"], is_flag=True, hidden=True),
    ]


def letter_from(values: dict[str, Any], in_order: Sequence[tuple[str, str]]) -> Letter:
    """Takes the values of `letter_options` out of a command's values, and brings the shared ones into the form that
    every command has. Raises BadInput."""
    if values.pop("data_from_input") and values["data"] is None:
        values["data"] = "-"
    for name in ("attach_body", "attach_type", "attach_name"):
        values.pop(name)
    values["headers"] = _fields(values["headers"])
    if values["body"] is not None:
        values["body"] = read.text_value(values["body"])
    html, inline = values.pop("html"), values.pop("inline")
    if inline and html is None:
        raise BadInput("cli.needs", option="--inline", other="--html")
    pictures = tuple(
        Piece(place="inline", content=read.file_octets(path.removeprefix("@")), name=Path(path).name) for path in inline
    )
    fix_up, strip = not values.pop("no_fix_up"), not values.pop("no_strip_from")
    if not fix_up and values["data"] is None:
        raise BadInput("cli.needs", option="--no-data-fixup", other="--data")
    return Letter(
        copies=parted(values.pop("cc")),
        blind=parted(values.pop("bcc")),
        added=_fields(values.pop("add_headers")),
        html=None if html is None else read.text_value(html),
        pieces=(*_pieces(in_order), *pictures),
        mend=values.pop("mend"),
        fix_up=fix_up,
        strip_from=strip,
    )


def parted(written: Sequence[str]) -> tuple[str, ...]:
    """Addresses, which swaks parts at commas."""
    return tuple(one for text in written for each in text.split(",") if (one := each.strip()))


def _fields(written: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """`Name: value`, several with `\\n` in between. Raises BadInput."""
    fields = []
    for text in (one for each in written for one in each.split("\\n")):
        name, colon, content = text.partition(":")
        if not colon or not re.fullmatch(r"[!-9;-~]+", name.strip()) or re.search(r"[\r\n\0]", text):
            raise BadInput("cli.bad-header", value=text)
        fields.append((name.strip(), content.strip()))
    return tuple(fields)


def _pieces(in_order: Sequence[tuple[str, str]]) -> tuple[Piece, ...]:
    """A type holds for the attachments that follow it, a name for the next one, as in swaks."""
    pieces: list[Piece] = []
    kind, name = "", None
    for option, value in in_order:
        match option:
            case "attach_type":
                kind = mime_type(value)
            case "attach_name":
                name = value
            case "attach_body":
                content = read.text_value(value).encode("utf-8", "surrogateescape")
                pieces.append(Piece(place="body", content=content, kind=kind or "text/plain"))
                kind, name = "", None
            case "attachments":
                pieces.append(_attached(value, kind, name))
                name = None
            case _:
                pass
    return tuple(pieces)


def _attached(value: str, kind: str, name: str | None) -> Piece:
    if value == "-":
        return Piece(place="attached", content=read.standard_input(), kind=kind, name=name or "")
    found = attachment(value.removeprefix("@"))
    return Piece(place="attached", content=found.content, kind=kind, name=found.name if name is None else name)
