"""What a person may make go wrong at a host, and how the form's words become a change of the world's file."""

from __future__ import annotations

import re
from typing import Final

from smtplab.lab.worlds import Change
from smtplab.sim.world import RELAYS
from smtplab.view.network import Spot

SERVERS: Final = RELAYS | {"submission"}
"""The roles that answer SMTP."""
STAGES: Final = ("connect", "greeting", "ehlo", "tls", "auth", "mail", "rcpt", "data", "content", "quit")
AT_A_STAGE: Final = ("reply", "refuse", "reset", "silence", "delay", "drip", "garble", "broken-reply")
BY_ITSELF: Final = ("shutdown", "disk-full", "certificate")
AT_A_RESOLVER: Final = ("record", "servfail", "refuse", "silence", "delay")
_CONNECTING: Final = frozenset({"refuse", "reset", "silence", "delay"})
"""Before the greeting there is no reply to be changed."""

DETAIL: Final = {
    "reply": "451 4.7.1 Try again later",
    "delay": "60",
    "drip": "1",
    "shutdown": "1",
    "record": "",
}
"""What the detail's field holds at first; faults that are not here have none."""
WAYS: Final = {
    "certificate": ("expired", "wrong-name", "self-signed"),
    "broken-reply": ("codes-differ", "unfinished", "no-code", "bare-lf"),
}
"""Faults that come in several ways, by the names that the world's file has for them."""

_REPLY: Final = re.compile(r"([2-5]\d\d)(?:[ -]([245]\.\d{1,3}\.\d{1,3}))?(?: (.*))?")


def kinds(spot: Spot) -> tuple[str, ...]:
    """The faults that can befall such a host; none where it answers nobody."""
    if SERVERS & {*spot.roles}:
        return (*AT_A_STAGE, *BY_ITSELF)
    if "resolver" in spot.roles:
        return AT_A_RESOLVER
    # A blocklist is a zone, which the name server answers for.
    return ("record",) if "dnsbl" in spot.roles else ()


def stages(spot: Spot, what: str) -> tuple[str, ...]:
    """Where such a fault can act; none where it has its own place."""
    if what in (*BY_ITSELF, "servfail", "record"):
        return ()
    if not SERVERS & {*spot.roles}:
        return ("dns",)
    return STAGES if what in _CONNECTING else STAGES[1:]


def change(
    what: str, where: str, stage: str | None, count: str, detail: str, from_s: float | None = None
) -> Change | None:
    """`detail` is one of the `WAYS` where the fault has some. None where a number is none, a reply has no code or a
    record no type; all else the world's own check judges."""
    try:
        times = int(count) if count.strip() else None
        facts = _facts(what, detail.strip())
    except ValueError:
        return None
    return None if facts is None else Change(what, where, stage=stage, count=times, from_s=from_s, **facts)  # type: ignore[arg-type]


def is_count(count: str) -> bool:
    """A whole number, or nothing."""
    try:
        int(count.strip() or 0)
    except ValueError:
        return False
    return True


def _facts(what: str, detail: str) -> dict[str, object] | None:
    """The keys that belong to this fault alone. Raises ValueError."""
    match what:
        case "delay":
            return {"seconds": float(detail)}
        case "drip":
            return {"every_s": float(detail)}
        case "shutdown":
            return {"messages": int(detail)}
        case "certificate" | "broken-reply":
            return {"how": detail}
        case "record":
            return {"text": detail} if len(detail.split(maxsplit=2)) > 1 else None
        case "reply":
            found = _REPLY.fullmatch(detail)
            if found is None:
                return None
            facts: dict[str, object] = {"code": int(found[1])}
            facts |= {"enhanced": found[2]} if found[2] else {}
            return facts | ({"text": found[3]} if found[3] else {})
        case _:
            return {}
