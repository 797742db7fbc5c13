"""APOP (RFC 1939 7): the timestamp of a greeting, and the digest that proves a password without telling it."""

from __future__ import annotations

import hashlib
import re

# timestamp = "<" local-part "@" domain ">", a msg-id of RFC 822       ; RFC 1939 7
_TIMESTAMP = re.compile(r"<[!-;=?-~]+@[!-;=?-~]+>")


def find_timestamp(greeting: str) -> str:
    """With its angle brackets, for the digest takes them in; empty where the server does not offer APOP."""
    found = _TIMESTAMP.search(greeting)
    return found[0] if found else ""


def apop_digest(timestamp: str, password: str) -> str:
    """In lower-case hex."""
    return hashlib.md5((timestamp + password).encode(), usedforsecurity=False).hexdigest()
