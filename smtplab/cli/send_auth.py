"""The options of `smtplab send` about AUTH: lists of mechanisms, other names for them, whether it may fail."""

from __future__ import annotations

from typing import Any, Literal

import click

from smtplab.cli import values as read
from smtplab.cli.words import Takes, any_word
from smtplab.lab.bad_input import BadInput
from smtplab.lab.request import AuthAsked
from smtplab.view.texts import Texts

OPTIONAL: dict[str, Takes] = dict.fromkeys(("auth", "auth_optional", "auth_strict"), any_word)
ANY = ""
"""A bare option: any mechanism."""

_EMPTY = "<>"
"""swaks' way to say an empty name or password."""

Needed = Literal["always", "where-offered", "never"]


def auth_options(texts: Texts) -> list[click.Parameter]:
    """swaks' own, under its names."""

    def option(*names: str, dest: str) -> click.Option:
        how: dict[str, Any] = {"is_flag": False, "flag_value": ANY, "metavar": "[MECHANISM,MECHANISM]"}
        return click.Option([*names, dest], help=texts(f"cli.help.{dest}"), **how)

    return [
        option("--auth", "-a", dest="auth"),
        option("--auth-optional", "-ao", dest="auth_optional"),
        option("--auth-optional-strict", "-aos", dest="auth_strict"),
        click.Option(
            ["--auth-map", "-am", "auth_map"], metavar="NAME=MECHANISM[,...]", help=texts("cli.help.auth_map")
        ),
    ]


def auth_from(values: dict[str, Any], *, wanted: bool) -> AuthAsked:
    """Takes the values of `auth_options` out of a command's values; finds who it is in `.netrc` where it was not said.

    `wanted`: a protocol's name asks for AUTH. Raises BadInput.
    """
    aliases = _aliases(values.pop("auth_map") or "")
    named: dict[str, Needed] = {"auth": "always", "auth_strict": "where-offered", "auth_optional": "never"}
    given = {name: values.pop(name) for name in named}
    said = next((name for name in named if given[name] is not None), "auth")
    mechanisms = _mechanisms(given[said] or "", aliases)
    asked = wanted or any(value is not None for value in given.values())
    _find_who(values, asked=asked, mechanisms=mechanisms)
    values["auth_mechanism"] = None
    return AuthAsked(mechanisms=mechanisms, aliases=aliases, needed=named[said])


def _find_who(values: dict[str, Any], *, asked: bool, mechanisms: tuple[str, ...]) -> None:
    user, password = values["auth_user"], values["auth_password"]
    if user is None and password is None and not asked:
        return
    if user is None or password is None:
        host = (values["server"] or "localhost").partition("/")[0].rpartition(":")[0] or values["server"] or "localhost"
        entry = read.netrc_entry(host.strip("[]"))
        if entry is not None and user in (None, entry[0]):
            user, password = entry[0], entry[1] if password is None else password
    if user is None and mechanisms == ("EXTERNAL",):
        user = ""  # Whomever the certificate names (RFC 4422 A).
    if user is None:
        raise BadInput("cli.needs", option="--auth", other="--auth-user")
    if mechanisms == ("EXTERNAL",) and password is None:
        password = ""
    values["auth_user"] = "" if user == _EMPTY else user
    values["auth_password"] = "" if password == _EMPTY else password


def _known() -> tuple[str, ...]:
    from smtplab.smtp.sasl import MECHANISMS  # noqa: PLC0415 (what speaks them is wanted where AUTH is)

    return MECHANISMS


def _mechanisms(written: str, aliases: dict[str, str]) -> tuple[str, ...]:
    names = tuple(one.strip().upper() for one in written.split(",") if one.strip())
    for name in names:
        if name not in _known() and name not in aliases:
            raise BadInput("cli.not-one-of", option="--auth", value=name, choices=", ".join(_known()))
    return names


def _aliases(written: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in written.split(","):
        if not each.strip():
            continue
        alias, _, mechanism = (part.strip().upper() for part in each.partition("="))
        if not alias or mechanism not in _known():
            raise BadInput("cli.not-one-of", option="--auth-map", value=each, choices=", ".join(_known()))
        found[alias] = mechanism
    return found
