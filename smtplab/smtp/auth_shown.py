"""What the messages of an AUTH exchange say, as text: user names, nonces and salts are shown, secrets never."""

from __future__ import annotations

from typing import Literal

MASK = "***"
TEXT_CHARACTERS_MAX = 400
"""Of one message; none that we speak is longer, a token aside, which is not shown."""

Side = Literal["client", "server"]


class AuthStory:
    """One exchange as it is told: `began` for the AUTH command, `said` for each message after it."""

    def __init__(self) -> None:
        self._mechanism = ""
        self._said = 0
        """Messages of the client."""

    def began(self, mechanism: str, initial: bytes | None) -> str:
        """Empty where the command holds no initial response."""
        self._mechanism, self._said = mechanism.upper(), 0
        return "" if initial is None else self.said("client", initial)

    def line_said(self, line: bytes) -> str:
        """A line of the client as it stands on the wire; empty for a cancelling `*` and for what is no base64."""
        from smtplab.smtp.scram import from_base64  # noqa: PLC0415 (only where somebody logs in)

        message = from_base64(line.decode("ascii", "replace"))
        return "" if message is None else self.said("client", message)

    def challenged(self, text: str) -> str:
        """The text of a 334."""
        from smtplab.smtp.scram import from_base64  # noqa: PLC0415 (as above)

        message = from_base64(text)
        return "" if message is None else self.said("server", message)

    def said(self, by: Side, message: bytes) -> str:
        """A message, decoded."""
        text = message.decode("utf-8", "backslashreplace")
        shown = _by_server(self._mechanism, text) if by == "server" else self._by_client(text)
        shown = "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in shown)
        return shown[:TEXT_CHARACTERS_MAX]

    def _by_client(self, text: str) -> str:
        turn, self._said = self._said, self._said + 1
        match self._mechanism:
            case "PLAIN":
                return _plain(text)
            case "LOGIN":
                return f"user={text}" if turn == 0 else f"password={MASK}"
            case "CRAM-MD5":
                return f"user={text.rpartition(' ')[0]} digest={MASK}"
            case "XOAUTH2" | "OAUTHBEARER":
                return _token(text)
            case "EXTERNAL":
                return f"identity={text}"
            case name if name.startswith("SCRAM-"):
                return _scram(text)
            case _:
                return MASK


def _by_server(mechanism: str, text: str) -> str:
    # With the salt, the proof and the server's signature alike let a password be guessed at leisure (RFC 5802 9).
    return _scram(text) if mechanism.startswith("SCRAM-") else text


def _plain(text: str) -> str:
    identity, _, rest = text.partition("\0")
    user, zero, _ = rest.partition("\0")
    return f"identity={identity} user={user} password={MASK}" if zero else MASK


def _token(text: str) -> str:
    """All but the token, whatever its scheme."""
    parts = [part for part in text.split("\x01") if part]
    return " ".join(f"auth={_scheme(part)}{MASK}" if part[:5].lower() == "auth=" else part for part in parts)


def _scheme(part: str) -> str:
    scheme, space, _ = part[5:].partition(" ")
    return f"{scheme} " if space else ""


def _scram(text: str) -> str:
    from smtplab.smtp.scram import read_fields  # noqa: PLC0415 (as above)

    bare = text
    if text[:2] in ("n,", "y,", "p="):  # the gs2 header, whose second field may be empty
        bare = text.split(",", 2)[-1]
    if bare and read_fields(bare.encode()) is None:
        return MASK
    header = text[: len(text) - len(bare)]
    return header + ",".join(f"{part[0]}={MASK}" if part[:2] in ("p=", "v=") else part for part in bare.split(","))
