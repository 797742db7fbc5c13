"""The message that a user of a world writes where the person at the keyboard wrote none, as RFC 5322 has it."""

from __future__ import annotations

from email.header import Header
from email.utils import format_datetime

from smtplab.sim import chance
from smtplab.sim.world import User, World


def compose(world: World, seed: int, sender: User, recipient: str) -> bytes:
    """The world's own letter with CR LF line ends, dated at its start; what must be unique is drawn from the seed."""
    unique = chance.octets(seed, sender.agent, f"message-id/{sender.address}/{recipient}").hex()[:16]
    fields = (
        f"Date: {format_datetime(world.start)}",
        f"From: {_phrase(sender.name)} <{sender.address}>",
        f"To: <{recipient}>",
        f"Message-ID: <{unique}@{sender.agent}>",
        f"Subject: {_phrase(world.letter.subject)}",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
    )
    lines = (*fields, "", *world.letter.body.strip("\n").split("\n"), "")
    return "\r\n".join(lines).encode("utf-8")


def _phrase(text: str) -> str:
    """As it may stand in a header: an encoded word where it is not plain ASCII (RFC 2047)."""
    return text if text.isascii() else Header(text, "utf-8", maxlinelen=998).encode()
