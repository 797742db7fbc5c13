"""Makes of a message what a server can take that announces less than the message asks for."""

from __future__ import annotations

import base64
import quopri
from email import message_from_bytes
from email.header import Header
from email.message import Message
from email.policy import compat32

import msgspec

from smtplab.lab.parts import crlf
from smtplab.mta.envelope import Envelope, make_envelope
from smtplab.net.names import a_label_name
from smtplab.wire.address import Mailbox
from smtplab.wire.extension import Extensions


def mended(envelope: Envelope, extensions: Extensions) -> tuple[Envelope, str]:
    """As `options.Mend`. What can't be mended stays, and the server has its say: a local part has no ASCII form."""
    changes: list[str] = []
    content = envelope.content
    if envelope.body == "binary" and not ("BINARYMIME" in extensions and "CHUNKING" in extensions):
        content = crlf(re_encoded(content))
        changes.append("binary -> base64")
    elif envelope.body == "8bit" and "8BITMIME" not in extensions:
        content = re_encoded(content)
        changes.append("8bit -> 7bit")
    people = (*envelope.recipients, *((envelope.reverse_path,) if envelope.reverse_path else ()))
    if envelope.smtputf8 and "SMTPUTF8" not in extensions:
        people = tuple(_in_ascii(who) for who in people)
        content = _ascii_header(content)
        changes.append("SMTPUTF8 -> ASCII")
    if not changes:
        return envelope, ""
    recipients = people[: len(envelope.recipients)]
    sender = people[-1] if envelope.reverse_path else None
    made = make_envelope(sender, recipients, content)
    now = msgspec.structs.replace(
        envelope,
        reverse_path=sender,
        recipients=recipients,
        content=content,
        body=made.body,
        smtputf8=made.smtputf8,
    )
    return now, ", ".join(changes)


def re_encoded(content: bytes) -> bytes:
    """Every part in seven bits: text as quoted-printable, all else as base64 (RFC 6152 3). A signature over the body
    breaks by it, as it would at any relay that has to do so."""
    message = message_from_bytes(content, policy=compat32)
    for part in message.walk():
        if part.is_multipart():
            if str(part.get("Content-Transfer-Encoding", "")).lower() in ("8bit", "binary"):
                part.replace_header("Content-Transfer-Encoding", "7bit")
            continue
        _re_encode(part)
    return crlf(_ascii_header(message.as_bytes()))


def _re_encode(part: Message) -> None:
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    encoding = str(part.get("Content-Transfer-Encoding", "7bit")).lower()
    if encoding in ("quoted-printable", "base64") or raw.isascii():
        return
    text = part.get_content_maintype() == "text"
    del part["Content-Transfer-Encoding"]
    part["Content-Transfer-Encoding"] = "quoted-printable" if text else "base64"
    if text and part.get_content_charset() is None:
        part.set_param("charset", "utf-8" if _is_utf8(raw) else "unknown-8bit")
    coded = quopri.encodestring(raw.replace(b"\r\n", b"\n")) if text else base64.encodebytes(raw)
    part.set_payload(coded.decode("ascii"))


def _ascii_header(content: bytes) -> bytes:
    """Fields with UTF-8 in them as RFC 2047 has it; what is no UTF-8 stays."""
    header, end, body = content.partition(b"\r\n\r\n") if b"\r\n\r\n" in content else content.partition(b"\n\n")
    if header.isascii() or not _is_utf8(header):
        return content
    lines: list[str] = []
    for line in header.decode().splitlines():
        if line[:1] in (" ", "\t") and lines:
            lines[-1] += " " + line.strip()
        else:
            lines.append(line)
    return "\r\n".join(map(_ascii_field, lines)).encode() + end + body


def _ascii_field(line: str) -> str:
    if line.isascii():
        return line
    name, _, value = line.partition(":")
    return f"{name}: " + Header(value.strip(), "utf-8", header_name=name).encode(linesep="\r\n")


def _in_ascii(who: Mailbox) -> Mailbox:
    """Its domain by A-labels (RFC 5891)."""
    return Mailbox(who.local, a_label_name(who.domain) or who.domain)


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True
