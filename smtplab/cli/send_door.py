"""The options of `smtplab send` that say how to get out: a local address and port, a local socket, a program."""

from __future__ import annotations

from typing import Any

import click

from smtplab.cli import values as read
from smtplab.cli.common import Kind, named
from smtplab.lab.bad_input import BadInput
from smtplab.lab.request import Door
from smtplab.view.texts import Texts


class LocalInterface(Kind):
    """An address or a name of this system, with a port where wanted, in the forms of `--server`."""

    name = "ADDRESS[:PORT]"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """The address and the port, or 0. Raises BadInput."""
        del ctx
        if isinstance(value, tuple):
            return value
        from smtplab.net.names import local_address, parse_endpoint  # noqa: PLC0415 (it loads dnspython)

        text = str(value)
        if (plain := parse_endpoint(f"[{text}]")) is not None:
            return plain.address, 0
        if (found := parse_endpoint(text.replace("/", ":") if "]" not in text else text)) is not None:
            return found.address, found.port
        name, _, port = text.replace("/", ":").partition(":")
        address = local_address(name)
        if address is None:
            raise BadInput("cli.not-an-ip", option=named(param), value=text)
        return address, read.Port().convert(port, param, None) if port else 0


def door_options(texts: Texts) -> list[click.Parameter]:
    """swaks' own, under its names."""

    def option(*names: str, dest: str, **how: Any) -> click.Option:
        return click.Option([*names, dest], help=texts(f"cli.help.{dest}"), **how)

    return [
        option("--source", "--local-interface", "-li", dest="source", type=LocalInterface()),
        option("--local-port", "--lport", "-lp", dest="local_port", type=read.Port()),
        option("--socket", dest="socket", metavar="FILE"),
        option("--pipe", dest="pipe", metavar="COMMAND"),
        option("--copy-routing", dest="copy_routing", metavar="DOMAIN"),
    ]


def door_from(values: dict[str, Any]) -> Door:
    """Takes the values of `door_options` out of a command's values, but for the address. Raises BadInput."""
    source, port = values["source"] or (None, 0)
    values["source"] = source
    door = Door(
        socket=values.pop("socket") or "",
        program=values.pop("pipe") or "",
        copy_routing=values.pop("copy_routing") or "",
        local_port=values.pop("local_port") or port,
    )
    ways = [
        option
        for option, given in (
            ("--server", values["server"]),
            ("--socket", door.socket),
            ("--pipe", door.program),
            ("--copy-routing", door.copy_routing),
        )
        if given
    ]
    if len(ways) > 1:
        raise BadInput("cli.not-both", option=ways[0], other=ways[1])
    return door
