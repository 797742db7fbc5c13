"""What a person is told where a store can't be opened."""

from __future__ import annotations

from smtplab.lab.bad_input import BadInput, NotNow
from smtplab.mta.store.port import Trouble


def bad_store(trouble: Trouble) -> BadInput:
    """NotNow where it may pass."""
    kind = NotNow if trouble.reason == "not-now" else BadInput
    return kind(f"serve.store-{trouble.reason}", place=trouble.detail)
