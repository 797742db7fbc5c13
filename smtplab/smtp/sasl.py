"""SASL mechanisms (RFC 4422) as exchanges of bytes, the client's side and the server's: no base64, no sockets."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import msgspec

ITERATIONS_MAX = 1_000_000
"""A server names SCRAM's cost (RFC 5802 5.1): more than this would freeze us for a second or longer."""


class Secret:
    """A text that prints as `***`; `reveal` is the only way to it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))


class SaslTrouble(msgspec.Struct, frozen=True):
    """The exchange can't go on: the client then cancels with `*` (RFC 4954 4)."""

    reason: str
    """`unexpected-challenge`, `bad-challenge`, `bad-nonce`, `too-many-iterations`, `server-not-proven`."""


class ClientMechanism(Protocol):
    """One attempt of a client. `initial` goes with the AUTH command (None: the server speaks first)."""

    name: str

    @property
    def initial(self) -> bytes | None: ...

    def respond(self, challenge: bytes) -> bytes | SaslTrouble: ...


class PlainClient:
    """RFC 4616: everything in one message."""

    name = "PLAIN"

    def __init__(self, user: str, password: Secret) -> None:
        self._message = b"\0" + user.encode() + b"\0" + password.reveal().encode()

    @property
    def initial(self) -> bytes:
        return self._message

    def respond(self, challenge: bytes) -> bytes | SaslTrouble:
        # Only a server that ignored the initial response asks, and with nothing (RFC 4954 4).
        return SaslTrouble("unexpected-challenge") if challenge else self._message


class LoginClient:
    """Never standardised, everywhere present: two questions whose wording differs, so that their order decides."""

    name = "LOGIN"
    initial = None

    def __init__(self, user: str, password: Secret) -> None:
        self._answers = [user.encode(), password.reveal().encode()]

    def respond(self, challenge: bytes) -> bytes | SaslTrouble:  # noqa: ARG002 - the question itself says nothing
        return self._answers.pop(0) if self._answers else SaslTrouble("unexpected-challenge")


class CramMd5Client:
    """RFC 2195: the password never travels."""

    name = "CRAM-MD5"
    initial = None

    def __init__(self, user: str, password: Secret) -> None:
        self._user = user
        self._password = password

    def respond(self, challenge: bytes) -> bytes | SaslTrouble:
        return self._user.encode() + b" " + _cram_digest(self._password, challenge)


class ScramSha256Client:
    """RFC 5802 and RFC 7677, without channel binding; the server proves itself too."""

    name = "SCRAM-SHA-256"

    def __init__(self, user: str, password: Secret, nonce: str) -> None:
        self._password = password
        self._nonce = nonce
        self._first_bare = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={nonce}".encode()
        self._server_signature: bytes | None = None
        self.server_proven = False

    @property
    def initial(self) -> bytes:
        return b"n,," + self._first_bare

    def respond(self, challenge: bytes) -> bytes | SaslTrouble:
        if not challenge and self._server_signature is None:
            return self.initial
        fields = _scram_fields(challenge)
        if fields is None:
            return SaslTrouble("bad-challenge")
        if self._server_signature is None:
            return self._prove(challenge, fields)
        self.server_proven = hmac.compare_digest(_unbase64(fields.get("v", "")) or b"", self._server_signature)
        return b"" if self.server_proven else SaslTrouble("server-not-proven")

    def _prove(self, server_first: bytes, fields: dict[str, str]) -> bytes | SaslTrouble:
        nonce, salt, count = fields.get("r", ""), _unbase64(fields.get("s", "")), fields.get("i", "")
        if not salt or not (count.isascii() and count.isdigit() and 0 < len(count) < 10) or int(count) == 0:
            return SaslTrouble("bad-challenge")
        if not nonce.startswith(self._nonce) or nonce == self._nonce:
            return SaslTrouble("bad-nonce")
        if int(count) > ITERATIONS_MAX:
            return SaslTrouble("too-many-iterations")
        salted = hashlib.pbkdf2_hmac("sha256", self._password.reveal().encode(), salt, int(count))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        final_bare = b"c=biws,r=" + nonce.encode()
        signed = b",".join((self._first_bare, server_first, final_bare))
        signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
        self._server_signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), signed, "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        return final_bare + b",p=" + base64.b64encode(proof)


MechanismName = Literal["SCRAM-SHA-256", "CRAM-MD5", "PLAIN", "LOGIN"]

_IN_CLEAR: tuple[MechanismName, ...] = ("SCRAM-SHA-256", "CRAM-MD5")
"""Those that don't show the password to whoever listens (RFC 4954 4)."""

_INSIDE_TLS: tuple[MechanismName, ...] = ("SCRAM-SHA-256", "PLAIN", "LOGIN", "CRAM-MD5")
"""Inside TLS a plain password beats MD5, for which the server must keep it readable."""


def choose(mechanisms: Sequence[str], secure: bool) -> MechanismName | None:
    """The mechanism to use of those announced; None where there is none that we know or none that is safe in clear."""
    announced = {name.upper() for name in mechanisms}
    return next((name for name in (_INSIDE_TLS if secure else _IN_CLEAR) if name in announced), None)


def start_client(name: str, user: str, password: Secret, nonce: Callable[[], str]) -> ClientMechanism | None:
    """A fresh attempt; `nonce` gives printable ASCII without a comma. None for a mechanism that we don't speak."""
    match name.upper():
        case "PLAIN":
            return PlainClient(user, password)
        case "LOGIN":
            return LoginClient(user, password)
        case "CRAM-MD5":
            return CramMd5Client(user, password)
        case "SCRAM-SHA-256":
            return ScramSha256Client(user, password, nonce())
        case _:
            return None


# The server's side

Passwords = Callable[[str], Secret | None]
"""The password of a user; None where there is no such user."""


class Challenge(msgspec.Struct, frozen=True):
    """Goes out with 334; the answer comes back to `receive`."""

    data: bytes


class Identified(msgspec.Struct, frozen=True):
    user: str


class Denied(msgspec.Struct, frozen=True):
    reason: Literal["bad-credentials", "malformed"]
    """535 for the one, 501 for the other (RFC 4954 6 and 4)."""
    user: str = ""


Step = Challenge | Identified | Denied


class ServerMechanism(Protocol):
    """One attempt at a server: `start` with the initial response or None, then `receive` until it is no Challenge."""

    def start(self, initial: bytes | None) -> Step: ...

    def receive(self, response: bytes) -> Step: ...


class PlainServer:
    def __init__(self, passwords: Passwords) -> None:
        self._passwords = passwords

    def start(self, initial: bytes | None) -> Step:
        return Challenge(b"") if initial is None else self.receive(initial)

    def receive(self, response: bytes) -> Step:
        parts = _texts(response.split(b"\0"))
        if parts is None or len(parts) != 3 or not parts[1]:
            return Denied("malformed")
        identity, user, password = parts
        if identity not in ("", user):  # nobody here may act for somebody else
            return Denied("bad-credentials", user)
        return _check(self._passwords, user, password)


class LoginServer:
    def __init__(self, passwords: Passwords) -> None:
        self._passwords = passwords
        self._user: str | None = None

    def start(self, initial: bytes | None) -> Step:
        return Challenge(b"Username:") if initial is None else self.receive(initial)

    def receive(self, response: bytes) -> Step:
        texts = _texts([response])
        if texts is None:
            return Denied("malformed")
        if self._user is None:
            self._user = texts[0]
            return Challenge(b"Password:")
        return _check(self._passwords, self._user, texts[0])


class CramMd5Server:
    def __init__(self, passwords: Passwords, challenge: bytes) -> None:
        self._passwords = passwords
        self._challenge = challenge

    def start(self, initial: bytes | None) -> Step:
        # The server speaks first here: an initial response is an error (RFC 4954 4).
        return Challenge(self._challenge) if initial is None else Denied("malformed")

    def receive(self, response: bytes) -> Step:
        name, _, digest = response.rpartition(b" ")
        texts = _texts([name])
        if texts is None or not texts[0]:
            return Denied("malformed")
        known = self._passwords(texts[0])
        expected = _cram_digest(known or Secret(""), self._challenge)
        if hmac.compare_digest(expected, digest.lower()) and known is not None:
            return Identified(texts[0])
        return Denied("bad-credentials", texts[0])


def start_server(name: str, passwords: Passwords, challenge: Callable[[], bytes]) -> ServerMechanism | None:
    """None for a mechanism that we don't offer (504). `challenge` makes CRAM-MD5's `<random@host>`, new each time."""
    match name.upper():
        case "PLAIN":
            return PlainServer(passwords)
        case "LOGIN":
            return LoginServer(passwords)
        case "CRAM-MD5":
            return CramMd5Server(passwords, challenge())
        case _:
            return None


def _check(passwords: Passwords, user: str, password: str) -> Step:
    known = passwords(user)
    matches = hmac.compare_digest((known or Secret("")).reveal().encode(), password.encode())
    return Identified(user) if matches and known is not None else Denied("bad-credentials", user)


def _texts(parts: list[bytes]) -> list[str] | None:
    try:
        return [part.decode() for part in parts]
    except UnicodeDecodeError:
        return None


def _cram_digest(password: Secret, challenge: bytes) -> bytes:
    return hmac.new(password.reveal().encode(), challenge, "md5").hexdigest().encode()


def _unbase64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _scram_fields(message: bytes) -> dict[str, str] | None:
    """`r=…,s=…,i=…` by letter; None where it is no such message (RFC 5802 7)."""
    try:
        parts = [part.partition("=") for part in message.decode().split(",")]
    except UnicodeDecodeError:
        return None
    if not all(equals and len(letter) == 1 for letter, equals, _ in parts):
        return None
    return {letter: value for letter, _, value in parts}
