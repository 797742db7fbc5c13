"""The server's side of SCRAM (RFC 5802): one attempt, checked with a verifier and never with a password."""

from __future__ import annotations

import hmac
import re

from smtplab.smtp import scram
from smtplab.smtp.attempt import Attempt
from smtplab.smtp.sasl_steps import Challenge, Denied, Identified, Step
from smtplab.smtp.scram import Verifier

# gs2-header           = gs2-cbind-flag "," [ authzid ] ","                           ; RFC 5802 7
# gs2-cbind-flag       = ("p=" cb-name) / "n" / "y"
# client-first-message = gs2-header client-first-message-bare
# client-first-message-bare = [reserved-mext ","] username "," nonce ["," extensions]
_FIRST = re.compile(r"((?:p=([A-Za-z0-9.\-]+)|(n)|(y)),(?:a=([^,]*))?,)(n=([^,]*),r=([^,]*)(?:,.*)?)")
_PROOF = re.compile(r"(.*),p=([A-Za-z0-9+/=]+)")


class ScramServer:
    """A `sasl_server.ServerMechanism`."""

    def __init__(self, name: str, attempt: Attempt) -> None:
        self._hash = scram.HASH_OF[name.removesuffix("-PLUS")]
        self._bound = name.endswith("-PLUS")
        self._bound_offered = attempt.bound_offered
        self._accounts = attempt.accounts
        self._nonce = attempt.nonce()
        self._bindings: dict[str | None, bytes] = {binding.kind: binding.data for binding in attempt.bindings}
        self._user = ""
        self._known = False
        self._verifier: Verifier | None = None
        self._channel = b""
        self._first_bare = ""
        self._server_first = ""
        self._proven = False

    def start(self, initial: bytes | None) -> Step:
        return Challenge(b"") if initial is None else self.receive(initial)

    def receive(self, response: bytes) -> Step:
        try:
            text = response.decode()
        except UnicodeDecodeError:
            return Denied("malformed")
        if self._proven:
            return Denied("malformed") if text else Identified(self._user)
        return self._first(text) if self._verifier is None else self._final(text, self._verifier)

    def refuse(self, user: str) -> Step:
        return Denied("bad-credentials", user)

    def _first(self, text: str) -> Step:
        found = _FIRST.fullmatch(text)
        if found is None:
            return Denied("malformed")
        header, kind, _, stripped, identity, bare, name, nonce = found.groups()
        user = scram.decode_name(name)
        if not user or not scram.is_nonce(nonce):
            return Denied("malformed")
        if (kind is not None) != self._bound or (kind is not None and kind not in self._bindings):
            return Denied("malformed")
        if stripped and self._bound_offered:
            return Denied("bad-credentials", user)  # RFC 5802 6: somebody hid our `-PLUS` from him
        if identity and scram.decode_name(identity) != user:
            return Denied("bad-credentials", user)
        self._user = user
        self._verifier, self._known = self._accounts.verifier(self._hash, user)
        self._channel = header.encode() + self._bindings.get(kind, b"")
        self._first_bare = bare
        self._nonce = nonce + self._nonce
        salt = scram.to_base64(self._verifier.salt).decode()
        self._server_first = f"r={self._nonce},s={salt},i={self._verifier.iterations}"
        return Challenge(self._server_first.encode())

    def _final(self, text: str, verifier: Verifier) -> Step:
        found = _PROOF.fullmatch(text)
        fields = scram.read_fields(text.encode())
        if found is None or fields is None or [letter for letter, _ in fields[:2]] != ["c", "r"]:
            return Denied("malformed")
        proof = scram.from_base64(found[2])
        if proof is None or len(proof) != len(verifier.stored_key):
            return Denied("malformed")
        channel = scram.from_base64(fields[0][1]) or b""
        same = hmac.compare_digest(channel, self._channel) and fields[1][1] == self._nonce
        signed = f"{self._first_bare},{self._server_first},{found[1]}".encode()
        key = scram.xor(proof, scram.signature(self._hash, verifier.stored_key, signed))
        right = hmac.compare_digest(scram.stored_key(self._hash, key), verifier.stored_key)
        if not (same and right and self._known):
            return Denied("bad-credentials", self._user)
        self._proven = True
        return Challenge(b"v=" + scram.to_base64(scram.signature(self._hash, verifier.server_key, signed)))
