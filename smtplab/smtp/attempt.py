"""What an attempt to authenticate begins with at a server: the accounts, its random numbers, what TLS has shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from smtplab.smtp.scram import Binding, HashName, Verifier
from smtplab.smtp.secret import Secret


class Accounts(Protocol):
    """What a server knows of its users. Nothing here takes long; a password that was shown is checked by the driver."""

    def secret(self, user: str) -> Secret | None:
        """A password that is held readable, for CRAM-MD5 and APOP; None where there is no such user, or only a hash."""
        ...

    def verifier(self, name: HashName, user: str) -> tuple[Verifier, bool]:
        """And whether there is such a user: an unknown one gets a verifier too, always the same, that fits nothing."""
        ...


class Attempt(msgspec.Struct, frozen=True):
    accounts: Accounts
    challenge: Callable[[], bytes]
    """CRAM-MD5's `<random@host>`, new each time (RFC 2195 2)."""
    nonce: Callable[[], str]
    bindings: tuple[Binding, ...] = ()
    """What the TLS session can be bound by."""
    bound_offered: bool = False
    """A `-PLUS` was announced: a client that says it saw none was lied to (RFC 5802 6)."""
    certificate_names: tuple[str, ...] = ()
    """Whom the client's certificate names, the first first; empty without one that holds."""
