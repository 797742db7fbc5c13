"""What one step of a SASL exchange comes to, on either side (RFC 4422)."""

from __future__ import annotations

from typing import Literal

import msgspec

from smtplab.smtp.secret import Secret


class SaslTrouble(msgspec.Struct, frozen=True):
    """The client can't go on: it then cancels with `*` (RFC 4954 4)."""

    reason: str
    """`unexpected-challenge`, `bad-challenge`, `bad-nonce`, `too-many-iterations`, `server-not-proven`."""


class Challenge(msgspec.Struct, frozen=True):
    """Goes out with 334; the answer comes back to `receive`."""

    data: bytes


class Claimed(msgspec.Struct, frozen=True):
    """Somebody shows a password or a token: whoever keeps them says whether it is right, in his own time."""

    user: str
    secret: Secret
    kind: Literal["password", "token"] = "password"


class Identified(msgspec.Struct, frozen=True):
    user: str


class Denied(msgspec.Struct, frozen=True):
    reason: Literal["bad-credentials", "malformed"]
    """535 for the one, 501 for the other (RFC 4954 6 and 4)."""
    user: str = ""


Step = Challenge | Claimed | Identified | Denied
