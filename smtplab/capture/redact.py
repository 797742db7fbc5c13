"""Keeps secrets out of records of bytes: what the core masks in lines is masked in `BytesSent` and its kin too."""

from __future__ import annotations

import re

import msgspec

from smtplab import events as ev
from smtplab.journal import Record

MASK = b"***"

_INITIAL_RESPONSE = re.compile(rb"^([ \t]*AUTH[ \t]+\S+[ \t]+)[^\s][^\r\n]*", re.IGNORECASE | re.MULTILINE)
"""AUTH, a mechanism and an initial response (RFC 4954 4). A line of a message that looks so is masked as well: a
stray mask in a record of bytes costs less than a password."""

_UNENDED = re.compile(rb"^[ \t]*AUTH[ \t]+\S+[ \t]+[^\r\n]*\Z", re.IGNORECASE | re.MULTILINE)

_REPLY = re.compile(rb"\d{3}(?:[ \r\n-]|\Z)")
"""A server's bytes; no base64 looks like this."""


class Redactor:
    """Goes over the records of a journey in their order; it remembers, for each span, whether a secret is due."""

    def __init__(self) -> None:
        self._due: set[tuple[str, str]] = set()
        """Places where the client's next bytes, up to a line's end, are secret."""

    def redact(self, record: Record) -> Record:
        """The record itself where nothing in it is secret."""
        place = (record.node, record.span)
        match record.event:
            case ev.ReplyReceived(code=334) | ev.ReplySent(code=334):
                self._due.add(place)
            case ev.BytesSent(data=data) | ev.BytesReceived(data=data) if not _REPLY.match(data):
                masked = self._masked(place, data)
                if masked != data:
                    return msgspec.structs.replace(record, event=type(record.event)(masked))
        return record

    def _masked(self, place: tuple[str, str], data: bytes) -> bytes:
        head = b""
        if place in self._due:
            secret, end, data = data.partition(b"\n")
            if end:
                self._due.discard(place)
            # A lone asterisk cancels the exchange (RFC 4954 4) and tells nothing.
            shown = secret.rstrip(b"\r") if secret.strip() in (b"", b"*") else MASK
            head = shown + (b"\r" if secret.endswith(b"\r") else b"") + end
        if _UNENDED.search(data):
            self._due.add(place)
        return head + _INITIAL_RESPONSE.sub(rb"\g<1>" + MASK, data)
