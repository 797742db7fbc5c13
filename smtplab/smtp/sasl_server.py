"""The server's side of SASL (RFC 4422) as exchanges of bytes; whoever keeps the accounts is asked who may come in."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Protocol

from smtplab.smtp import oauth
from smtplab.smtp.attempt import Accounts, Attempt
from smtplab.smtp.sasl import cram_digest
from smtplab.smtp.sasl_steps import Challenge, Claimed, Denied, Identified, Step
from smtplab.smtp.scram import HASH_OF
from smtplab.smtp.scram_server import ScramServer
from smtplab.smtp.secret import Secret


class ServerMechanism(Protocol):
    """One attempt at a server: `start` with the initial response or None, then `receive` until it is no Challenge."""

    def start(self, initial: bytes | None) -> Step: ...

    def receive(self, response: bytes) -> Step: ...

    def refuse(self, user: str) -> Step:
        """What was Claimed turned out wrong."""
        ...


class _ClientFirst:
    """Where the client speaks first: without an initial response it is asked with nothing (RFC 4954 4)."""

    def start(self, initial: bytes | None) -> Step:
        return Challenge(b"") if initial is None else self.receive(initial)

    def receive(self, response: bytes) -> Step:
        raise NotImplementedError

    def refuse(self, user: str) -> Step:
        return Denied("bad-credentials", user)


class PlainServer(_ClientFirst):
    def receive(self, response: bytes) -> Step:
        parts = _texts(response.split(b"\0"))
        if parts is None or len(parts) != 3 or not parts[1] or not parts[2]:
            return Denied("malformed")  # RFC 4616 2: authcid and passwd have at least one character
        identity, user, password = parts
        if identity not in ("", user):  # nobody here may act for somebody else
            return Denied("bad-credentials", user)
        return Claimed(user, Secret(password))


class LoginServer(_ClientFirst):
    def __init__(self) -> None:
        self._user: str | None = None

    def start(self, initial: bytes | None) -> Step:
        return Challenge(b"Username:") if initial is None else self.receive(initial)

    def receive(self, response: bytes) -> Step:
        texts = _texts([response])
        if texts is None or "\0" in texts[0]:
            return Denied("malformed")
        if self._user is None:
            self._user = texts[0]
            return Challenge(b"Password:")
        return Claimed(self._user, Secret(texts[0]))


class CramMd5Server(_ClientFirst):
    def __init__(self, accounts: Accounts, challenge: bytes) -> None:
        self._accounts = accounts
        self._challenge = challenge

    def start(self, initial: bytes | None) -> Step:
        # The server speaks first here: an initial response is an error (RFC 4954 4).
        return Challenge(self._challenge) if initial is None else Denied("malformed")

    def receive(self, response: bytes) -> Step:
        name, _, digest = response.rpartition(b" ")
        texts = _texts([name])
        if texts is None or not texts[0]:
            return Denied("malformed")
        known = self._accounts.secret(texts[0])
        expected = cram_digest(known or Secret(""), self._challenge)
        if hmac.compare_digest(expected, digest.lower()) and known is not None:
            return Identified(texts[0])
        return Denied("bad-credentials", texts[0])


class OauthServer(_ClientFirst):
    """XOAUTH2 and OAUTHBEARER: a wrong token is first told why, and the client's word on that ends it."""

    def __init__(self, name: str) -> None:
        self._parse = oauth.parse_xoauth2 if name == "XOAUTH2" else oauth.parse_oauthbearer
        self._refused: str | None = None

    def receive(self, response: bytes) -> Step:
        if self._refused is not None:
            return Denied("bad-credentials", self._refused)
        shown = self._parse(response)
        return Denied("malformed") if shown is None else Claimed(shown.user, shown.token, "token")

    def refuse(self, user: str) -> Step:
        self._refused = user
        return Challenge(b'{"status":"invalid_token","schemes":"bearer","scope":"mail"}')  # RFC 7628 3.2.2


class ExternalServer(_ClientFirst):
    """RFC 4422 A: the certificate has said who it is, the client may only say as which of its names it comes."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def receive(self, response: bytes) -> Step:
        texts = _texts([response])
        if texts is None or "\0" in texts[0]:
            return Denied("malformed")
        wanted = texts[0] or next(iter(self._names), "")
        known = {name.lower(): name for name in self._names}.get(wanted.lower())
        return Denied("bad-credentials", wanted) if known is None else Identified(known)


def start_server(name: str, attempt: Attempt) -> ServerMechanism | None:
    """None for a mechanism that we don't speak (504)."""
    name = name.upper()
    match name:
        case "PLAIN":
            return PlainServer()
        case "LOGIN":
            return LoginServer()
        case "CRAM-MD5":
            return CramMd5Server(attempt.accounts, attempt.challenge())
        case "XOAUTH2" | "OAUTHBEARER":
            return OauthServer(name)
        case "EXTERNAL":
            return ExternalServer(attempt.certificate_names)
        case _ if name.removesuffix("-PLUS") in HASH_OF:
            return ScramServer(name, attempt)
        case _:
            return None


def _texts(parts: list[bytes]) -> list[str] | None:
    try:
        return [part.decode() for part in parts]
    except UnicodeDecodeError:
        return None
