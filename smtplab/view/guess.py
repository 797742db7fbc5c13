"""Guesses which well-known domain a mistyped one was meant to be; it asks nobody."""

from __future__ import annotations

_WELL_KNOWN = (
    "gmail.com",
    "googlemail.com",
    "outlook.com",
    "hotmail.com",
    "live.com",
    "yahoo.com",
    "yahoo.com.vn",
    "icloud.com",
    "proton.me",
    "gmx.de",
    "hust.example",
    "neu.example",
)


def likely_domain(domain: str) -> str | None:
    """A well-known domain one slip of the keyboard away: a letter too many, too few, wrong, or two swapped."""
    domain = domain.lower()
    return next((known for known in _WELL_KNOWN if known != domain and _one_slip(domain, known)), None)


def _one_slip(typed: str, meant: str) -> bool:
    if abs(len(typed) - len(meant)) > 1:
        return False
    start = next((at for at, (one, other) in enumerate(zip(typed, meant, strict=False)) if one != other), None)
    if start is None:
        return True
    one, other = typed[start:], meant[start:]
    swapped = len(one) > 1 and one[1] + one[0] + one[2:] == other
    return one[1:] == other[1:] or one[1:] == other or one == other[1:] or swapped
