"""A message as it travels: its envelope, its octets, and what they ask of a server; no header is understood here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from smtplab.message.header import header_octets
from smtplab.wire.address import Mailbox
from smtplab.wire.envelope import Parameters
from smtplab.wire.parameter import parse_hold_until, parse_priority
from smtplab.wire.xtext import Occasion, parse_notify

BodyKind = Literal["7bit", "8bit", "binary"]

Needed = Literal["DELIVERBY", "FUTURERELEASE", "MT-PRIORITY", "DSN"]
"""Extensions without which a sender may not want a message to go at all."""


class Asked(msgspec.Struct, frozen=True):
    """Which notices a sender wants about one recipient (RFC 3461 4.1, 4.2)."""

    notify: tuple[Occasion, ...] = ()
    """Empty where nothing was said."""
    orcpt: str = ""
    """As on the wire: the address type, a semicolon, the address in xtext."""


_NOTHING_ASKED = Asked()


class Envelope(msgspec.Struct, frozen=True):
    reverse_path: Mailbox | None
    """None is the null reverse-path `<>`."""
    recipients: tuple[Mailbox, ...]
    content: bytes
    """Header, empty line and body with CR LF line ends, dots not stuffed."""
    body: BodyKind = "7bit"
    smtputf8: bool = False
    """An address or the header holds UTF-8: only a server that announces SMTPUTF8 may have it (RFC 6531 3.2)."""
    ret: Literal["", "FULL", "HDRS"] = ""
    """What a notice of failure shall return (RFC 3461 4.3); empty where nothing was said."""
    envid: str = ""
    """The sender's own name for this message, in xtext (RFC 3461 4.4)."""
    asked: dict[str, Asked] = {}
    """By recipient, as `str` writes it; only those for whom something was asked."""

    priority: int = 0
    """-9 to 9 (RFC 6710 3): handed on to servers that know of it."""
    hold_until: float = 0.0
    """Seconds since the epoch, before which it does not go on (RFC 4865); 0 where nothing was said."""
    tls_wished: bool = False
    """A notice about mail that demanded TLS: REQUIRETLS goes along where it is offered, and where it is not the notice
    goes without (RFC 8689 5)."""

    mail_parameters: Parameters = {}
    """Sent with MAIL as they are, announced or not, beside those that the message itself needs."""
    rcpt_parameters: Parameters = {}
    """Likewise with every RCPT."""
    needs: tuple[Needed, ...] = ()
    """What those ask of the server: one that does not announce it gets nothing."""

    def asked_for(self, recipient: Mailbox) -> Asked:
        return self.asked.get(str(recipient), _NOTHING_ASKED) if self.asked else _NOTHING_ASKED

    @property
    def requires_tls(self) -> bool:
        """Its sender wants it protected all the way (RFC 8689)."""
        return self.tls_wished or "REQUIRETLS" in self.mail_parameters

    @property
    def sender(self) -> str:
        """The reverse-path's text, empty for the null one."""
        return "" if self.reverse_path is None else str(self.reverse_path)


def make_envelope(
    reverse_path: Mailbox | None, recipients: Sequence[Mailbox], content: bytes, *, is_ascii: bool | None = None
) -> Envelope:
    """Reads what the message needs: 8-bit transport (RFC 6152), internationalised addresses (RFC 6531). `is_ascii` is
    said by whoever knows it of the content."""
    people = [*recipients] if reverse_path is None else [reverse_path, *recipients]
    ascii_only = content.isascii() if is_ascii is None else is_ascii
    return Envelope(
        reverse_path=reverse_path,
        recipients=tuple(recipients),
        content=content,
        body="7bit" if ascii_only else "8bit",
        smtputf8=not all(who.is_ascii for who in people) or (not ascii_only and _is_utf8_header(content)),
    )


def with_parameters(envelope: Envelope, mail: Parameters, rcpts: dict[str, Parameters], now: float) -> Envelope:
    """With what the parameters of MAIL and, by recipient, of RCPT ask for; they are well-formed."""
    if not rcpts and mail.keys() <= _OF_THE_CONTENT:
        return envelope
    ret = (mail.get("RET") or "").upper()
    # RFC 8689 4.2: whoever takes it over has to ask the next one for the same; 5: with a notice as far as that can.
    demands = "REQUIRETLS" in mail and envelope.reverse_path is not None
    return msgspec.structs.replace(
        envelope,
        mail_parameters={"REQUIRETLS": None} if demands else {},
        tls_wished="REQUIRETLS" in mail and not demands,
        priority=parse_priority(mail.get("MT-PRIORITY") or "0") or 0,
        hold_until=hold_until(mail, now),
        ret=ret if ret in ("FULL", "HDRS") else "",
        envid=mail.get("ENVID") or "",
        asked={
            who: Asked(parse_notify(one.get("NOTIFY") or "") or (), one.get("ORCPT") or "")
            for who, one in rcpts.items()
            if "NOTIFY" in one or "ORCPT" in one
        },
    )


_OF_THE_CONTENT = frozenset({"SIZE", "BODY", "SMTPUTF8"})
"""Parameters that say what the message is, and ask for nothing."""


def hold_until(mail: Parameters, now: float) -> float:
    """0 where MAIL asks for no later release (RFC 4865 4)."""
    if (seconds := mail.get("HOLDFOR")) is not None:
        return now + int(seconds)
    return parse_hold_until(mail.get("HOLDUNTIL") or "") or 0.0


def _is_utf8_header(content: bytes) -> bool:
    """8-bit octets that are no UTF-8 belong to an older habit, for which SMTPUTF8 is no remedy."""
    header = content[: header_octets(content)]
    if header.isascii():
        return False
    try:
        header.decode()
    except UnicodeDecodeError:
        return False
    return True
