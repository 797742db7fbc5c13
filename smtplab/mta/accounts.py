"""The users of a server whose passwords it was told when it started, and how what somebody shows is checked."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Mapping
from typing import Protocol

from smtplab.smtp.attempt import Accounts
from smtplab.smtp.sasl_steps import Claimed
from smtplab.smtp.scram import ITERATIONS_MIN, HashName, Verifier, make_verifier
from smtplab.smtp.secret import Secret


class Keeper(Accounts, Protocol):
    """Accounts that can also say whether a password or a token is right."""

    @property
    def any(self) -> bool:
        """Is there anybody?"""
        ...

    @property
    def readable(self) -> bool:
        """Is there a password that CRAM-MD5 can use?"""
        ...

    @property
    def tokens(self) -> bool:
        """Has anybody a bearer token?"""
        ...

    def owner(self, claimed: Claimed) -> str:
        """Whose it is, where it does not say so; empty where it is nobody's."""
        ...

    def check(self, claimed: Claimed) -> bool | Awaitable[bool]:
        """In the same time whether or not there is such a user."""
        ...


class MemoryAccounts:
    """Passwords as they are; each is its user's bearer token too."""

    def __init__(self, passwords: Mapping[str, Secret], pepper: bytes = b"") -> None:
        """`pepper` makes the salts, so that they differ from server to server."""
        self._passwords = passwords
        self._pepper = pepper
        self._verifiers: dict[tuple[HashName, str], Verifier] = {}

    @property
    def any(self) -> bool:
        return bool(self._passwords)

    @property
    def readable(self) -> bool:
        return bool(self._passwords)

    @property
    def tokens(self) -> bool:
        return bool(self._passwords)

    def secret(self, user: str) -> Secret | None:
        return self._passwords.get(user)

    def verifier(self, name: HashName, user: str) -> tuple[Verifier, bool]:
        """Made when first asked for, in some 2 ms, and kept."""
        salt = salt_of(self._pepper, user)
        known = self._passwords.get(user)
        if known is None:
            return nobodys(name, salt, ITERATIONS_MIN), False
        found = self._verifiers.get((name, user))
        if found is None:
            found = self._verifiers[name, user] = make_verifier(name, known, salt, ITERATIONS_MIN)
        return found, True

    def owner(self, claimed: Claimed) -> str:
        """RFC 7628 3.1: a client need not say whose token it is."""
        if claimed.user or claimed.kind != "token":
            return claimed.user
        return next((user for user, known in self._passwords.items() if known == claimed.secret), "")

    def check(self, claimed: Claimed) -> bool:
        known = self._passwords.get(self.owner(claimed))
        return (known or Secret("")) == claimed.secret and known is not None


NOBODY = MemoryAccounts({})


def salt_of(pepper: bytes, user: str) -> bytes:
    """The same for a name at every try, also of one that nobody has (RFC 5802 9)."""
    return hmac.digest(pepper or b"smtplab", user.encode(), "sha256")[:16]


def nobodys(name: HashName, salt: bytes, iterations: int) -> Verifier:
    """For a user who isn't there: it takes part in the exchange and fits no proof."""
    octets = hashlib.new(name).digest_size
    return Verifier(salt, iterations, bytes(octets), bytes(octets))
