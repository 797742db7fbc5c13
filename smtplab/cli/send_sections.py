"""The names of the sections of `smtplab send --dump`."""

from __future__ import annotations

SECTIONS = ("TRANSPORT", "PROTOCOL", "XCLIENT", "PROXY", "TLS", "AUTH", "DATA")
ALL = "ALL"


def named_sections(word: str) -> bool:
    """Is the word a list of them?"""
    return all(one.strip().upper() in (*SECTIONS, ALL) for one in word.split(","))
