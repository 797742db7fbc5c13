"""What a person or a queue asks of a sending session and of its route, as values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import msgspec

from smtplab.mta.envelope import Envelope
from smtplab.mta.timeouts import DEFAULT, Timeouts
from smtplab.mta.xclient import Xclient
from smtplab.net.ports import ClientTls, Trust
from smtplab.smtp.client import Dialect
from smtplab.smtp.secret import Secret
from smtplab.wire.extension import Extensions

TlsPolicy = Literal["none", "may", "require", "verify", "implicit"]
"""never · where offered · else not at all · with a certificate that holds, else not at all · from the first byte."""

QuitAfter = Literal[
    "dns", "connect", "greeting", "ehlo", "handshake", "tls", "xclient", "xclient-ehlo", "auth", "mail",
    "rcpt", "go-ahead", "data",
]  # fmt: skip
"""The last stage to be walked; then RSET where a transaction is open, and QUIT. `ehlo` is the first EHLO, `handshake`
ends before the second, `tls` after it; likewise `xclient` and `xclient-ehlo`; `go-ahead` is the 354."""

QUIT_STAGES: tuple[QuitAfter, ...] = get_args(QuitAfter)
Family = Literal[4, 6]


Mend = Callable[[Envelope, Extensions], tuple[Envelope, str]]
"""The message for a server that announces this, and what was changed in it; empty where nothing was."""


class Credentials(msgspec.Struct, frozen=True):
    user: str
    password: Secret
    mechanism: str | None = None
    """Announced or not; None for the best that the server announces."""
    mechanisms: tuple[str, ...] = ()
    """In their place: those to try, one after the other, where they are announced, until one succeeds."""
    tries_all: bool = False
    """Where nothing is named and the best one fails, try the next."""
    aliases: dict[str, str] = {}
    """A name that a server announces for a mechanism, in capitals, and the mechanism's own."""
    needed: Literal["always", "where-offered", "never"] = "always"
    """Whether mail may leave without."""


class SessionOptions(msgspec.Struct, frozen=True, kw_only=True):
    helo: str
    tls: TlsPolicy = "may"
    trust: Trust | None = None
    """None: no certificate can be verified, so `verify` never succeeds."""
    tls_strict: bool = False
    """With `may`: where STARTTLS is offered it has to succeed, with no second try in clear."""
    tls_asked: bool = False
    """With `may`: a person asked for it, and is told where it is not offered."""
    tls_must_hold: bool = False
    """Whatever the policy: where there is TLS, its certificate has to hold, as with `verify`."""
    client_tls: ClientTls | None = None
    """What to bring to the handshake in place of the default; without a name there, it is the host's."""
    credentials: Credentials | None = None
    dialect: Dialect = "esmtp"
    pipeline: bool | None = None
    """None: where announced and nobody holds the commands. True: in any case."""
    prdr: bool = False
    """Ask for a reply for each recipient after the content (draft-hall-prdr); the server has to announce it."""
    chunking: bool = False
    """BDAT where announced."""
    port: int = 25
    source: str | None = None
    """The local address to connect from."""
    preface: bytes = b""
    """Before anything else, TLS too: a load balancer's PROXY header."""
    xclient: Xclient | None = None
    quit_after: QuitAfter | None = None
    source_route: tuple[str, ...] = ()
    """Hosts to be named before each recipient's address, for a server of 1982 (RFC 821 3.6)."""
    transmit: bool = True
    """False: stop after the recipients' replies, RSET, QUIT."""
    reset: bool = True
    """RSET before the QUIT that leaves a transaction open; swaks sends none."""
    drop: bool = False
    """Where it ends as asked, end the connection with no QUIT."""
    chunk_octets: int = 1048576
    """Of a BDAT but the last: a refused chunk has cost no more than this."""
    mend: Mend | None = None
    """Makes of a message what this server can take, where it can't take it as it is."""
    says_what_lacks: bool = False
    """Tell at once what the server lacks of what was asked for, whether that ends the session or not."""
    untold: bool = False
    """Nobody listens: the dialogue makes no facts, and looks for no broken rules."""
    timeouts: Timeouts = DEFAULT
    show_secrets: bool = False
    """Do not mask what AUTH says in the records."""

    def ends_at(self, stage: QuitAfter) -> bool:
        """Is this stage, or one before it, the last?"""
        return self.quit_after is not None and QUIT_STAGES.index(self.quit_after) <= QUIT_STAGES.index(stage)


class Routing(msgspec.Struct, frozen=True, kw_only=True):
    door: str = ""
    """What stands in for every host, and is no host: a local socket's path, a program. Nothing is looked up then."""
    server: str | None = None
    """A host or an address to which everything goes, with no MX lookup."""
    source: Literal["pinned", "relay"] = "pinned"
    """What to call such a route: pinned by a person, or the relay host of this server."""
    pins: dict[str, tuple[str, ...]] = {}
    """Hosts whose addresses are given and not looked up; names in lower case."""
    family: Family | None = None
    ourselves: frozenset[str] = frozenset()
    """The names, in lower case, and addresses of this server: an MX that is one of them means a loop (RFC 5321 5.1)."""
