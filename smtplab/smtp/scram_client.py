"""The client's side of SCRAM: one attempt, in which the server has to prove itself too."""

from __future__ import annotations

import hmac

from smtplab.smtp import scram
from smtplab.smtp.sasl_steps import SaslTrouble
from smtplab.smtp.scram import Binding
from smtplab.smtp.secret import Secret


class ScramClient:
    """A `sasl.ClientMechanism` of any of the four names; the server proves itself too, told by `server_proven`."""

    def __init__(self, name: str, user: str, password: Secret, nonce: str, gs2: tuple[str, Binding | None]) -> None:
        """`gs2` is the flag (`n`: we don't bind, `y`: we could, the server did not offer it) and, with `p`, what to
        bind to (RFC 5802 6)."""
        self.name = name
        flag, binding = gs2
        self._hash = scram.HASH_OF[name.removesuffix("-PLUS")]
        self._password = password
        self._nonce = nonce
        flag = f"p={binding.kind}" if binding is not None else flag
        self._header = f"{flag},,".encode()
        self._channel = scram.to_base64(self._header + (binding.data if binding is not None else b""))
        self._first_bare = f"n={scram.encode_name(user)},r={nonce}".encode()
        self._server_signature: bytes | None = None
        self.server_proven = False

    @property
    def initial(self) -> bytes:
        return self._header + self._first_bare

    def respond(self, challenge: bytes) -> bytes | SaslTrouble:
        if not challenge and self._server_signature is None:
            return self.initial
        found = scram.read_fields(challenge)
        if found is None:
            return SaslTrouble("bad-challenge")
        fields = dict(found)
        if self._server_signature is None:
            # RFC 5802 5.1: what an unknown "m" demands can't be met.
            return SaslTrouble("bad-challenge") if "m" in fields else self._prove(challenge, fields)
        proof = scram.from_base64(fields.get("v", "")) or b""
        self.server_proven = hmac.compare_digest(proof, self._server_signature)
        return b"" if self.server_proven else SaslTrouble("server-not-proven")

    def _prove(self, server_first: bytes, fields: dict[str, str]) -> bytes | SaslTrouble:
        nonce, salt, count = fields.get("r", ""), scram.from_base64(fields.get("s", "")), fields.get("i", "")
        if not salt or not (count.isascii() and count.isdigit() and 0 < len(count) < 10) or int(count) == 0:
            return SaslTrouble("bad-challenge")
        if not nonce.startswith(self._nonce) or nonce == self._nonce:
            return SaslTrouble("bad-nonce")
        if int(count) > scram.ITERATIONS_MAX:
            return SaslTrouble("too-many-iterations")
        salted = scram.salted_password(self._hash, self._password, salt, int(count))
        key = scram.client_key(self._hash, salted)
        final_bare = b"c=" + self._channel + b",r=" + nonce.encode()
        signed = b",".join((self._first_bare, server_first, final_bare))
        own = scram.signature(self._hash, scram.stored_key(self._hash, key), signed)
        self._server_signature = scram.signature(self._hash, scram.server_key(self._hash, salted), signed)
        return final_bare + b",p=" + scram.to_base64(scram.xor(key, own))
