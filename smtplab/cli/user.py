"""`smtplab user`: who may log in to the server, kept without a readable password."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
import msgspec

from smtplab.cli.group import Part, Several
from smtplab.cli.values import PASSWORD_VARIABLE
from smtplab.lab.bad_input import BadInput
from smtplab.lab.exits import DONE
from smtplab.view.safe import safe
from smtplab.view.texts import Texts

PASSWORD_LETTERS_MAX = 1_000
"""So that an endless line is not read for ever; an AUTH line of 12,288 octets (RFC 4954 4) holds it."""

# As in `cli.inbox`, what is worked with is imported where it is.


def make_command(texts: Texts) -> click.Command:
    parts = _Parts(texts)
    one = click.Argument(["name"], metavar="NAME", required=True)
    several = click.Argument(["names"], metavar="NAME...", nargs=-1, required=True)
    as_json = click.Option(["--json", "as_json"], is_flag=True, help=texts("inbox.help.json"))
    return Several(
        texts,
        "user",
        (
            Part(texts, "user.list", parts.list, (as_json,)),
            Part(texts, "user.set", parts.set, (one,)),
            Part(texts, "user.delete", parts.delete, (several,)),
        ),
    )


class _Parts:
    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def list(self, home: Path, *, as_json: bool) -> int:
        from smtplab.lab.users import stored_users  # noqa: PLC0415

        names = tuple(stored_users(home))
        if as_json:
            click.echo(msgspec.json.encode([{"name": name} for name in names]))
            return DONE
        for name in names:
            click.echo(safe(name))
        if not names:
            click.echo(self._texts("user.nobody"))
        return DONE

    def set(self, home: Path, *, name: str) -> int:
        from smtplab.lab.users import put_user  # noqa: PLC0415
        from smtplab.smtp.secret import Secret  # noqa: PLC0415

        password = self._password(name)
        try:
            password.encode()
        except UnicodeEncodeError as trouble:
            # Octets of the environment or of standard input that are no text come as lone surrogates.
            raise BadInput("user.not-utf-8", user=name) from trouble
        put_user(home, name, Secret(password))
        return DONE

    def delete(self, home: Path, *, names: tuple[str, ...]) -> int:
        from smtplab.lab.users import remove_users  # noqa: PLC0415

        remove_users(home, names)
        return DONE

    def _password(self, name: str) -> str:
        """From the environment, from a terminal without showing it, or the first line of standard input."""
        found = os.environ.get(PASSWORD_VARIABLE)
        if found is not None:
            return found
        if sys.stdin.isatty():
            asked: str = click.prompt(safe(name), hide_input=True, confirmation_prompt=True, err=True)
            return asked
        try:
            line = sys.stdin.readline(PASSWORD_LETTERS_MAX + 1).rstrip("\r\n")
        except UnicodeDecodeError as trouble:
            raise BadInput("user.not-utf-8", user=name) from trouble
        if len(line) > PASSWORD_LETTERS_MAX:
            raise BadInput("cli.too-large", file="-", limit=PASSWORD_LETTERS_MAX)
        return line
