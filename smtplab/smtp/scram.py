"""SCRAM (RFC 5802, RFC 7677) as arithmetic and grammar: keys, proofs and messages, with no side of it in sight."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Literal, get_args

import msgspec

from smtplab.smtp.saslprep import saslprep
from smtplab.smtp.secret import Secret

ITERATIONS_MIN = 4096
"""RFC 7677 4: fewer must not be announced."""
ITERATIONS_MAX = 1_000_000
"""A server names SCRAM's cost (RFC 5802 5.1): more than this would freeze us for a second or longer."""

HashName = Literal["sha1", "sha256"]

HASH_OF: dict[str, HashName] = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256"}
"""By mechanism, without `-PLUS`."""

BindingKind = Literal["tls-server-end-point", "tls-exporter"]
BINDING_KINDS: tuple[BindingKind, ...] = get_args(BindingKind)


class Binding(msgspec.Struct, frozen=True):
    """What ties an exchange to the TLS session in which it is spoken (RFC 5056): a relay in between has another."""

    kind: BindingKind
    """RFC 5929 4, RFC 9266."""
    data: bytes


class Verifier(msgspec.Struct, frozen=True):
    """What a server keeps instead of a password (RFC 5802 3): it checks proofs with it and can't make any."""

    salt: bytes
    iterations: int
    stored_key: bytes
    server_key: bytes


def salted_password(name: HashName, password: Secret, salt: bytes, iterations: int) -> bytes:
    """Takes as long as the iterations say: a millisecond for some 2,000."""
    text = password.reveal()
    prepared = saslprep(text)
    return hashlib.pbkdf2_hmac(name, (text if prepared is None else prepared).encode(), salt, iterations)


def client_key(name: HashName, salted: bytes) -> bytes:
    return hmac.digest(salted, b"Client Key", name)


def server_key(name: HashName, salted: bytes) -> bytes:
    return hmac.digest(salted, b"Server Key", name)


def stored_key(name: HashName, key: bytes) -> bytes:
    """Of the client's key."""
    return hashlib.new(name, key).digest()


def signature(name: HashName, key: bytes, auth_message: bytes) -> bytes:
    return hmac.digest(key, auth_message, name)


def xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def make_verifier(name: HashName, password: Secret, salt: bytes, iterations: int) -> Verifier:
    salted = salted_password(name, password, salt, iterations)
    stored = stored_key(name, client_key(name, salted))
    return Verifier(salt, iterations, stored, server_key(name, salted))


# Messages


def encode_name(user: str) -> str:
    """saslname, RFC 5802 5.1."""
    prepared = saslprep(user)
    return (user if prepared is None else prepared).replace("=", "=3D").replace(",", "=2C")


def decode_name(text: str) -> str | None:
    """None where an `=` is no escape."""
    if "=" in text.replace("=2C", "").replace("=3D", ""):
        return None
    return text.replace("=2C", ",").replace("=3D", "=")


def read_fields(message: bytes) -> list[tuple[str, str]] | None:
    """`r=...,s=...,i=...` as letters and values in their order; None where it is no such message (RFC 5802 7)."""
    try:
        parts = [part.partition("=") for part in message.decode().split(",")]
    except UnicodeDecodeError:
        return None
    if not all(equals and len(letter) == 1 and letter.isalpha() for letter, equals, _ in parts):
        return None
    return [(letter, value) for letter, _, value in parts]


def to_base64(data: bytes) -> bytes:
    return base64.b64encode(data)


def from_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def is_nonce(text: str) -> bool:
    """printable, RFC 5802 7."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text and "," not in text
