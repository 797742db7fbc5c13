"""Users whose passwords nobody can read any more: kept in a file as scrypt hashes and SCRAM verifiers."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import secrets
import tempfile
from collections.abc import Awaitable, Mapping
from pathlib import Path

import msgspec

from smtplab.flaws import misfit_value, words
from smtplab.mta.accounts import MemoryAccounts, nobodys, salt_of
from smtplab.smtp.sasl_steps import Claimed
from smtplab.smtp.scram import HashName, Verifier, make_verifier
from smtplab.smtp.secret import Secret
from smtplab.told import Told

ITERATIONS = 16384
"""Of SCRAM's verifiers: RFC 7677 4 asks for 4096 at least; four times that cost the client some 8 ms."""
SCRYPT_COST = 16384
"""RFC 7914 2 at r = 8, p = 1: 16 MiB and some 40 ms of work for each guess."""
SCRYPT_BLOCK = 8
_SCRYPT_OCTETS_MAX = 64 * 1024 * 1024
"""OpenSSL's own bound of 32 MiB is just too small for that cost."""
_HASHES: tuple[HashName, ...] = ("sha1", "sha256")


class ScryptHash(msgspec.Struct, frozen=True):
    cost: int
    block: int
    salt: bytes
    key: bytes

    def fits(self, password: Secret) -> bool:
        """Takes some 40 ms: never on the loop."""
        return hmac.compare_digest(_scrypt(password, self.salt, self.cost, self.block), self.key)


class StoredUser(msgspec.Struct, frozen=True):
    name: str
    scrypt: ScryptHash
    scram: dict[str, Verifier]
    """By the hash's name: `sha1`, `sha256`."""


class UsersTrouble(msgspec.Struct, frozen=True):
    """The file can't be used."""

    reason: Told


def make_user(name: str, password: Secret) -> StoredUser:
    """With salts of the system's chance."""
    salt = secrets.token_bytes(16)
    return StoredUser(
        name,
        ScryptHash(SCRYPT_COST, SCRYPT_BLOCK, salt, _scrypt(password, salt, SCRYPT_COST, SCRYPT_BLOCK)),
        {one: make_verifier(one, password, secrets.token_bytes(16), ITERATIONS) for one in _HASHES},
    )


def read_users(path: Path) -> dict[str, StoredUser] | UsersTrouble:
    """By name; empty where there is no such file."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=list[StoredUser])
    except FileNotFoundError:
        return {}
    except OSError as trouble:
        return UsersTrouble(words(trouble.strerror or trouble))
    except msgspec.ValidationError as trouble:
        return UsersTrouble(misfit_value(trouble))
    except (msgspec.DecodeError, UnicodeDecodeError) as trouble:
        return UsersTrouble(words(trouble))
    return {user.name: user for user in found}


def write_users(path: Path, users: Mapping[str, StoredUser]) -> UsersTrouble | None:
    """All of them or none, for their owner's eyes only."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # of mode 0600
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(list(users.values()))) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError as trouble:
        return UsersTrouble(words(trouble.strerror or trouble))
    return None


class StoredAccounts:
    """An `accounts.Keeper` of stored users beside those whose passwords are in memory, who come first."""

    def __init__(self, stored: Mapping[str, StoredUser], memory: MemoryAccounts, pepper: bytes) -> None:
        self.stored = stored
        self._memory = memory
        self._pepper = pepper
        self._nobody = ScryptHash(SCRYPT_COST, SCRYPT_BLOCK, salt_of(pepper, ""), b"")
        # One at a time: each takes 16 MiB, and a crowd that guesses must not have them all at once.
        self._one = asyncio.Lock()

    @property
    def any(self) -> bool:
        return bool(self.stored) or self._memory.any

    @property
    def readable(self) -> bool:
        return self._memory.readable

    @property
    def tokens(self) -> bool:
        return self._memory.tokens

    def secret(self, user: str) -> Secret | None:
        return self._memory.secret(user)

    def verifier(self, name: HashName, user: str) -> tuple[Verifier, bool]:
        if self._memory.secret(user) is not None:
            return self._memory.verifier(name, user)
        found = self.stored.get(user)
        known = found.scram.get(name) if found is not None else None
        return (nobodys(name, salt_of(self._pepper, user), ITERATIONS), False) if known is None else (known, True)

    def owner(self, claimed: Claimed) -> str:
        return self._memory.owner(claimed)

    def check(self, claimed: Claimed) -> bool | Awaitable[bool]:
        """One hash is computed whoever it is, so that nobody's name shows by how long the answer takes."""
        if claimed.kind == "token" or not self.stored:
            return self._memory.check(claimed)
        return self._check(claimed)

    async def _check(self, claimed: Claimed) -> bool:
        found = self.stored.get(claimed.user) if self._memory.secret(claimed.user) is None else None
        async with self._one:
            fits = await asyncio.to_thread((found.scrypt if found else self._nobody).fits, claimed.secret)
        return (fits and found is not None) or self._memory.check(claimed)


def _scrypt(password: Secret, salt: bytes, cost: int, block: int) -> bytes:
    text = password.reveal().encode()
    return hashlib.scrypt(text, salt=salt, n=cost, r=block, p=1, maxmem=_SCRYPT_OCTETS_MAX, dklen=32)
