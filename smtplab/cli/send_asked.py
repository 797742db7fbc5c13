"""What `smtplab send` may ask of a server beside taking the message: notices, chunks, TLS further on, a time."""

from __future__ import annotations

from typing import Any

import click

from smtplab.cli import values as read
from smtplab.cli.common import OneOf
from smtplab.lab.bad_input import BadInput
from smtplab.view.texts import Texts

CHUNK_OCTETS_MAX = 2**31 - 1
"""More than any server takes at once; the message itself is smaller."""

CHUNK_OCTETS = 1048576

_OWN = (
    "notify", "ret", "envid", "orcpt", "require_tls", "prdr", "binary", "deliver_by", "hold_for", "hold_until",
    "priority", "mail_parameters", "rcpt_parameters",
)  # fmt: skip


def asked_options(texts: Texts) -> list[click.Parameter]:
    """Each by the extension that it belongs to."""

    def option(*names: str, dest: str, **how: Any) -> click.Option:
        return click.Option([*names, dest], help=texts(f"cli.help.{dest}"), **how)

    return [
        option("--dsn-notify", dest="notify", metavar="NEVER|SUCCESS,FAILURE,DELAY"),
        option("--dsn-return", dest="ret", type=OneOf(("full", "hdrs"))),
        option("--dsn-envid", dest="envid", metavar="TEXT"),
        option("--dsn-orcpt", dest="orcpt", is_flag=True),
        option("--require-tls", dest="require_tls", is_flag=True),
        option("--deliver-by", dest="deliver_by", metavar="SECONDS[;R|N][T]"),
        option("--hold-for", dest="hold_for", type=read.WholeNumber(), metavar="SECONDS"),
        option("--hold-until", dest="hold_until", metavar="TIME"),
        option("--priority", dest="priority", type=read.WholeNumber(), metavar="-9..9"),
        option("--prdr", dest="prdr", is_flag=True),
        option("--mail-parameter", dest="mail_parameters", metavar="NAME[=VALUE]", multiple=True),
        option("--rcpt-parameter", dest="rcpt_parameters", metavar="NAME[=VALUE]", multiple=True),
        option("--chunk-size", dest="chunk_octets", type=read.WholeNumber()),
        option("--binary", dest="binary", is_flag=True),
    ]


def asked_from(values: dict[str, Any]) -> dict[str, Any]:
    """Takes their values out of a command's values; `chunked` says whether a size was given. Raises BadInput."""
    own = {name: values.pop(name) for name in _OWN}
    size = values.pop("chunk_octets")
    if size is not None and not 0 < size <= CHUNK_OCTETS_MAX:
        raise BadInput("cli.not-a-number", option="--chunk-size", value=str(size))
    return {**own, "chunked": size is not None, "chunk_octets": size or CHUNK_OCTETS}
