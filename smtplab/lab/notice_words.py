"""In which languages a server's notices to senders speak."""

from __future__ import annotations

from smtplab.mta.wording import Words
from smtplab.view.texts import LANGUAGES, Texts


def notice_words(first: str) -> tuple[Words, ...]:
    """All of them, for nobody knows a sender's; the first gives the subject."""
    return tuple(Texts(language) for language in sorted(LANGUAGES, key=lambda one: one != first))
