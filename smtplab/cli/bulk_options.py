"""The options that make `smtplab send` send many."""

from __future__ import annotations

from typing import Any

import click

from smtplab.cli.values import WholeNumber
from smtplab.lab.bad_input import BadInput
from smtplab.view.texts import Texts


def bulk_options(texts: Texts) -> list[click.Parameter]:
    """How many, how many at once, how fast."""
    return [
        click.Option(["--count", "count"], type=WholeNumber(), help=texts("cli.help.count")),
        click.Option(["--concurrency", "concurrency"], type=WholeNumber(), help=texts("cli.help.concurrency")),
        click.Option(["--rate", "rate"], type=float, metavar="N", help=texts("cli.help.rate")),
    ]


def bulk_numbers(values: dict[str, Any]) -> tuple[int | None, int, float | None]:
    """Takes the values of `bulk_options` out of a command's values. Raises BadInput."""
    count, concurrency, rate = (values.pop(name) for name in ("count", "concurrency", "rate"))
    for name, value in (("--count", count), ("--concurrency", concurrency), ("--rate", rate)):
        if value is not None and not value > 0:
            raise BadInput("cli.not-a-number", option=name, value=str(value))
        if value is not None and count is None:
            raise BadInput("cli.needs", option=name, other="--count")
    return count, concurrency or 1, rate
