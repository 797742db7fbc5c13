"""Where `smtplab send` stops short, in swaks' words: with QUIT, without, or before the reply has come."""

from __future__ import annotations

from typing import Any, cast

import click
import msgspec

from smtplab.cli.common import OneOf
from smtplab.lab.bad_input import BadInput
from smtplab.mta.options import QuitAfter
from smtplab.net.cut import CutAfter
from smtplab.view.texts import Texts

_OURS = ("dns", "connect", "greeting", "ehlo", "tls", "xclient", "auth", "mail", "rcpt", "data")
_ALSO = {
    "banner": "greeting",
    "proxy": "connect",
    "helo": "ehlo",
    "lhlo": "ehlo",
    "first-helo": "first-ehlo",
    "first-ehlo": "first-ehlo",
    "first-lhlo": "first-ehlo",
    "starttls": "tls",
    "xclient-helo": "xclient-ehlo",
    "xclient-ehlo": "xclient-ehlo",
    "from": "mail",
    "to": "rcpt",
}


class Stages(msgspec.Struct, frozen=True):
    quit_after: QuitAfter | None
    drop: bool
    cut: CutAfter | None


def stage_options(texts: Texts) -> list[click.Parameter]:
    """swaks' own, under its names."""
    dropping = OneOf((*_OURS, "dot"), _ALSO)
    return [
        click.Option(
            ["--quit-after", "--quit", "-q", "quit_after"], type=OneOf(_OURS, _ALSO), help=texts("cli.help.quit_after")
        ),
        click.Option(["--drop-after", "--da", "-da", "drop_after"], type=dropping, help=texts("cli.help.drop_after")),
        click.Option(
            ["--drop-after-send", "--das", "-das", "drop_after_send"],
            type=dropping,
            help=texts("cli.help.drop_after_send"),
        ),
    ]


def stages_from(values: dict[str, Any], *, several_hellos: bool) -> Stages:
    """Takes the values of `stage_options` out of a command's values. Raises BadInput where two are given.

    `several_hellos`: STARTTLS was asked for, and `ehlo` is the last EHLO then, as in swaks.
    """
    named = {"--quit-after": "quit_after", "--drop-after": "drop_after", "--drop-after-send": "drop_after_send"}
    given = [(option, word) for option, name in named.items() if (word := values.pop(name)) is not None]
    if len(given) > 1:
        raise BadInput("cli.not-both", option=given[0][0], other=given[1][0])
    if not given:
        return Stages(None, drop=False, cut=None)
    option, word = given[0]
    if option == "--drop-after-send" and word not in ("dns", "connect", "greeting"):
        return Stages(None, drop=True, cut=_cut(word, several_hellos=several_hellos))
    words = {"first-ehlo": "ehlo", "ehlo": "tls" if several_hellos else "ehlo", "tls": "handshake", "dot": "data"}
    if option != "--quit-after":
        words["data"] = "go-ahead"
    return Stages(cast("QuitAfter", words.get(word, word)), drop=option != "--quit-after", cut=None)


def _cut(word: str, *, several_hellos: bool) -> CutAfter:
    words = {
        "first-ehlo": "ehlo",
        "ehlo": "second-ehlo" if several_hellos else "ehlo",
        "xclient-ehlo": "second-ehlo",
        "tls": "handshake",
        "data": "go-ahead",
        "dot": "data",
    }
    return cast("CutAfter", words.get(word, word))
