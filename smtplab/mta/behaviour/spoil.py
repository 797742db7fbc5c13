"""How a reply's octets are spoilt on their way out: garbled, broken off, or let out drop by drop."""

from __future__ import annotations

import random
from collections.abc import Callable

from smtplab.mta.behaviour.faults import BrokenReply, Drip, Fault, Garble

Spoil = Callable[[bytes], tuple[list[bytes], float]]
"""From the octets of a reply to the pieces that leave, and the pause after each in seconds."""


def spoil_of(fault: Fault, chance: random.Random) -> Spoil | None:
    """None for a fault that leaves the octets alone."""
    match fault:
        case Drip(every_s=every_s):
            return lambda data: ([data[at : at + 1] for at in range(len(data))], every_s)
        case Garble():
            return lambda data: ([_garbled(data, chance)], 0.0)
        case BrokenReply(how=how):
            return lambda data: ([_broken(data, how)], 0.0)
        case _:
            return None


def _garbled(data: bytes, chance: random.Random) -> bytes:
    """The code goes first, for noise that spares it changes nothing; the line end stays, or it would be a silence."""
    body = bytearray(data.removesuffix(b"\r\n"))
    for at in {0, 1, 2, *chance.choices(range(len(body)), k=max(1, len(body) // 8))}:
        if at < len(body):
            body[at] = (body[at] ^ chance.randrange(1, 128)) | 0x80
    return bytes(body) + b"\r\n"


def _broken(data: bytes, how: str) -> bytes:
    lines = data.removesuffix(b"\r\n").split(b"\r\n")
    code, text = lines[-1][:3], lines[-1][4:]
    match how:
        case "codes-differ":
            other = b"451" if code[:1] in (b"2", b"3") else b"554"
            return b"%s-%s\r\n%s %s\r\n" % (code, text, other, text)
        case "unfinished":
            return b"%s-%s\r\n" % (code, text)
        case "no-code":
            return text + b"\r\n"
        case _:
            return b"\n".join(lines) + b"\n"
