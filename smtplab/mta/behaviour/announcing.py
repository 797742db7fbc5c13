"""Answers to EHLO that do not say what is so."""

from __future__ import annotations

import msgspec

from smtplab.mta.behaviour.faults import Announce
from smtplab.wire.reply import Reply


def announced_as(reply: Reply, fault: Announce) -> Reply:
    """Without what is hidden, and with what is added; a keyword that is there already gets the added one's place."""
    greeting, *lines = reply.lines
    unwanted = {keyword.upper() for keyword in fault.hide} | {_keyword(line) for line in fault.add}
    announced = {_keyword(line) for line in (*lines, *fault.add)}
    # What is to be refused has to be announced first.
    missing = [keyword for keyword in fault.dishonour if keyword.upper() not in announced]
    kept = [line for line in lines if _keyword(line) not in unwanted]
    return msgspec.structs.replace(reply, lines=(greeting, *kept, *fault.add, *missing))


def with_size(reply: Reply, octets: int) -> Reply:
    """Another SIZE than the true one (RFC 1870 4)."""
    return announced_as(reply, Announce(add=(f"SIZE {octets}",)))


def _keyword(line: str) -> str:
    return line.partition(" ")[0].upper()
