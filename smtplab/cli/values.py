"""Option values as swaks and the contract write them: files, literals, standard input, secrets and header fields."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import ClassVar

import click

from smtplab.cli.common import Kind, named
from smtplab.lab.bad_input import BadInput
from smtplab.view.texts import Texts

MESSAGE_OCTETS_MAX = 512 * 1024 * 1024
"""Held in memory whole. Servers take some tens of megabytes; a larger file is a mistake, `/dev/zero` for one."""

PASSWORD_VARIABLE = "SMTPLAB_AUTH_PASSWORD"  # noqa: S105 (its name, not its value)


class Port(Kind):
    name = "PORT"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """1 to 65535. Raises BadInput."""
        del ctx
        text = str(value)
        if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65536):
            raise BadInput("cli.not-a-port", option=named(param), value=text)
        return int(text)


class WholeNumber(Kind):
    name = "N"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Raises BadInput."""
        del ctx
        if not re.fullmatch(r"-?[0-9]{1,18}", str(value)):
            raise BadInput("cli.not-a-number", option=named(param), value=str(value))
        return int(str(value))


class Seconds(Kind):
    """`30`, `0.5`, and with swaks' units `30s`, `2m`, `1h`."""

    name = "SECONDS"
    _UNITS: ClassVar = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """More than nothing. Raises BadInput."""
        del ctx
        found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([smh]?)", str(value).lower())
        seconds = float(found[1]) * self._UNITS[found[2]] if found else 0.0
        if seconds <= 0:
            raise BadInput("cli.not-seconds", option=named(param), value=str(value))
        return seconds


class Address(Kind):
    """An IP address, no name."""

    name = "ADDRESS"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Raises BadInput."""
        del ctx
        from smtplab.net.names import parse_endpoint  # noqa: PLC0415 (it loads dnspython, and is rarely wanted)

        found = parse_endpoint(f"[{value}]")
        if found is None:
            raise BadInput("cli.not-an-ip", option=named(param), value=str(value))
        return found.address


class Pin(Kind):
    name = "HOST:ADDRESS"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Raises BadInput."""
        del ctx
        from smtplab.net.names import parse_pin  # noqa: PLC0415 (as above)

        found = parse_pin(str(value))
        if found is None:
            raise BadInput("cli.not-a-pin", option=named(param), value=str(value))
        return found


class HeaderField(Kind):
    name = "'NAME: VALUE'"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Raises BadInput."""
        del ctx, param
        name, colon, content = str(value).partition(":")
        if not colon or not name.strip():
            raise BadInput("cli.bad-header", value=str(value))
        return name.strip(), content.strip()


def message_octets(value: str) -> bytes:
    """`-`, `@FILE`, `@@TEXT`, a text that holds a newline or `\\n`, else a file's name. Raises BadInput."""
    if value == "-":
        return sys.stdin.buffer.read(MESSAGE_OCTETS_MAX)
    if value.startswith("@@"):
        return _text(value[1:])
    if value.startswith("@"):
        return file_octets(value[1:])
    return _text(value) if "\n" in value or "\\n" in value else file_octets(value)


def file_octets(path: str) -> bytes:
    """Raises BadInput."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(MESSAGE_OCTETS_MAX + 1)
    except (OSError, ValueError) as trouble:
        reason = getattr(trouble, "strerror", None) or str(trouble)
        raise BadInput("cli.cannot-read", file=path, reason=reason) from trouble
    if len(content) > MESSAGE_OCTETS_MAX:
        raise BadInput("cli.too-large", file=path, limit=MESSAGE_OCTETS_MAX)
    return content


def password(value: str | None, user: str) -> str:
    """As given, `@FILE` (its first line), `@@TEXT`; else from the environment; else asked for at a terminal."""
    if value is None:
        found = os.environ.get(PASSWORD_VARIABLE)
        return found if found is not None else _asked(user)
    if value.startswith("@@"):
        return value[1:]
    if value.startswith("@"):
        return file_octets(value[1:]).decode("utf-8", "replace").partition("\n")[0].rstrip("\r")
    return value


def _text(value: str) -> bytes:
    return value.replace("\\n", "\n").encode("utf-8", "surrogateescape")


def _asked(user: str) -> str:
    if not sys.stdin.isatty():
        raise BadInput("cli.no-password", user=user, variable=PASSWORD_VARIABLE)
    found: str = click.prompt(f"{user}", hide_input=True, err=True, default="", show_default=False)
    return found


def option_flags(texts: Texts, *named: tuple[str, str, str]) -> list[click.Option]:
    """Switches by their long name, short name and parameter, each with its own text."""
    return [click.Option(list(names), is_flag=True, help=texts(f"cli.help.{names[-1]}")) for names in named]
