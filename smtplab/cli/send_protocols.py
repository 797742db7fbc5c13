"""The names that swaks has for a dialect with the TLS and the port that go with it."""

from __future__ import annotations

from typing import Any

SWAKS_PROTOCOLS: dict[str, tuple[str, Any, int]] = {
    "smtp": ("smtp", None, 25),
    "ssmtp": ("esmtp", "implicit", 465),
    "smtps": ("smtp", "implicit", 465),
    "esmtp": ("esmtp", None, 25),
    "esmtps": ("esmtp", "require", 25),
    "lmtp": ("lmtp", None, 24),
    "lmtps": ("lmtp", "require", 24),
}
"""A name: the dialect, the TLS policy that it brings, the port."""
