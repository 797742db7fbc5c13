"""What our POP3 server answers: its name, its users, when it takes passwords; decided without a socket."""

from __future__ import annotations

import msgspec

from smtplab.mta.accounts import NOBODY, Keeper
from smtplab.net.ports import ServerTls
from smtplab.pop3.capability import Capabilities
from smtplab.pop3.server import Limits


class MaildropRules(msgspec.Struct, frozen=True, kw_only=True):
    """What our server answers."""

    hostname: str
    banner: str = "{host} POP3"
    """The greeting's text; `{host}` stands for the host's name."""
    accounts: Keeper = NOBODY
    tls: ServerTls | None = None
    """None: no STLS."""
    implicit_tls: bool = False
    """The listener does TLS from the first byte (RFC 8314 3.3): the greeting waits for the handshake."""
    clear_login: bool = False
    """Take passwords outside TLS too (RFC 8314 4.1 wants that ended)."""
    apop: bool = False
    """Its digest is MD5 (RFC 6151 2.3), but on a plain connection it tells less than PASS."""
    mechanisms: tuple[str, ...] = ("PLAIN",)
    limits: Limits = Limits()
    ages: bool = False
    """Messages may go before their reader has taken them, so that EXPIRE NEVER (RFC 2449 6.7) would be untrue."""
    idle_timeout_s: float = 600.0
    """RFC 1939 3: at least ten minutes."""
    failed_login_delay_s: float = 2.0
    """What makes guessing slow, as Dovecot does it."""
    logins_max: int = 3
    """Failed ones in a connection."""
    errors_max: int = 20
    """Refused commands in a connection."""


def capabilities(rules: MaildropRules, *, secure: bool, logged_in: bool) -> Capabilities:
    """As CAPA tells them now."""
    lines = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING"]
    if not rules.ages:
        lines.append("EXPIRE NEVER")
    if secure or rules.clear_login:
        lines.append("USER")
        if rules.mechanisms:
            lines.append(" ".join(("SASL", *rules.mechanisms)))
    if rules.tls is not None and not secure and not logged_in:
        lines.append("STLS")  # RFC 2595 4: in AUTHORIZATION only
    return Capabilities(tuple(lines))
