"""Bearer tokens over SASL: OAUTHBEARER (RFC 7628) and XOAUTH2, which was before it; their messages, either way."""

from __future__ import annotations

import re

import msgspec

from smtplab.smtp.scram import decode_name, encode_name
from smtplab.smtp.secret import Secret

_KV = b"\x01"
DUMMY = b"\x01"
"""What a client says to a refusal in OAUTHBEARER (RFC 7628 3.2.3)."""

# gs2-header   = gs2-cb-flag "," [gs2-authzid] ","                                    ; RFC 5801 4, RFC 7628 3.1
# client-resp  = (gs2-header kvsep *kvpair kvsep) / kvsep
# kvpair       = key "=" value kvsep
_HEADER = re.compile(r"[ny],(?:a=([^,]*))?,")
# credentials  = "Bearer" 1*SP b64token                                               ; RFC 6750 2.1
_BEARER = re.compile(r"(?i:Bearer) +([A-Za-z0-9\-._~+/]+=*)")


class Shown(msgspec.Struct, frozen=True):
    """A token, and for whom."""

    user: str
    """Empty where the token alone says it."""
    token: Secret


def format_xoauth2(user: str, token: Secret) -> bytes:
    return _KV.join((b"user=" + user.encode(), b"auth=Bearer " + token.reveal().encode(), b"", b""))


def format_oauthbearer(user: str, token: Secret) -> bytes:
    header = f"n,a={encode_name(user)}," if user else "n,,"
    return _KV.join((header.encode(), b"auth=Bearer " + token.reveal().encode(), b"", b""))


def parse_xoauth2(message: bytes) -> Shown | None:
    """None for what is no such message."""
    pairs = _pairs(message.split(_KV))
    return _shown(pairs, pairs.get("user")) if pairs is not None else None


def parse_oauthbearer(message: bytes) -> Shown | None:
    """None for what is no such message, and for one that wants channel binding."""
    first, *rest = message.split(_KV)
    header = _HEADER.fullmatch(first.decode("utf-8", "replace"))
    pairs = _pairs(rest)
    if header is None or pairs is None:
        return None
    return _shown(pairs, decode_name(header[1] or ""))


def _pairs(parts: list[bytes]) -> dict[str, str] | None:
    """`key=value` each, ended by two empty ones."""
    if parts[-2:] != [b"", b""]:
        return None
    try:
        found = [part.decode().partition("=") for part in parts[:-2]]
    except UnicodeDecodeError:
        return None
    return {key: value for key, _, value in found} if all(equals for _, equals, _ in found) else None


def _shown(pairs: dict[str, str], user: str | None) -> Shown | None:
    bearer = _BEARER.fullmatch(pairs.get("auth", ""))
    return Shown(user, Secret(bearer[1])) if bearer is not None and user is not None else None
