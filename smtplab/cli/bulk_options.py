"""The options that make `smtplab send` send many."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from smtplab.cli.values import WholeNumber
from smtplab.lab.bad_input import BadInput
from smtplab.view.texts import Texts


def bulk_options(texts: Texts) -> list[click.Parameter]:
    """How many, how many at once, how fast."""
    return [
        click.Option(["--count", "count"], type=WholeNumber(), help=texts("cli.help.count")),
        click.Option(["--concurrency", "concurrency"], type=WholeNumber(), help=texts("cli.help.concurrency")),
        click.Option(["--rate", "rate"], type=float, metavar="N", help=texts("cli.help.rate")),
        click.Option(["--merge", "merge"], metavar="FILE.csv", help=texts("cli.help.merge")),
        click.Option(["--messages", "messages"], metavar="FILE|MBOX|FOLDER", help=texts("cli.help.messages")),
    ]


class Many(msgspec.Struct, frozen=True):
    """How many, from where, how many at once, how fast."""

    count: int | None
    merge: str | None
    messages: str | None
    concurrency: int
    rate: float | None

    @property
    def mailing(self) -> bool:
        """Messages that differ from each other."""
        return self.merge is not None or self.messages is not None


def many_from(values: dict[str, Any]) -> Many:
    """Takes the values of `bulk_options` out of a command's values. Raises BadInput."""
    count, concurrency, rate = (values.pop(name) for name in ("count", "concurrency", "rate"))
    merge, messages = values.pop("merge"), values.pop("messages")
    ways = [("--count", count), ("--merge", merge), ("--messages", messages)]
    given = [option for option, value in ways if value is not None]
    if len(given) > 1:
        raise BadInput("cli.not-both", option=given[0], other=given[1])
    for name, value in (("--count", count), ("--concurrency", concurrency), ("--rate", rate)):
        if value is not None and not value > 0:
            raise BadInput("cli.not-above-0", option=name, value=str(value))
        if value is not None and not given:
            raise BadInput("cli.needs", option=name, other="--count")
    return Many(count, merge, messages, concurrency or 1, rate)
