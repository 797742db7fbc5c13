"""Option values as swaks and the contract write them: files, literals, standard input, secrets and header fields."""

from __future__ import annotations

import functools
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
        """1 to 65535, or a service's name. Raises BadInput."""
        del ctx
        text = str(value)
        if (found := _port_of_service(text)) is not None:
            return found
        if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65536):
            raise BadInput("cli.not-a-port", option=named(param), value=text)
        return int(text)


def _port_of_service(name: str) -> int | None:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", name):
        return None
    from smtplab.net.names import service_port  # noqa: PLC0415 (it loads dnspython, and is rarely wanted)

    return service_port(name)


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
        units = "".join(self._UNITS)
        found = re.fullmatch(rf"([0-9]{{1,9}}(?:\.[0-9]{{1,9}})?)([{units}]?)", str(value).lower())
        seconds = float(found[1]) * self._UNITS[found[2]] if found else 0.0
        if seconds <= 0:
            raise BadInput("cli.not-seconds", option=named(param), value=str(value))
        return seconds


class Age(Seconds):
    """Days too: `7d`."""

    name = "TIME"
    _UNITS: ClassVar = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Pauses(Kind):
    """`1m,5m,1h`: a second or more each, for who is asked again in the same one has nothing new to say."""

    name = "TIME[,TIME...]"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """Raises BadInput."""
        try:
            pauses = tuple(Age().convert(one.strip(), param, ctx) for one in str(value).split(","))
        except BadInput:
            pauses = (0.0,)
        if min(pauses) < 1:
            raise BadInput("serve.not-pauses", option=named(param), value=str(value))
        return pauses


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
        return standard_input()
    if value.startswith("@@"):
        return _text(value[1:])
    if value.startswith("@"):
        return file_octets(value[1:])
    return _text(value) if "\n" in value or "\\n" in value else file_octets(value)


def is_text(value: str) -> bool:
    """Is what `message_octets` reads the argument itself?"""
    return value.startswith("@@") or (not value.startswith("@") and value != "-" and ("\n" in value or "\\n" in value))


def text_value(value: str) -> str:
    """`-`, `@FILE`, `@@TEXT`, else the text itself, in which `\\n` ends a line. Raises BadInput."""
    if value == "-":
        return standard_input().decode("utf-8", "replace")
    if value.startswith("@") and not value.startswith("@@"):
        return file_octets(value[1:]).decode("utf-8", "replace")
    return value.removeprefix("@").replace("\\n", "\n") if value.startswith("@@") else value.replace("\\n", "\n")


# swaks gives the same to each option that asks for it.
@functools.cache
def standard_input() -> bytes:
    """All of it. Raises BadInput where it is more than a message may be."""
    content = sys.stdin.buffer.read(MESSAGE_OCTETS_MAX + 1)
    if len(content) > MESSAGE_OCTETS_MAX:
        raise BadInput("cli.too-large", file="-", limit=MESSAGE_OCTETS_MAX)
    return content


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


def password(value: str | None, user: str, option: str = "--auth-password ") -> str:
    """As given, `@FILE` (its first line), `@@TEXT`; else from the environment; else asked for at a terminal. `option`
    is what stands before it."""
    if value is None:
        found = os.environ.get(PASSWORD_VARIABLE)
        return found if found is not None else _asked(user, option)
    if value.startswith("@@"):
        return value[1:]
    if value.startswith("@"):
        return file_octets(value[1:]).decode("utf-8", "replace").partition("\n")[0].rstrip("\r")
    return value


def user_name() -> str:
    """Of whoever runs this, by the system's list of users."""
    import getpass  # noqa: PLC0415 (rarely wanted)
    import pwd  # noqa: PLC0415 (not on every system)

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return getpass.getuser()


def netrc_entry(host: str) -> tuple[str, str] | None:
    """The login and password of a host in `.netrc`, or its default's; None where there is none, or no such file."""
    import netrc  # noqa: PLC0415 (only where AUTH is wanted and a part of it was not given)

    try:
        found = netrc.netrc().authenticators(host)
    except (OSError, netrc.NetrcParseError):
        return None
    return (found[0], found[2] or "") if found else None


def _text(value: str) -> bytes:
    return value.replace("\\n", "\n").encode("utf-8", "surrogateescape")


def _asked(user: str, option: str) -> str:
    if not sys.stdin.isatty():
        raise BadInput("cli.no-password", user=user, option=option, variable=PASSWORD_VARIABLE)
    found: str = click.prompt(f"{user}", hide_input=True, err=True, default="", show_default=False)
    return found


def option_flags(texts: Texts, *named: tuple[str, str, str]) -> list[click.Option]:
    """Switches by their long name, short name and parameter, each with its own text."""
    return [click.Option(list(names), is_flag=True, help=texts(f"cli.help.{names[-1]}")) for names in named]
