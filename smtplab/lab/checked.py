"""Reads a request's texts into the values that the engine takes, and names the one that can't be read."""

from __future__ import annotations

from pathlib import Path

from smtplab.lab.bad_input import BadInput
from smtplab.lab.request import WalkRequest
from smtplab.mta.options import Credentials
from smtplab.net.names import parse_endpoint, service_port
from smtplab.net.ports import Endpoint
from smtplab.smtp.secret import Secret
from smtplab.told import tell
from smtplab.wire.address import Mailbox, parse_domain, parse_mailbox
from smtplab.wire.flaw import Flaw

ROOT_FILES_MAX = 4096
"""Of a folder of authorities; systems have some 300."""


def mailbox(text: str) -> Mailbox:
    """`user@domain`; angle brackets around it are forgiven. Raises BadInput."""
    bare = text[1:-1] if text.startswith("<") and text.endswith(">") else text
    found = parse_mailbox(bare, smtputf8=True)
    if isinstance(found, Flaw) or not found.domain:
        rule = found.rule if isinstance(found, Flaw) else "no-domain"
        raise BadInput("cli.not-an-address", value=text, why=tell(f"rule.{rule}"))
    return found


def reverse_path(text: str) -> Mailbox | None:
    """A mailbox; empty or `<>` for the null reverse-path."""
    return None if text in ("", "<>") else mailbox(text)


def dns_server(request: WalkRequest) -> Endpoint | None:
    if request.dns is None:
        return None
    found = parse_endpoint(request.dns)
    if found is None:
        raise BadInput("cli.not-an-endpoint", option="--dns", value=request.dns)
    return found


def server_and_port(request: WalkRequest) -> tuple[str | None, int]:
    """`--server HOST[:PORT]`: its own port goes before `--port`."""
    text = request.server
    if text is None:
        return None, request.port
    if "/" in text:
        # swaks' third form, HOST/PORT, for IPv6 without brackets.
        host, _, number = text.rpartition("/")
        text = f"[{host}]:{number}" if parse_endpoint(f"[{host}]") else f"{host}:{number}"
    if (address := parse_endpoint(text, request.port)) is not None:
        return address.address, address.port
    host, colon, number = text.partition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    port = int(number) if number.isascii() and number.isdigit() else service_port(number) or 0
    known = parse_domain(host, smtputf8=True)
    if isinstance(known, Flaw) or (colon and not 0 < port < 65536):
        raise BadInput("cli.not-a-server", value=text)
    return host, port if colon else request.port


def tls_roots(request: WalkRequest) -> bytes | None:
    """The octets of a PEM file, or of all files of a folder. Raises BadInput where they can't be read or hold no
    certificate."""
    if request.tls_roots is None:
        return None
    where = Path(request.tls_roots)
    try:
        files = sorted(where.iterdir())[:ROOT_FILES_MAX] if where.is_dir() else [where]
        found = b"\n".join(file.read_bytes() for file in files if file.is_file())
    except OSError as trouble:
        reason = trouble.strerror or str(trouble)
        raise BadInput("cli.cannot-read", file=request.tls_roots, reason=reason) from trouble
    if b"-----BEGIN CERTIFICATE-----" not in found:
        raise BadInput("cli.no-certificates", file=request.tls_roots)
    return found


def helo(request: WalkRequest) -> str | None:
    """Any one word may be said, right or wrong; a space or a line end would make it another command."""
    name = request.helo
    if name is not None and (not name or not name.isprintable() or " " in name):
        raise BadInput("cli.not-a-name", option="--helo", value=name)
    return name


def credentials(request: WalkRequest) -> Credentials | None:
    if request.auth_user is None:
        return None
    return Credentials(request.auth_user, Secret(request.auth_password or ""), request.auth_mechanism)


def is_domain(name: str) -> bool:
    return isinstance(parse_domain(name), str)
