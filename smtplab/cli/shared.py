"""The options of every command with a session, under the contract's names and swaks', and the request they make."""

from __future__ import annotations

from typing import Any

import click

from smtplab.cli import values as read
from smtplab.cli.common import OneOf
from smtplab.lab.bad_input import BadInput
from smtplab.lab.parts import crlf
from smtplab.lab.request import WalkRequest
from smtplab.view.texts import Texts

TLS_POLICIES = ("none", "may", "require", "verify", "implicit")
_TLS_PLANNED = {"dane": "dane", "mta-sts": "mta-sts"}

QUIT_STAGES = ("dns", "connect", "greeting", "ehlo", "tls", "auth", "mail", "rcpt", "data")
_SWAKS_STAGES = {
    "banner": "greeting",
    "helo": "ehlo",
    "lhlo": "ehlo",
    "first-helo": "ehlo",
    "first-ehlo": "ehlo",
    "first-lhlo": "ehlo",
    "starttls": "tls",
    "from": "mail",
    "to": "rcpt",
}


class TlsPolicyWord(OneOf):
    """Names what the contract promises and no walk can do yet for what it is: not built."""

    def __init__(self) -> None:
        super().__init__(TLS_POLICIES, _TLS_PLANNED)

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Raises BadInput."""
        found = super().convert(value, param, ctx)
        if found in _TLS_PLANNED:
            raise BadInput("cli.not-built", option="--tls", value=found)
        return found


def shared_options(texts: Texts) -> list[click.Parameter]:
    """In the order of the contract."""

    def option(*names: str, dest: str, **how: Any) -> click.Option:
        return click.Option([*names, dest], help=texts(f"cli.help.{dest}"), **how)

    return [
        option("--from", "-f", dest="sender", metavar="ADDRESS"),
        option("--helo", "--ehlo", "--lhlo", "-h", dest="helo", metavar="NAME"),
        option("--tls", dest="tls", type=TlsPolicyWord(), is_flag=False, flag_value="require"),
        option("-tls", dest="tls_required", is_flag=True, hidden=True),
        option("--tls-optional", "-tlso", dest="tls_optional", is_flag=True, hidden=True),
        option("--tls-on-connect", "--tlsc", "-tlsc", dest="tls_implicit", is_flag=True),
        option("--tls-ca-path", dest="tls_roots", metavar="FILE"),
        option("--auth-user", "-au", dest="auth_user", metavar="NAME"),
        option("--auth-password", "-ap", dest="auth_password", metavar="PASSWORD|@FILE"),
        option("--auth", "-a", dest="auth_mechanism", metavar="MECHANISM"),
        option("--server", "-s", dest="server", metavar="HOST[:PORT]"),
        option("--protocol", dest="protocol", type=OneOf(("smtp", "esmtp", "lmtp"))),
        option("--source", "--local-interface", "-li", dest="source", type=read.Address()),
        option("--family", dest="family", type=OneOf(("4", "6"))),
        option("-4", dest="family_4", is_flag=True, hidden=True),
        option("-6", dest="family_6", is_flag=True, hidden=True),
        option("--timeout", dest="timeout_s", type=read.Seconds()),
        option("--dns", dest="dns", metavar="ADDRESS[:PORT]"),
        option("--port", "-p", dest="port", type=read.Port()),
        option("--resolve", dest="resolve", type=read.Pin(), multiple=True),
        option("--data", "-d", dest="data", metavar="-|@FILE|@@TEXT|FILE"),
        option("--subject", dest="subject", metavar="TEXT"),
        option("--body", dest="body", metavar="TEXT"),
        option("--header", "--add-header", "-ah", dest="headers", type=read.HeaderField(), multiple=True),
        option("--attach", dest="attachments", metavar="FILE", multiple=True),
        option("--quit-after", "--quit", "-q", dest="quit_after", type=OneOf(QUIT_STAGES, _SWAKS_STAGES)),
        option("--pipeline/--no-pipeline", dest="pipeline", default=None),
        option("--chunking", dest="chunking", is_flag=True),
        option("--send", dest="send", is_flag=True),
        option("--raw", dest="raw", is_flag=True),
        option("--show-secrets", dest="show_secrets", is_flag=True),
    ]


def bare_tls(arguments: list[str]) -> list[str]:
    """A bare `--tls` means require: where the recipient follows it, it is no value of it."""
    found = list(arguments)
    for place, argument in enumerate(found):
        following = next(iter(found[place + 1 : place + 2]), "")
        if argument == "--tls" and "@" in following:
            found[place] = "--tls=require"
    return found


def request_from(recipient: str, values: dict[str, Any], **of_the_command: Any) -> WalkRequest:
    """The values of `shared_options` as a request. Raises BadInput."""
    refuse_parts_beside_data(values)
    user = values["auth_user"]
    if user is None and (values["auth_password"] is not None or values["auth_mechanism"] is not None):
        raise BadInput("cli.needs", option="--auth, --auth-password", other="--auth-user")
    return WalkRequest(
        recipient=recipient,
        sender=values["sender"],
        helo=values["helo"],
        tls=_tls(values),
        tls_roots=values["tls_roots"],
        auth_user=user,
        auth_password=None if user is None else read.password(values["auth_password"], user),
        auth_mechanism=values["auth_mechanism"] and values["auth_mechanism"].upper(),
        server=values["server"],
        protocol=values["protocol"] or "esmtp",
        source=values["source"],
        family=_family(values),
        timeout_s=values["timeout_s"],
        dns=values["dns"],
        port=values["port"] or 25,
        resolve=values["resolve"],
        content=None if values["data"] is None else crlf(read.message_octets(values["data"])),
        subject=values["subject"],
        body=values["body"],
        headers=values["headers"],
        attachments=values["attachments"],
        quit_after=values["quit_after"],
        send=values["send"],
        pipeline=values["pipeline"],
        chunking=values["chunking"],
        raw=values["raw"],
        show_secrets=values["show_secrets"],
        **of_the_command,
    )


def refuse_parts_beside_data(values: dict[str, Any]) -> None:
    """A message that is given whole is not made of parts. Raises BadInput."""
    if values["data"] is None:
        return
    for name, option in (
        ("subject", "--subject"),
        ("body", "--body"),
        ("headers", "--header"),
        ("attachments", "--attach"),
    ):
        if values[name]:
            raise BadInput("cli.not-both", option="--data", other=option)


def _tls(values: dict[str, Any]) -> Any:
    said = [values["tls"]] if values["tls"] else []
    said += [
        word
        for word, key in (("require", "tls_required"), ("may", "tls_optional"), ("implicit", "tls_implicit"))
        if values[key]
    ]
    if len(set(said)) > 1:
        raise BadInput("cli.not-both", option=f"--tls {said[0]}", other=f"--tls {said[1]}")
    return said[0] if said else "may"


def _family(values: dict[str, Any]) -> Any:
    said = {int(values["family"])} if values["family"] else set()
    said |= {number for number in (4, 6) if values[f"family_{number}"]}
    if len(said) > 1:
        raise BadInput("cli.not-both", option="--family 4", other="--family 6")
    return said.pop() if said else None
