"""What `smtplab send` says of the client that it speaks for: a PROXY header, XCLIENT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from smtplab.cli.common import OneOf
from smtplab.lab.bad_input import BadInput
from smtplab.lab.proxy import Proxied, proxy_header
from smtplab.mta.xclient import ATTRIBUTES, Xclient, attribute
from smtplab.view.texts import Texts

_ATTRIBUTES = {f"xclient_{name.lower()}": name for name in ATTRIBUTES}
IN_ORDER = frozenset({*_ATTRIBUTES, "xclient", "xclient_delim"})
_PROXY = ("family", "source", "source_port", "dest", "dest_port", "protocol", "command")


def proxied_options(texts: Texts) -> list[click.Parameter]:
    """swaks' own, under its names."""

    def option(name: str, **how: Any) -> click.Option:
        dest = name.replace("-", "_")
        return click.Option([f"--{name}", dest], help=texts(f"cli.help.{dest}"), **how)

    return [
        option("proxy", metavar="TEXT"),
        option("proxy-version", type=OneOf(("1", "2"))),
        *(option(f"proxy-{name.replace('_', '-')}", metavar="TEXT") for name in _PROXY),
        option("xclient", metavar="ARGUMENTS"),
        *(
            click.Option(
                [f"--{dest.replace('_', '-')}", dest],
                metavar="TEXT",
                help=texts("cli.help.xclient_attribute", attribute=name),
            )
            for dest, name in _ATTRIBUTES.items()
        ),
        option("xclient-delim", is_flag=True),
        option("xclient-no-verify", is_flag=True),
        option("xclient-before-starttls", is_flag=True),
        option("xclient-optional", is_flag=True),
        option("xclient-optional-strict", is_flag=True),
    ]


def preface_from(values: dict[str, Any]) -> bytes:
    """The PROXY header; empty where none was asked for. Raises BadInput."""
    whole, version = values.pop("proxy"), values.pop("proxy_version") or "1"
    parts = {name: values.pop(f"proxy_{name}") for name in _PROXY}
    given = [name for name, value in parts.items() if value is not None]
    if whole is not None:
        if given:
            raise BadInput("cli.not-both", option="--proxy", other=_proxy_option(given[0]))
        return proxy_header(int(version), raw=whole)
    if not given:
        return b""
    for name in _PROXY[:5]:
        if parts[name] is None and not (version == "2" and (parts["command"] or "").upper() == "LOCAL"):
            raise BadInput("cli.needs", option=_proxy_option(given[0]), other=_proxy_option(name))
    return proxy_header(int(version), Proxied(**{name: value or "" for name, value in parts.items()}))


def xclient_from(values: dict[str, Any], in_order: Sequence[tuple[str, str]]) -> Xclient | None:
    """None where it was not asked for."""
    for name in IN_ORDER:
        values.pop(name, None)
    strict, optional = values.pop("xclient_optional_strict"), values.pop("xclient_optional")
    unverified, before_tls = values.pop("xclient_no_verify"), values.pop("xclient_before_starttls")
    arguments: list[str] = []
    group: dict[str, str] = {}
    asked: set[str] = set()
    for name, value in [*in_order, ("xclient_delim", "")]:
        if name in _ATTRIBUTES:
            group[_ATTRIBUTES[name]] = attribute(_ATTRIBUTES[name], value)
            asked.add(_ATTRIBUTES[name])
        elif name in ("xclient", "xclient_delim"):
            if group:
                arguments.append(" ".join(group.values()))
                group = {}
            if name == "xclient":
                arguments.append(one_line("--xclient", value))
    if not arguments:
        return None
    return Xclient(
        arguments=tuple(arguments),
        attributes=frozenset() if unverified else frozenset(asked),
        needed="never" if optional else "where-offered" if strict else "always",
        before_tls=before_tls,
    )


def one_line(option: str, value: str) -> str:
    """What goes into a command as it is. Raises BadInput where it would make two."""
    if any(mark in value for mark in "\r\n\0"):
        raise BadInput("cli.not-one-line", option=option)
    return value


def _proxy_option(name: str) -> str:
    return f"--proxy-{name.replace('_', '-')}"
