"""The client's side of SASL (RFC 4422) as exchanges of bytes: no base64, no sockets."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from typing import Literal, Protocol, get_args

from smtplab.smtp import oauth
from smtplab.smtp.sasl_steps import SaslTrouble as SaslTrouble  # noqa: PLC0414 - re-exported: what `respond` may give
from smtplab.smtp.scram import HASH_OF, Binding
from smtplab.smtp.scram_client import ScramClient
from smtplab.smtp.secret import Secret as Secret  # noqa: PLC0414 - re-exported: what an attempt is made of


class ClientMechanism(Protocol):
    """One attempt of a client. `initial` goes with the AUTH command (None: the server speaks first)."""

    name: str

    @property
    def initial(self) -> bytes | None: ...

    def respond(self, challenge: bytes) -> bytes | SaslTrouble: ...


class _OneMessage:
    """A mechanism whose client says all in its first message."""

    def __init__(self, name: str, message: bytes, farewell: bytes | None = None) -> None:
        """`farewell` answers a challenge that says why the server refuses; None where there is no such challenge."""
        self.name = name
        self._message = message
        self._farewell = farewell

    @property
    def initial(self) -> bytes:
        return self._message

    def respond(self, challenge: bytes) -> bytes | SaslTrouble:
        if challenge:
            return SaslTrouble("unexpected-challenge") if self._farewell is None else self._farewell
        # Only a server that ignored the initial response asks, and with nothing (RFC 4954 4).
        return self._message


class PlainClient(_OneMessage):
    """RFC 4616. `identity` is whom to act for, where it is somebody else."""

    def __init__(self, user: str, password: Secret, identity: str = "") -> None:
        super().__init__("PLAIN", b"\0".join((identity.encode(), user.encode(), password.reveal().encode())))


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
        return self._user.encode() + b" " + cram_digest(self._password, challenge)


def cram_digest(password: Secret, challenge: bytes) -> bytes:
    """HMAC-MD5 in lower-case hex."""
    return hmac.new(password.reveal().encode(), challenge, "md5").hexdigest().encode()


MechanismName = Literal[
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-256",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-1",
    "CRAM-MD5",
    "PLAIN",
    "LOGIN",
    "XOAUTH2",
    "OAUTHBEARER",
    "EXTERNAL",
]

MECHANISMS: tuple[MechanismName, ...] = get_args(MechanismName)
"""All that are spoken here."""

_IN_CLEAR: tuple[MechanismName, ...] = ("SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5")
"""Those that don't show the password to whoever listens (RFC 4954 4)."""

_INSIDE_TLS: tuple[MechanismName, ...] = ("SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN", "CRAM-MD5")
"""Inside TLS a plain password beats MD5, for which the server must keep it readable."""


def choose(mechanisms: Sequence[str], secure: bool, *, binding: bool = False) -> MechanismName | None:
    """The mechanism to use of those announced; None where there is none that we know or none that is safe in clear.

    `binding`: we know what to bind to. Tokens and certificates are never chosen for somebody who has a password.
    """
    announced = {name.upper() for name in mechanisms}
    wanted = _INSIDE_TLS if secure else _IN_CLEAR
    if binding:
        wanted = ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", *wanted)
    return next((name for name in wanted if name in announced), None)


def start_client(
    name: str,
    user: str,
    password: Secret,
    nonce: Callable[[], str],
    *,
    binding: Binding | None = None,
    announced: Sequence[str] = (),
) -> ClientMechanism | None:
    """A fresh attempt; None for a mechanism that we don't speak, and for `-PLUS` with nothing to bind to.

    `nonce` gives printable ASCII without a comma. The password is the token of XOAUTH2 and OAUTHBEARER; EXTERNAL has
    none, and `user` there is whom to act as, empty for whomever the certificate names. `announced` tells SCRAM whether
    the server knows of channel binding (RFC 5802 6).
    """
    name = name.upper()
    match name:
        case "PLAIN":
            return PlainClient(user, password)
        case "LOGIN":
            return LoginClient(user, password)
        case "CRAM-MD5":
            return CramMd5Client(user, password)
        case "XOAUTH2":
            return _OneMessage(name, oauth.format_xoauth2(user, password), b"")
        case "OAUTHBEARER":
            return _OneMessage(name, oauth.format_oauthbearer(user, password), oauth.DUMMY)
        case "EXTERNAL":
            return _OneMessage(name, user.encode())
        case _:
            return _start_scram(name, (user, password, nonce), binding, announced)


def _start_scram(
    name: str, who: tuple[str, Secret, Callable[[], str]], binding: Binding | None, announced: Sequence[str]
) -> ClientMechanism | None:
    plain = name.removesuffix("-PLUS")
    bound = name != plain
    if plain not in HASH_OF or (bound and binding is None):
        return None
    user, password, nonce = who
    # RFC 5802 6: "y" tells a server that does bind that somebody in between took its `-PLUS` away.
    stripped = binding is not None and f"{plain}-PLUS" not in {one.upper() for one in announced}
    return ScramClient(name, user, password, nonce(), ("y" if stripped else "n", binding if bound else None))
