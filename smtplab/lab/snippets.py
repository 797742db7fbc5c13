"""Whole passages of SMTP to be said at once: a letter, a pipelined group, and what should not be said."""

from __future__ import annotations

from typing import Literal

import msgspec

from smtplab.lab.script import ScriptFault, Step, parse_script

Kind = Literal["good", "rude"]


class Snippet(msgspec.Struct, frozen=True):
    name: str
    """The catalogues hold its title and what it shows under `snippet.NAME`."""
    kind: Kind
    """`rude` breaks a rule on purpose."""
    script: str
    """With `{helo}`, `{sender}` and `{recipient}`."""

    def written_for(self, helo: str, sender: str, recipient: str) -> str:
        """The script with its blanks filled."""
        filled = self.script.replace("{helo}", helo).replace("{sender}", sender)
        return filled.replace("{recipient}", recipient)

    def steps(self, helo: str, sender: str, recipient: str) -> tuple[Step, ...]:
        """To be done one after the other; each `expect` waits."""
        found = parse_script(self.written_for(helo, sender, recipient))
        assert not isinstance(found, ScriptFault), found
        return tuple(msgspec.structs.replace(step, line=0) for step in found)


_ENVELOPE = """\
send MAIL FROM:<{sender}>
expect any
send RCPT TO:<{recipient}>
expect any
"""

_LETTER = """\
send From: {sender}
send To: {recipient}
send Subject: Typed by hand
send
send Hello.
send .
expect any
"""

SNIPPETS = (
    Snippet(
        "letter",
        "good",
        f"send EHLO {{helo}}\nexpect any\n{_ENVELOPE}send DATA\nexpect any\n{_LETTER}send QUIT\nexpect any\n",
    ),
    Snippet("envelope", "good", f"{_ENVELOPE}send RSET\nexpect any\n"),
    Snippet(
        "pipelined",
        "good",
        "raw MAIL FROM:<{sender}>\\r\\nRCPT TO:<{recipient}>\\r\\nRCPT TO:<postmaster>\\r\\nRSET\\r\\n\n"
        "expect any\nexpect any\nexpect any\nexpect any\n",
    ),
    Snippet(
        "chunks",
        "good",
        f"{_ENVELOPE}raw BDAT 27\\r\\nSubject: Two chunks\\r\\n\\r\\nHi\\r\\n\nexpect any\n"
        "raw BDAT 7 LAST\\r\\nthere\\r\\n\nexpect any\n",
    ),
    Snippet(
        "bounce",
        "good",
        "send MAIL FROM:<>\nexpect any\nsend RCPT TO:<{recipient}>\nexpect any\nsend RSET\nexpect any\n",
    ),
    Snippet(
        "relay",
        "rude",
        "send MAIL FROM:<{sender}>\nexpect any\nsend RCPT TO:<someone@elsewhere.invalid>\nexpect any\n"
        "send RSET\nexpect any\n",
    ),
    Snippet("order", "rude", "send RCPT TO:<{recipient}>\nexpect any\nsend DATA\nexpect any\n"),
    Snippet("bare-lf", "rude", "raw NOOP\\n\nexpect any\n"),
    Snippet("nul", "rude", "raw NOOP\\0\\r\\n\nexpect any\n"),
    Snippet("long-line", "rude", f"send NOOP {'x' * 4000}\nexpect any\n"),
    Snippet(
        "smuggling",
        "rude",
        f"{_ENVELOPE}send DATA\nexpect any\n"
        "raw Subject: One letter, or two?\\r\\n\\r\\nfirst\\n.\\r\\n"
        "MAIL FROM:<{sender}>\\r\\nRCPT TO:<{recipient}>\\r\\nDATA\\r\\n"
        "Subject: smuggled\\r\\n\\r\\nsecond\\r\\n.\\r\\n\n"
        "expect any\n",
    ),
    Snippet("early-tls", "rude", "raw STARTTLS\\r\\nNOOP\\r\\n\nexpect any\n"),
    Snippet("unknown", "rude", "send XYZZY\nexpect any\n"),
)


def snippet(name: str) -> Snippet | None:
    return next((one for one in SNIPPETS if one.name == name), None)
