"""Options of swaks that ask for what `smtplab send` does anyway: they are taken, and change nothing."""

from __future__ import annotations

from typing import Any

import click

from smtplab.cli.words import Takes, any_word

_FLAGS = (
    ("--protect-prompt", "-pp", "protect_prompt"),
    ("--auth-plaintext", "-apt", "auth_plaintext"),
)

OPTIONAL: dict[str, Takes] = {"hide_password": any_word}


def ignored_options() -> list[click.Parameter]:
    """Absent from `--help`: nobody needs them."""
    hide = ["--auth-hide-password", "-ahp", "hide_password"]
    return [
        *(click.Option(list(names), is_flag=True, hidden=True) for names in _FLAGS),
        click.Option(hide, is_flag=False, flag_value="", hidden=True),
    ]


def drop_ignored(values: dict[str, Any]) -> None:
    """Out of a command's values."""
    for name in ("protect_prompt", "auth_plaintext", "hide_password"):
        values.pop(name)
