"""What a listing shows of a message: its subject and, of one that we put together ourselves, its sender."""

from __future__ import annotations

import re

from smtplab.message.header import header_octets

_SUBJECT = re.compile(rb"^subject[ \t]*:[ \t]*([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)", re.IGNORECASE | re.MULTILINE)
_RETURN_PATH = re.compile(rb"^return-path:[ \t]*<([^\r\n]*)>", re.IGNORECASE | re.MULTILINE)
SUBJECT_OCTETS_MAX = 998
"""Kept for a listing: RFC 5322 2.1.1 has no longer line."""


def subject_of(content: bytes) -> str:
    """Unfolded, not decoded; empty where there is none."""
    found = _SUBJECT.search(content, 0, header_octets(content))
    if found is None:
        return ""
    return found[1][:SUBJECT_OCTETS_MAX].replace(b"\r", b"").replace(b"\n", b"").decode("utf-8", "replace").strip()


def sender_of(content: bytes) -> str:
    """By its Return-Path, which stands on top at final delivery (RFC 5321 4.4); empty for the null one."""
    found = _RETURN_PATH.search(content, 0, header_octets(content))
    return found[1].decode("utf-8", "replace") if found is not None else ""
