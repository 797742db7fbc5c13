"""Says what was said in one session once more, to another server; whatever it answers, it is spoken to on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from smtplab.lab.conversation import Conversation
from smtplab.lab.script import Step
from smtplab.lab.seat import Way
from smtplab.smtp.sasl import Secret

HEAR_S_MAX = 30.0
"""For each reply. Whoever compares two servers sits before the screen."""


def replay(steps: Sequence[Step], passwords: Mapping[str, Secret], way: Way) -> Conversation:
    """A feed that has not been run; it ends with QUIT where the session did not."""
    conversation = Conversation(way)
    conversation.passwords.update(passwords)
    conversation.looks_on = False
    conversation.ask(*(Step(0, "expect", code="any") if step.word == "expect" else step for step in steps))
    conversation.leave()
    return conversation
