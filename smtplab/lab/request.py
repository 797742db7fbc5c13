"""What a person asks of a walk or a sending, as values, before any world is chosen."""

from __future__ import annotations

from typing import Literal

import msgspec

from smtplab.lab.bad_input import BadInput
from smtplab.lab.parts import Piece
from smtplab.mta.options import Family, QuitAfter, TlsPolicy
from smtplab.mta.xclient import Xclient
from smtplab.net.cut import CutAfter
from smtplab.net.own_tls import TlsWishes
from smtplab.smtp.client import Dialect

__all__ = ["BadInput", "SendRequest", "WalkRequest"]


class WalkRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Every option that `walk` shares with `session` and `send`; None is the default of the contract."""

    recipient: str
    sender: str | None = None
    """None for user@ this host's full name; `""` for the null reverse-path."""
    sim: str | None = None
    """A world's name or file; None where nothing was said."""
    live: bool = False
    seed: int | None = None
    helo: str | None = None
    tls: TlsPolicy = "may"
    tls_roots: str | None = None
    """A PEM file of the authorities to trust instead of the system's."""
    auth_user: str | None = None
    auth_password: str | None = None
    auth_mechanism: str | None = None
    server: str | None = None
    """`HOST[:PORT]`, no MX lookup."""
    protocol: Dialect = "esmtp"
    source: str | None = None
    family: Family | None = None
    timeout_s: float | None = None
    dns: str | None = None
    """`ADDRESS[:PORT]`."""
    port: int = 25
    resolve: tuple[tuple[str, str], ...] = ()
    """Host and address, pinned."""
    content: bytes | None = None
    """The whole message with CR LF line ends; None for a test message made from the next four."""
    subject: str | None = None
    body: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    attachments: tuple[str, ...] = ()
    """Files' paths."""
    quit_after: QuitAfter | None = None
    send: bool = False
    pipeline: bool | None = None
    """None: where it is announced and nobody holds the commands."""
    chunking: bool = False
    raw: bool = False
    """Record BytesSent and BytesReceived too."""
    show_secrets: bool = False


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """How to get out, where it is not by a socket of the system's own choice."""

    socket: str = ""
    """A local socket's path."""
    program: str = ""
    """A command whose standard input and output are the connection."""
    local_port: int = 0
    copy_routing: str = ""
    """A domain whose hosts get everything."""

    @property
    def name(self) -> str:
        """Of what stands in for every host; empty where hosts are looked for."""
        return self.socket or self.program


class TlsAsked(msgspec.Struct, frozen=True, kw_only=True):
    """What `send` may say of TLS beside the policy."""

    wishes: TlsWishes = TlsWishes()
    server_name: str = ""
    """To ask for, in place of the host's (SNI)."""
    verify: Literal["", "all", "issuer", "name"] = ""
    """What of the certificate has to hold."""
    verify_name: str = ""
    strict: bool = False
    said: bool = False
    """A policy was named."""
    keep_chain: bool = False


class AuthAsked(msgspec.Struct, frozen=True, kw_only=True):
    """What `send` may say of AUTH beside who it is."""

    mechanisms: tuple[str, ...] = ()
    """To try in this order, where they are announced; empty for all that are safe, the best one first."""
    aliases: dict[str, str] = {}
    """A name that the server announces, and the mechanism that it stands for."""
    needed: Literal["always", "where-offered", "never"] = "always"


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What `send` may say of the message beside what every command says."""

    copies: tuple[str, ...] = ()
    """Recipients whom Cc names."""
    blind: tuple[str, ...] = ()
    """Recipients whom no field names."""
    added: tuple[tuple[str, str], ...] = ()
    """Fields beside those of the same name."""
    html: str | None = None
    pieces: tuple[Piece, ...] = ()
    mend: bool = False
    """Re-encode it where the server does not announce what it needs."""
    fix_up: bool = True
    """A message given whole: replace tokens in it, edit its header."""
    strip_from: bool = True


class SendRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What `send` is asked: what every session shares, and what only a sending has."""

    shared: WalkRequest
    """Its recipient is the first one; its content, where there is one, has the line ends that it was given with."""
    recipients: tuple[str, ...]
    line_endings: Literal["repair", "keep"] = "repair"
    """Of a content that was given: bare CR and bare LF made CR LF, or left."""
    drop: bool = False
    """After `quit_after` the connection ends with no QUIT."""
    notify: str | None = None
    """RFC 3461 4.1, `SUCCESS,DELAY`."""
    ret: str | None = None
    envid: str | None = None
    """Not yet in xtext."""
    orcpt: bool = False
    """Tell each recipient's address as the original one too."""
    require_tls: bool = False
    mail_parameters: tuple[str, ...] = ()
    """`NAME` or `NAME=VALUE`, for MAIL."""
    rcpt_parameters: tuple[str, ...] = ()
    chunk_octets: int = 1048576
    door: Door = Door()
    tls: TlsAsked = TlsAsked()
    auth: AuthAsked = AuthAsked()
    preface: bytes = b""
    """A PROXY header."""
    xclient: Xclient | None = None
    cut: CutAfter | None = None
    """The last command to leave; then the connection is dropped."""
    prdr: bool = False
    binary: bool = False
    """As it is, by BDAT (RFC 3030)."""
    deliver_by: str | None = None
    """`SECONDS[;R|N][T]` (RFC 2852)."""
    hold_for: int | None = None
    """Seconds (RFC 4865)."""
    hold_until: str | None = None
    """A moment by RFC 3339, likewise."""
    priority: int | None = None
    """-9 to 9 (RFC 6710)."""
    letter: Letter = Letter()
