"""A client's line within an AUTH exchange (RFC 4954 4), as a value; what it says is SASL's."""

from __future__ import annotations

import base64
import binascii

from smtplab.smtp.requests import AuthAnswered
from smtplab.wire.flaw import Flaw


def read_response(line: bytes, flaws: tuple[Flaw, ...]) -> AuthAnswered:
    """`flaws` is what was wrong with how the line ended."""
    if flaws and flaws[-1].rule == "line-too-long":
        return AuthAnswered(None, too_long=True)
    if line == b"*":
        return AuthAnswered(None, cancelled=True)
    try:
        return AuthAnswered(base64.b64decode(line, validate=True))
    except (binascii.Error, ValueError):
        return AuthAnswered(None)
