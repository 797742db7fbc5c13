"""A behaviour file: how one server is to behave, as data read from TOML, or one line that says why it can't be."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from smtplab.mta.behaviour.faults import ServerFault, WrongReply, stage_of
from smtplab.mta.behaviour.manner import Manner
from smtplab.mta.behaviour.parts import Part
from smtplab.mta.behaviour.pattern import network_of
from smtplab.mta.behaviour.policy import Greylisting, RateLimit

FILE_OCTETS_MAX = 1_000_000
"""Some five thousand faults; a larger file is no behaviour but a mistake."""


class BehaviourError(Exception):
    """A file that can't be used; the message is one line: the file, what is wrong, and the path of the field."""


class BehaviourFile(Part, frozen=True):
    seed: int = 1
    """Of all that is left to chance."""
    manner: Manner = "plain"
    """Whose words, pauses and order of checks it has."""
    greylisting: Greylisting | None = None
    rate_limit: RateLimit | None = None
    blocklists: tuple[str, ...] = ()
    """The zones of the DNSBLs that it asks about its clients (RFC 5782)."""
    faults: tuple[ServerFault, ...] = ()


def read_behaviour(path: Path) -> BehaviourFile:
    """Raises BehaviourError."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_OCTETS_MAX + 1)
    except OSError as error:
        raise BehaviourError(f"{path}: {error.strerror or error}") from error
    try:
        return parse_behaviour(data.decode("utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise BehaviourError(f"{path}: not UTF-8 at octet {error.start}") from error


def parse_behaviour(text: str, origin: str) -> BehaviourFile:
    """Raises BehaviourError, whose message begins with `origin`."""
    if len(text) > FILE_OCTETS_MAX:
        raise BehaviourError(f"{origin}: larger than {FILE_OCTETS_MAX} octets")
    try:
        found = msgspec.convert(tomllib.loads(text), BehaviourFile)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise BehaviourError(f"{origin}: {' '.join(str(error).split())}") from error
    for number, fault in enumerate(found.faults):
        for path, problem in _problems(fault):
            raise BehaviourError(f"{origin}: {problem} - at `$.faults[{number}].{path}`")
    return found


def _problems(fault: ServerFault) -> Iterator[tuple[str, str]]:
    """Of what the types can't say."""
    when = fault.when
    if fault.where:
        yield "where", "a behaviour file is of one server, which has no other name"
    if when.name:
        yield "when.name", "no names are looked up by those who come here"
    if when.client and network_of(when.client) is None:
        yield "when.client", f"neither an address nor a network: {when.client!r}"
    stage = stage_of(fault)
    if stage == "dns":
        yield "stage", "nobody asks this server for names"
    if stage == "connect" and fault.__struct_config__.tag not in _OF_CONNECT:
        yield "what", f"no such fault of a connection: {fault.__struct_config__.tag}"
    if isinstance(fault, WrongReply) and fault.enhanced and fault.enhanced[0] != str(fault.code)[0]:
        yield "enhanced", f"of another class than {fault.code} (RFC 2034 4)"
    if isinstance(fault, WrongReply) and stage in ("auth", "any") and fault.code < 400:
        yield "code", "nobody is let in by a fault: 400 to 599"


_OF_CONNECT = frozenset({"allow", "refuse", "reset", "drop", "silence", "delay"})
