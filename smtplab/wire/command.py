"""Every command of SMTP, ESMTP and LMTP as a value, and as the line that says it; `wire.command_line` reads one."""

from __future__ import annotations

import base64
import re
from types import MappingProxyType
from typing import ClassVar, get_args

import msgspec

from smtplab.wire.address import Mailbox, format_path
from smtplab.wire.envelope import Parameters as Parameters  # noqa: PLC0414 - re-exported: part of what Mail is
from smtplab.wire.envelope import format_parameters
from smtplab.wire.xclient import Attributes, format_attributes


class _Command(msgspec.Struct, frozen=True, gc=False):
    pass


_LETTERS = re.compile(rb"[A-Za-z0-9-]*")
VERB_OCTETS_MAX = 40
"""Enough for every keyword there is (RFC 5321 4.5.3.1.4 bounds only the line)."""


class Helo(_Command, frozen=True, gc=False):
    verb: ClassVar[str] = "HELO"
    domain: str


class Ehlo(_Command, frozen=True, gc=False):
    verb: ClassVar[str] = "EHLO"
    domain: str


class Lhlo(_Command, frozen=True, gc=False):
    verb: ClassVar[str] = "LHLO"
    domain: str


class Mail(_Command, frozen=True, gc=False):
    verb: ClassVar[str] = "MAIL"
    reverse_path: Mailbox | None
    """None is the null reverse-path `<>`."""
    parameters: Parameters = {}


class Rcpt(_Command, frozen=True, gc=False):
    verb: ClassVar[str] = "RCPT"
    forward_path: Mailbox
    parameters: Parameters = {}
    route: tuple[str, ...] = ()
    """Hosts on the way, as RFC 821 3.6 had them and RFC 5321 C has nobody write them; a server's reading drops them."""


class Data(_Command, frozen=True, gc=False):
    verb: ClassVar[str] = "DATA"


class Bdat(_Command, frozen=True, gc=False):
    verb: ClassVar[str] = "BDAT"
    size: int
    last: bool = False


class Rset(_Command, frozen=True, gc=False):
    verb: ClassVar[str] = "RSET"


class Noop(_Command, frozen=True, gc=False):
    verb: ClassVar[str] = "NOOP"
    text: str = ""


class Quit(_Command, frozen=True, gc=False):
    verb: ClassVar[str] = "QUIT"


class Vrfy(_Command, frozen=True, gc=False):
    verb: ClassVar[str] = "VRFY"
    text: str


class Expn(_Command, frozen=True, gc=False):
    verb: ClassVar[str] = "EXPN"
    text: str


class Help(_Command, frozen=True, gc=False):
    verb: ClassVar[str] = "HELP"
    text: str = ""


class StartTls(_Command, frozen=True, gc=False):
    verb: ClassVar[str] = "STARTTLS"


class Auth(_Command, frozen=True, gc=False):
    verb: ClassVar[str] = "AUTH"
    mechanism: str
    initial: bytes | None = None
    """The initial response, decoded; None where there is none (`b""` is written `=`)."""


class Etrn(_Command, frozen=True, gc=False):
    verb: ClassVar[str] = "ETRN"
    text: str


class XClient(_Command, frozen=True, gc=False):
    """Postfix's XCLIENT: from here on the client is somebody else."""

    verb: ClassVar[str] = "XCLIENT"
    attributes: Attributes


class XForward(_Command, frozen=True, gc=False):
    """Postfix's XFORWARD: whose message it is, for the log."""

    verb: ClassVar[str] = "XFORWARD"
    attributes: Attributes


class Unknown(_Command, frozen=True, gc=False):
    """A verb that is none of ours, or one whose arguments can't be read: kept as it came."""

    line: bytes
    """Without its line end."""

    @property
    def verb(self) -> str:
        """The letters it begins with, in capitals; whatever follows them may be a secret (`AUTH<tab>PLAIN ...`)."""
        return _LETTERS.match(self.line)[0][:VERB_OCTETS_MAX].decode("ascii").upper()  # type: ignore[index]


Command = (
    Helo
    | Ehlo
    | Lhlo
    | Mail
    | Rcpt
    | Data
    | Bdat
    | Rset
    | Noop
    | Quit
    | Vrfy
    | Expn
    | Help
    | StartTls
    | Auth
    | Etrn
    | XClient
    | XForward
    | Unknown
)


VERBS = MappingProxyType({kind.verb: kind for kind in get_args(Command) if kind is not Unknown})
"""Every verb that is read here, and its type."""


def format_command(command: Command) -> bytes:
    """The line without CR LF. Raises ValueError where a field holds CR or LF: our own values must not split a line."""
    line = _VERB_ALONE.get(type(command)) or _format(command)
    if b"\r" in line or b"\n" in line:
        raise ValueError(f"CR or LF inside a {command.verb} command")
    return line


def _format(command: Command) -> bytes:
    # What is said in every session comes first: each case that is passed over costs.
    match command:
        case Mail(reverse_path, parameters):
            text = f"MAIL FROM:{format_path(reverse_path)}{format_parameters(parameters)}"
        case Rcpt(forward_path, parameters, route):
            hosts = ",".join([f"@{host}" for host in route]) + ":" if route else ""
            text = f"RCPT TO:<{hosts}{format_path(forward_path)[1:]}{format_parameters(parameters)}"
        case Ehlo(argument) | Helo(argument) | Lhlo(argument) | Vrfy(argument) | Expn(argument) | Etrn(argument):
            text = f"{command.verb} {argument}"
        case Noop(argument) | Help(argument):
            text = f"{command.verb} {argument}".rstrip(" ")
        case Bdat(size, last):
            text = f"BDAT {size}{' LAST' if last else ''}"
        case Auth(mechanism, initial):
            text = f"AUTH {mechanism}{_format_initial(initial)}"
        case XClient(attributes) | XForward(attributes):
            text = f"{command.verb} {format_attributes(attributes)}"
        case Unknown(line):
            return line
        case Data() | Rset() | Quit() | StartTls():
            text = command.verb
    return text.encode("utf-8")


_VERB_ALONE: dict[type, bytes] = {kind: kind.verb.encode() for kind in (Data, Rset, Quit, StartTls)}
"""Commands without arguments are always the same line."""


def _format_initial(initial: bytes | None) -> str:
    """RFC 4954 4: an empty initial response is `=`, for an empty text would be none at all."""
    if initial is None:
        return ""
    return " " + (base64.b64encode(initial).decode("ascii") or "=")
