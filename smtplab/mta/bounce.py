"""Who is told what became of a message, and the notice itself: a delivery status notification (RFC 3461, RFC 3464)."""

from __future__ import annotations

import ipaddress
import random
import re
from collections.abc import Sequence
from typing import Literal

import msgspec

from smtplab.message.dates import format_date
from smtplab.message.dsn import AboutMessage, AboutRecipient, Action, DeliveryStatus, Typed, address_of
from smtplab.message.header import encode_words
from smtplab.message.report import Report, format_report
from smtplab.mta.envelope import Asked, Envelope, make_envelope
from smtplab.mta.outcome import RecipientOutcome
from smtplab.mta.wording import PlainWords, Words
from smtplab.wire.address import Mailbox
from smtplab.wire.xtext import Occasion, decode_xtext, parse_orcpt

HEADER_OCTETS_MAX = 65536
"""Of the returned header: enough for any honest one, and a notice must not be a way to send large mail to others."""
WHOLE_OCTETS_MAX = 1_048_576
"""Of a message returned whole, on request: beyond it the header alone is returned, for the same reason."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
DIAGNOSTIC_CHARACTERS_MAX = 900
"""A reply has at most 512 octets a line (RFC 5321 4.5.3.1.5), and one or two of them say what there is to say."""

RULE = "-" * 20
"""Between two languages; a reader would take a mere `-- ` for the beginning of a signature, and hide what follows."""

Kind = Literal["failed", "delayed", "success"]


class Fate(msgspec.Struct, frozen=True):
    """What became of one recipient, as a notice tells it."""

    recipient: Mailbox
    status: str
    """Enhanced status code (RFC 3463)."""
    diagnostic: str
    """What the server said, or the id of what happened."""
    remote: str = ""
    """The host that said it; empty where none did."""
    action: Action = "failed"


class Notice(msgspec.Struct, frozen=True):
    """What a notice is made of."""

    hostname: str
    queue_id: str
    """Of the message that it is about; the notice's Message-ID is made from it."""
    envelope: Envelope
    fates: Sequence[Fate]
    arrived_at: float
    now: float
    """Seconds since the epoch, both."""
    retry_until: float | None = None
    """Seconds since the epoch: when the message will be given up; for news of a delay."""


class NoticeWriter:
    """Writes to senders, from the null reverse-path, in each language of `words`; the first gives the subject.

    Each of its methods returns None where nobody is told: the null sender never is, for a notice never answers a
    notice (RFC 5321 6.1), nor is a sender who did not want to hear of these recipients (RFC 3461 4.1).
    """

    def __init__(self, chance: random.Random, words: Sequence[Words] = (PlainWords(),)) -> None:
        self._chance = chance
        self._words = words

    def failed(self, notice: Notice) -> Envelope | None:
        """Given up."""
        return self._write("failed", notice)

    def delayed(self, notice: Notice) -> Envelope | None:
        """Not given up yet."""
        fates = tuple(msgspec.structs.replace(fate, action="delayed") for fate in notice.fates)
        return self._write("delayed", msgspec.structs.replace(notice, fates=fates))

    def succeeded(self, notice: Notice) -> Envelope | None:
        """Delivered, relayed or expanded, as each fate's action says; see `success_of`."""
        return self._write("success", notice)

    def _write(self, kind: Kind, notice: Notice) -> Envelope | None:
        sender = notice.envelope.reverse_path
        asked_for = notice.envelope.asked_for
        fates = [fate for fate in notice.fates if is_wanted(fate.action, asked_for(fate.recipient))]
        if sender is None or not fates:
            return None
        return _Draft(msgspec.structs.replace(notice, fates=fates), kind, sender, self._words).envelope(self._chance)


def is_wanted(action: Action, asked: Asked) -> bool:
    """RFC 3461 4.1: who asks for nothing hears of failures and delays, never of success."""
    occasion: Occasion = "FAILURE" if action == "failed" else "DELAY" if action == "delayed" else "SUCCESS"
    return occasion in asked.notify if asked.notify else occasion != "SUCCESS"


def success_of(outcome: RecipientOutcome, envelope: Envelope) -> Fate | None:
    """What a success is called, where its sender asked to hear of it and no later host will tell."""
    judgement = outcome.judgement
    if not judgement.good or "SUCCESS" not in envelope.asked_for(outcome.recipient).notify:
        return None
    action: Action
    if judgement.reason == "expanded":
        action = "expanded"
    elif judgement.result == "delivered":
        action = "delivered"
    elif outcome.notifies or judgement.reason == "forwarded":
        return None
    else:
        action = "relayed"  # RFC 3461 5.2.2
    return Fate(outcome.recipient, judgement.status, _said(outcome), judgement.host, action)


def decision_of(fate: Fate) -> str:
    """The id of what was decided about a recipient, `refused`, `expired` ...: the last word of `notice.decided.*`."""
    if fate.action != "failed":
        return fate.action
    match fate.status:
        case "4.4.7":
            return "expired"
        case "5.4.6":
            return "loop"
        case "5.1.2" | "5.1.10" | "5.4.4" if not fate.remote:
            return "no-route"
        case _:
            return "refused" if fate.remote else "undeliverable"


def _said(outcome: RecipientOutcome) -> str:
    judgement = outcome.judgement
    return f"{judgement.code} {judgement.detail}" if judgement.code is not None else judgement.reason


class _Draft:
    """One notice."""

    def __init__(self, notice: Notice, kind: Kind, sender: Mailbox, words: Sequence[Words]) -> None:
        self._notice = notice
        self._kind = kind
        self._sender = sender
        self._words = words
        original = notice.envelope
        # RFC 3461 4.3: RET is about failures alone; RFC 8689 5: of what demands TLS only the header returns.
        asked = kind == "failed" and original.ret == "FULL" and not original.requires_tls
        whole = asked and len(original.content) <= WHOLE_OCTETS_MAX
        self._whole = whole
        self._returned = original.content if whole else _header_of(original.content)
        people = [sender, *(fate.recipient for fate in notice.fates)]
        # RFC 6533 4: its types are for those who take internationalised mail, and the sender has sent some. Where no
        # address needs them a header returns in ASCII, which is lost at no server on the way back.
        ascii_will_do = all(str(who).isascii() for who in people) and (not whole or self._returned.isascii())
        self._utf8 = original.smtputf8 and not ascii_will_do

    def envelope(self, chance: random.Random) -> Envelope:
        notice, kind = self._notice, self._kind
        languages = tuple(words.language for words in self._words)
        report = Report(self._text(), self._status(), self._returned, self._whole, languages)
        body = format_report(report, chance, utf8=self._utf8)
        # RFC 2045 6.4: what holds a part of eight bits says so itself.
        eight = "" if body.body.isascii() else "Content-Transfer-Encoding: 8bit\r\n"
        header = (
            f"From: Mail Delivery System <MAILER-DAEMON@{notice.hostname}>\r\nTo: <{self._sender}>\r\n"
            f"Subject: {encode_words(self._words[0](f'notice.subject.{kind}'))}\r\nDate: {format_date(notice.now)}\r\n"
            f"Message-ID: <{notice.queue_id}.{chance.getrandbits(64):016x}@{notice.hostname}>\r\n"
            # RFC 3834 5: so that no robot answers.
            f"Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\nContent-Type: {body.content_type}\r\n{eight}\r\n"
        )
        made = make_envelope(None, (self._sender,), header.encode() + body.body)
        # RFC 3461 6.1: nobody wants to hear of a notice's own fate.
        never = {str(self._sender): Asked(("NEVER",))}
        return msgspec.structs.replace(
            made,
            asked=never,
            smtputf8=made.smtputf8 or self._utf8,
            # RFC 8689 5: it tells of that message, so it is protected as that was.
            tls_wished=notice.envelope.requires_tls,
        )

    # For people

    def _text(self) -> str:
        return f"\n{RULE}\n\n".join(self._in(words) for words in self._words)

    def _in(self, words: Words) -> str:
        lines = [words("notice.opening", host=self._notice.hostname), "", words(f"notice.{self._kind}"), ""]
        for fate in self._notice.fates:
            reasons = _reasons(fate, self._notice.retry_until, words)
            lines += [f"<{fate.recipient}>", *(f"    {line}" for line in reasons), ""]
        if self._kind != "failed":
            lines += [words("notice.nothing-to-do")]
        lines += [words("notice.returned.whole" if self._whole else "notice.returned.header"), ""]
        return "\n".join(lines)

    # For programs

    def _status(self) -> DeliveryStatus:
        notice = self._notice
        about = AboutMessage(
            reporting_mta=Typed("dns", notice.hostname),
            envid=decode_xtext(notice.envelope.envid),
            arrival=notice.arrived_at,
        )
        return DeliveryStatus(about, tuple(self._about(fate) for fate in notice.fates))

    def _about(self, fate: Fate) -> AboutRecipient:
        original = parse_orcpt(self._notice.envelope.asked_for(fate.recipient).orcpt)
        said = "smtp" if fate.diagnostic[:3].isdecimal() else "x-smtplab"
        return AboutRecipient(
            final_recipient=address_of(str(fate.recipient)),
            action=fate.action,
            status=fate.status,
            original_recipient=Typed(original.kind, original.address) if original else None,
            remote_mta=Typed("dns", _mta_name(fate.remote)) if fate.remote else None,
            diagnostic=Typed(said, _plain(fate.diagnostic)) if fate.diagnostic else None,
            last_attempt=self._notice.now,
            will_retry_until=self._notice.retry_until if fate.action == "delayed" else None,
        )


def _reasons(fate: Fate, retry_until: float | None, words: Words) -> list[str]:
    """What was decided, in one line, and in another what it rests on."""
    until = format_date(retry_until) if retry_until is not None else "?"
    lines = [words(f"notice.decided.{decision_of(fate)}", remote=fate.remote, until=until)]
    if fate.remote and fate.diagnostic[:3].isdecimal():
        lines.append(words("notice.said", remote=fate.remote, diagnostic=_plain(fate.diagnostic)))
    elif fate.diagnostic:
        lines.append(words("notice.reason", reason=_reason(_plain(fate.diagnostic), words)))
    return lines


def _reason(diagnostic: str, words: Words) -> str:
    """Of our own: an id and perhaps a name that it is about."""
    reason, _, detail = diagnostic.partition(" ")
    if words.has(f"reason.{reason}"):
        reason = words(f"reason.{reason}")
    return f"{reason} ({detail})" if detail else reason


def _mta_name(host: str) -> str:
    """RFC 3464 2.1.2: a domain, or an address as a literal."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return f"[{'IPv6:' if address.version == 6 else ''}{address}]"


def _header_of(content: bytes) -> bytes:
    header = content.partition(b"\r\n\r\n")[0]
    if len(header) > HEADER_OCTETS_MAX:
        end = header.rfind(b"\r\n", 0, HEADER_OCTETS_MAX)
        header = header[: end if end > 0 else HEADER_OCTETS_MAX]
    return header + b"\r\n"


def _plain(text: str) -> str:
    """A server's words may hold anything; here they are one line."""
    return _CONTROL.sub("?", text)[:DIAGNOSTIC_CHARACTERS_MAX]
