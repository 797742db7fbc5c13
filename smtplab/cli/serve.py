"""`smtplab serve`: a server that takes mail, keeps every session with its message, and says where it listens."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Any, cast

import click
import msgspec

from smtplab.cli import values as read
from smtplab.cli.common import Kind, OneOf, common_options, named, state_of
from smtplab.cli.serve_ui import check_ui, serve_in_ui
from smtplab.cli.serve_web import page_of
from smtplab.cli.wording import SpokenCommand
from smtplab.lab.bad_input import BadInput
from smtplab.view.texts import Texts

PROTOCOLS = {"listen": "smtp", "submission": "submission", "smtps": "smtps", "lmtp": "lmtp", "pop3": "pop3"}
"""The protocol of each option that names a place to listen."""


class HostAndPort(Kind):
    """`127.0.0.1:2525`, `[::1]:2525`, `localhost:2525`; without a port where there is one to assume."""

    name = "HOST:PORT"

    def __init__(self, assumed: int | None = None) -> None:
        self._assumed = assumed
        if assumed is not None:
            self.name = "HOST[:PORT]"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Raises BadInput."""
        del ctx
        found = re.fullmatch(r"(?:\[([^\[\]]+)\]|([^\[\]:]+))(?::([0-9]{1,5}))?", str(value))
        port = int(found[3]) if found and found[3] else self._assumed
        if found is None or port is None or port > 65535 or (self._assumed is not None and not port):
            raise BadInput("serve.not-a-place", option=named(param), value=str(value))
        return found[1] or found[2], port


class DomainName(Kind):
    name = "NAME"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As given. Raises BadInput."""
        del ctx
        from smtplab.wire.address import parse_domain  # noqa: PLC0415 - help needs none of the grammar

        if not isinstance(parse_domain(str(value), smtputf8=True), str):
            raise BadInput("serve.not-a-domain", option=named(param), value=str(value))
        return str(value)


class User(Kind):
    """`NAME:PASSWORD`; the password as `--auth-password` takes it, also from a file."""

    name = "NAME:PASSWORD"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Raises BadInput."""
        del ctx
        name, colon, password = str(value).partition(":")
        if not name:
            raise BadInput("serve.not-a-user", option=named(param))
        return name, read.password(password if colon else None, name, f"{named(param)} {name}:")


class Network(Kind):
    name = "NETWORK"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """`10.0.0.0/8`, or one address. Raises BadInput."""
        del ctx
        try:
            ipaddress.ip_network(str(value), strict=False)
        except ValueError as trouble:
            raise BadInput("serve.not-a-network", option=named(param), value=str(value)) from trouble
        return str(value)


class Size(Kind):
    name = "BYTES"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """More than nothing. Raises BadInput."""
        del ctx
        if not re.fullmatch(r"[1-9][0-9]{0,11}", str(value)):
            raise BadInput("serve.not-a-size", option=named(param), value=str(value))
        return int(str(value))


class Serve(SpokenCommand):
    def __init__(self, texts: Texts) -> None:
        def option(*names: str, dest: str, **how: Any) -> click.Option:
            return click.Option([*names, dest], help=texts(f"serve.help.{dest}"), **how)

        place = HostAndPort()
        super().__init__(
            name="serve",
            help=texts("serve.help"),
            params=[
                *(option(f"--{name}", dest=name, type=place, multiple=True) for name in PROTOCOLS),
                option("--hostname", dest="hostname", type=DomainName()),
                option("--domain", dest="domains", type=DomainName(), multiple=True),
                option("--user", dest="users", type=User(), multiple=True),
                option("--max-size", dest="size_octets_max", type=Size(), default="10485760"),
                option("--discard", dest="discard", is_flag=True),
                option("--relay-to", dest="relay_to", type=HostAndPort(assumed=25)),
                option("--deliver", dest="deliver", is_flag=True),
                option("--retry", dest="retry", type=read.Pauses()),
                option("--lifetime", dest="lifetime", type=read.Age()),
                option("--warn-after", dest="warn_after", type=read.Age()),
                option("--trust", dest="trust", type=Network(), multiple=True),
                option("--proxy-protocol", dest="proxy_protocol", is_flag=True),
                option("--tls-cert", dest="tls_certificates", metavar="FILE", multiple=True),
                option("--tls-key", dest="tls_keys", metavar="FILE", multiple=True),
                option("--tls-client-ca", dest="client_ca", metavar="FILE"),
                option("--maildir", dest="maildir", metavar="DIR"),
                option("--keep-messages", dest="keep_messages", type=read.WholeNumber()),
                option("--keep-age", dest="keep_age", type=read.Age()),
                option("--keep-size", dest="keep_size", type=Size()),
                option("--log", dest="log", metavar="FILE"),
                option("--log-size", dest="log_octets_max", type=Size()),
                option("--webhook", dest="webhook", metavar="URL"),
                option("--web", dest="web", type=place),
                option("--web-token", dest="web_token", metavar="TOKEN"),
                option("--web-name", dest="web_names", type=DomainName(), multiple=True),
                option("--behaviour", dest="behaviour", metavar="FILE"),
                option("--line-endings", dest="line_endings", type=OneOf(("strict", "repair", "keep"))),
                click.Option(["--dns"], metavar="ADDRESS[:PORT]", help=texts("cli.help.dns")),
                click.Option(["--port"], type=read.Port(), help=texts("cli.help.port")),
                click.Option(["--resolve"], type=read.Pin(), multiple=True, help=texts("cli.help.resolve")),
                option("--ui", dest="ui", is_flag=True),
                click.Option(["--json", "as_json"], is_flag=True, help=texts("serve.help.json")),
                *common_options(texts),
            ],
            callback=self._serve,
        )
        self.texts = texts

    def _serve(self, **values: Any) -> int:
        state = state_of(click.get_current_context(), values)
        as_json, ui = values.pop("as_json"), values.pop("ui")
        if ui:
            check_ui(as_json=as_json, discard=values["discard"])
        _refuse_contradictions(values)
        # The engine takes a third of a second to import: only where something is served.
        from smtplab.lab.serve_request import Place, Protocol, ServeRequest, shown  # noqa: PLC0415
        from smtplab.lab.serving import serve  # noqa: PLC0415

        places = tuple(
            Place(cast("Protocol", protocol), host, port)
            for name, protocol in PROTOCOLS.items()
            for host, port in values.pop(name)
        )
        page = page_of({name: values.pop(name) for name in ("web", "web_token", "web_names")}, self.texts)
        request = ServeRequest(home=state.home, language=self.texts.language, **_request(values, places))
        if ui:
            return serve_in_ui(request, page, self.texts)

        def tell(place: Place) -> None:
            token = page.told_token if page is not None and place.protocol == "http" else None
            if as_json:
                said = {"event": "listening", "protocol": place.protocol, "host": place.host, "port": place.port}
                click.echo(msgspec.json.encode(said if token is None else {**said, "token": token}))
            elif token is not None:
                click.echo(self.texts("serve.listening.web", place=shown(place), token=token))
            else:
                click.echo(self.texts("serve.listening", protocol=place.protocol, place=shown(place)))

        def notice(bad: BadInput) -> None:
            click.echo(f"smtplab: {self.texts(bad.text, **bad.arguments)}", err=True)

        return serve(request, tell, () if page is None else (page.beside,), on_notice=notice)


def make_command(texts: Texts) -> click.Command:
    return Serve(texts)


def _refuse_contradictions(values: dict[str, Any]) -> None:
    for one, other in (
        ("relay_to", "deliver"),
        ("discard", "relay_to"),
        ("discard", "deliver"),
        ("discard", "maildir"),
        ("discard", "web"),
        ("discard", "webhook"),
        *(("discard", name) for name in _KEEP),
    ):
        if values[one] and values[other]:
            raise BadInput("cli.not-both", option=_OPTIONS[one], other=_OPTIONS[other])
    for name in _SCHEDULE:
        if values[name] and not (values["relay_to"] or values["deliver"]):
            raise BadInput("cli.needs", option=f"--{name.replace('_', '-')}", other="--relay-to")
    if values["log_octets_max"] and not values["log"]:
        raise BadInput("cli.needs", option="--log-size", other="--log")
    if values["tls_keys"] and not values["tls_certificates"]:
        raise BadInput("cli.needs", option="--tls-key", other="--tls-cert")
    for name in ("web_token", "web_names"):
        if values[name] and not values["web"]:
            raise BadInput("cli.needs", option=f"--{name.rstrip('s').replace('_', '-')}", other="--web")
    if values["tls_keys"] and len(values["tls_keys"]) != len(values["tls_certificates"]):
        raise BadInput("serve.keys-and-certificates")


_OPTIONS = {
    "relay_to": "--relay-to",
    "deliver": "--deliver",
    "discard": "--discard",
    "maildir": "--maildir",
    "web": "--web",
    "webhook": "--webhook",
    "keep_messages": "--keep-messages",
    "keep_age": "--keep-age",
    "keep_size": "--keep-size",
}
_KEEP = ("keep_messages", "keep_age", "keep_size")
_SCHEDULE = {"retry": "pauses_s", "lifetime": "lifetime_s", "warn_after": "warning_s"}
"""Options, and what each is of the queue's schedule."""


def _request(values: dict[str, Any], places: tuple[Any, ...]) -> dict[str, Any]:
    """What was said; what was not keeps its default."""
    from smtplab.mta.inbox.ageing import Keep  # noqa: PLC0415 - likewise the database's library
    from smtplab.mta.queue.schedule import Schedule  # noqa: PLC0415
    from smtplab.net.names import parse_endpoint  # noqa: PLC0415 - it loads dnspython, which help does not need

    values["keep"] = Keep(*(values.pop(name) for name in _KEEP))
    said = {field: values.pop(name) for name, field in _SCHEDULE.items()}
    values["schedule"] = Schedule(**{field: value for field, value in said.items() if value is not None})
    files, keys = values.pop("tls_certificates"), values.pop("tls_keys")
    # Without a word about keys, each stands in its certificate's file.
    values["certificates"] = tuple(zip(files, keys or [None] * len(files), strict=True))
    found = {name: value for name, value in values.items() if value not in (None, ())}
    if "dns" in found:
        found["dns"] = parse_endpoint(values["dns"])
        if found["dns"] is None:
            raise BadInput("cli.not-an-endpoint", option="--dns", value=values["dns"])
    if "domains" in found:
        found["domains"] = tuple(name.lower() for name in values["domains"])
    if "maildir" in found:
        found["maildir"] = str(Path(values["maildir"]).expanduser())
    if places:
        found["places"] = places
    return found
