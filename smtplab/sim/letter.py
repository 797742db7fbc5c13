"""The message that a user of a world writes where the person at the keyboard wrote none, as RFC 5322 has it."""

from __future__ import annotations

import datetime as dt
import functools
from email.header import Header
from email.utils import format_datetime

import msgspec

from smtplab.sim import chance
from smtplab.sim.world import Letter, Travellers, Trip, User, World

LINE = "This line fills the message up to its size, as an attachment would. " + "=" * 9 + "\r\n"


def compose(world: World, seed: int, sender: User, recipient: str) -> bytes:
    """The world's own letter with CR LF line ends, dated at its start; what must be unique is drawn from the seed."""
    return _letter(world, seed, _Heading(sender.address, sender.name, recipient, sender.agent, "", world.start))


def write(world: World, seed: int, trip: Trip, people: Travellers, number: int) -> bytes:
    """A trip's message: its own text, or the letter, filled up to its size."""
    if trip.text:
        # TOML's own LF ends a line; a written-out one stays alone, for it is what the trip is about.
        return trip.text.replace("\n", "\r\n").replace("\\n", "\n").encode()
    name = people.user.name if people.user else ""
    written = world.start + dt.timedelta(seconds=trip.at_s)
    heading = _Heading(trip.sender, name, ">, <".join(trip.recipients), people.agent.name, f"/{number}", written)
    letter = _letter(world, seed, heading)
    missing = (trip.size_octets or 0) - len(letter)
    if missing <= 0:
        return letter
    filling = (LINE * (missing // len(LINE) + 1)).encode()
    return letter + filling[len(filling) - missing :] if missing > 2 else letter


class _Heading(msgspec.Struct, frozen=True):
    sender: str
    name: str
    recipients: str
    agent: str
    which: str
    date: dt.datetime


def _letter(world: World, seed: int, heading: _Heading) -> bytes:
    purpose = f"message-id/{heading.sender}/{heading.recipients}{heading.which}"
    unique = chance.octets(seed, heading.agent, purpose).hex()[:16]
    fields = (
        f"Date: {_date(heading.date)}",
        f"From: {_phrase(heading.name)} <{heading.sender}>",
        f"To: <{heading.recipients}>",
        f"Message-ID: <{unique}@{heading.agent}>",
        _rest(world.letter),
    )
    return "\r\n".join(fields).encode("utf-8")


# A world has one letter.
@functools.lru_cache(maxsize=16)
def _rest(letter: Letter) -> str:
    """From the subject to the end of the body."""
    fields = (
        f"Subject: {_phrase(letter.subject)}",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
    )
    return "\r\n".join((*fields, "", *letter.body.strip("\n").split("\n"), ""))


# What is sent side by side is of one moment.
@functools.lru_cache(maxsize=16)
def _date(start: dt.datetime) -> str:
    return format_datetime(start)


def _phrase(text: str) -> str:
    """As it may stand in a header: an encoded word where it is not plain ASCII (RFC 2047)."""
    return text if text.isascii() else Header(text, "utf-8", maxlinelen=998).encode()
