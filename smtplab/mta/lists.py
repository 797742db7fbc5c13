"""Simple mailing lists (RFC 5321 3.9.2): a copy for each member, whose return path names the member (VERP)."""

from __future__ import annotations

import re

import msgspec

from smtplab.message.report import parse_report
from smtplab.mta.envelope import Envelope
from smtplab.mta.trace import delivered_to_line
from smtplab.wire.address import LOCAL_PART_OCTETS_MAX, Mailbox, format_mailbox

_BOUNCES = "-bounces"
_OWNER = "-owner"
_LIST_ID = re.compile(rb"^list-id[ \t]*:", re.IGNORECASE | re.MULTILINE)


class MailingList(msgspec.Struct, frozen=True):
    address: Mailbox
    members: tuple[Mailbox, ...]
    owner: Mailbox
    """Gets what comes to `LIST-owner`, and every notice about a member."""


class ListBounce(msgspec.Struct, frozen=True):
    """A message to a list's return path."""

    mailing_list: MailingList
    member: Mailbox | None
    """Whose copy it is about; None where the address names nobody who is a member."""


def bounce_address(mailing_list: MailingList, member: Mailbox) -> Mailbox:
    """`list-bounces+user=domain@lists.example`; without the member where that would be too long for a local part."""
    local = f"{mailing_list.address.local}{_BOUNCES}+{member.local}={member.domain}"
    written = format_mailbox(Mailbox(local, ""))
    if len(written.encode()) > LOCAL_PART_OCTETS_MAX:
        local = f"{mailing_list.address.local}{_BOUNCES}"
    return Mailbox(local, mailing_list.address.domain)


def owner_address(mailing_list: MailingList) -> Mailbox:
    return Mailbox(f"{mailing_list.address.local}{_OWNER}", mailing_list.address.domain)


def read_bounce_address(mailing_list: MailingList, recipient: Mailbox) -> ListBounce | None:
    """None for an address that is no return path of this list. Whoever it names must be a member: anybody can write
    to such an address."""
    base = f"{mailing_list.address.local}{_BOUNCES}".lower()
    local = recipient.local.lower()
    if recipient.domain.lower() != mailing_list.address.domain.lower():
        return None
    if local == base:
        return ListBounce(mailing_list, None)
    if not local.startswith(base + "+"):
        return None
    named = local[len(base) + 1 :].rpartition("=")
    wanted = (named[0], named[2])
    members = (one for one in mailing_list.members if (one.local.lower(), one.domain.lower()) == wanted)
    return ListBounce(mailing_list, next(members, None))


def distribute(mailing_list: MailingList, envelope: Envelope) -> tuple[Envelope, ...]:
    """One for each member, in their order. What the sender asked of notices ends here: they would go to the list
    (RFC 3461 5.2.7.1); the demand for TLS goes on (RFC 8689 7). The header is left alone but for lines on top, so that
    signatures hold."""
    content = delivered_to_line(mailing_list.address) + _list_id(mailing_list, envelope.content) + envelope.content
    copies = []
    for member in mailing_list.members:
        sender = bounce_address(mailing_list, member)
        copies.append(
            Envelope(
                reverse_path=sender,
                recipients=(member,),
                content=content,
                body=envelope.body,
                smtputf8=envelope.smtputf8 or not f"{sender}{member}".isascii(),
                mail_parameters=envelope.mail_parameters,
            )
        )
    return tuple(copies)


def failed_for_good(content: bytes) -> bool:
    """Does this notice say that a member's copy was given up?"""
    report = parse_report(content)
    return report is not None and any(one.action == "failed" for one in report.status.recipients)


def _list_id(mailing_list: MailingList, content: bytes) -> bytes:
    """RFC 2919 2: one alone."""
    end = content.find(b"\r\n\r\n")
    if _LIST_ID.search(content, 0, end if end >= 0 else len(content)):
        return b""
    return f"List-Id: <{mailing_list.address.local}.{mailing_list.address.domain}>\r\n".encode()
