"""Who may ask: by which names the page is reached, with which token, and from which page a change may come."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
import time
from collections.abc import Callable, Mapping

import msgspec

TOKEN_CHARACTERS_MIN = 16
"""Of one that a person chooses: with the wrong ones counted, nobody guesses it."""
WRONG_MAX = 10
WRONG_S = 60.0
"""So many wrong tokens a minute, from all clients together: no person mistypes more, and no list is tried so."""

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9_.-]{1,255})(?::[0-9]{1,5})?")


def new_token() -> str:
    """192 bits."""
    return secrets.token_urlsafe(24)


def is_loopback_host(host: str) -> bool:
    """Does listening there reach this machine only?"""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Access(msgspec.Struct, frozen=True):
    """`names` are those of ours, in lower case, beside `localhost` and every numeric address."""

    names: frozenset[str] = frozenset()
    token: str | None = None
    """None: nobody needs one."""
    cookie: str = "smtplab"
    """Its name holds the port: browsers do not tell ports apart, and several servers may run on a machine."""

    def knows_host(self, host: str | None) -> bool:
        """Against DNS rebinding: a page of somebody else's domain can't reach us under that domain's name. A numeric
        address is nobody's domain."""
        found = _HOST.fullmatch(host or "")
        if found is None:
            return False
        name = found[1].strip("[]").lower().rstrip(".")
        return name == "localhost" or name in self.names or _is_address(name)

    def may_enter(self, cookies: Mapping[str, str]) -> bool:
        """With the cookie that `pass_of` made."""
        given = cookies.get(self.cookie)
        if self.token is None or given is None:
            return self.token is None
        return hmac.compare_digest(given.encode(), self.pass_of(self.token).encode())

    def is_token(self, word: str) -> bool:
        """Compared in constant time."""
        return self.token is not None and hmac.compare_digest(word.encode(), self.token.encode())

    def pass_of(self, token: str) -> str:
        """What the cookie holds: the token can't be had from it."""
        return hashlib.sha256(b"smtplab page\0" + token.encode()).hexdigest()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_same_origin(headers: Mapping[str, str]) -> bool:
    """May this request change something? What no browser sent says neither Origin nor Sec-Fetch-Site."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    # The scheme is left out: a proxy in front may speak TLS.
    return origin.partition("://")[2] == headers.get("host", "")


class Patience:
    """Counts wrong tokens; where there are too many, none is looked at for a while."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: list[float] = []

    @property
    def is_over(self) -> bool:
        self._wrong = [moment for moment in self._wrong if moment > self._clock() - WRONG_S]
        return len(self._wrong) >= WRONG_MAX

    def note(self) -> None:
        """One more wrong token."""
        self._wrong.append(self._clock())
