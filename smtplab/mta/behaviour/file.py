"""A behaviour file: how one server is to behave, as data read from TOML, or one line that says why it can't be."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from smtplab.flaws import cannot_read, in_file, misfit, no_utf_8, too_large
from smtplab.mta.behaviour.faults import (
    BareDot,
    Certificate,
    Fault,
    Handshake,
    ServerFault,
    StripStarttls,
    When,
    WrongReply,
    stage_of,
)
from smtplab.mta.behaviour.manner import Manner
from smtplab.mta.behaviour.parts import Part
from smtplab.mta.behaviour.pattern import network_of
from smtplab.mta.behaviour.policy import Greylisting, RateLimit
from smtplab.told import Told, Unfit, tell

FILE_OCTETS_MAX = 1_000_000
"""Some five thousand faults; a larger file is no behaviour but a mistake."""


class BehaviourError(Unfit):
    """A file that can't be used; what is told is the file, what is wrong, and the path of the field."""


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
        raise BehaviourError(cannot_read(path, error)) from error
    if len(data) > FILE_OCTETS_MAX:
        raise BehaviourError(too_large(path, FILE_OCTETS_MAX))
    try:
        return parse_behaviour(data.decode("utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise BehaviourError(no_utf_8(path, error)) from error


def parse_behaviour(text: str, origin: str) -> BehaviourFile:
    """Raises BehaviourError, whose told line begins with `origin`."""
    if len(text) > FILE_OCTETS_MAX:
        raise BehaviourError(too_large(origin, FILE_OCTETS_MAX))
    try:
        found = msgspec.convert(tomllib.loads(text), BehaviourFile)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise BehaviourError(misfit(origin, error)) from error
    for number, fault in enumerate(found.faults):
        for path, flaw in _problems(fault):
            raise BehaviourError(in_file(origin, flaw, f"$.faults[{number}].{path}"))
    return found


def _problems(fault: ServerFault) -> Iterator[tuple[str, Told]]:
    """Of what the types can't say."""
    if fault.where:
        yield "where", tell("behaviour.no-where")
    stage, kind = stage_of(fault), str(fault.__struct_config__.tag)
    if stage == "dns":
        yield "stage", tell("behaviour.no-dns")
    if stage == "connect" and kind not in _OF_CONNECT:
        yield "what", tell("behaviour.not-of-connection", fault=kind)
    yield from own_problems(fault)


def own_problems(fault: Fault) -> Iterator[tuple[str, Told]]:
    """Of those the ones that stand in the fault itself, be it a server's or a world's: the field's path, the flaw."""
    when, stage = fault.when, stage_of(fault)
    if when.client and network_of(when.client) is None:
        yield "when.client", tell("behaviour.no-network", value=when.client)
    if when.until_s is not None and when.until_s <= when.from_s:
        yield "when.until_s", tell("behaviour.never")
    if when.name and stage not in ("dns", None):
        yield "when.name", tell("behaviour.no-name")
    if stage in ("dns", "connect") or isinstance(fault, _ASKED_EARLY):
        for field in _unknown_yet(when):
            yield f"when.{field}", tell("behaviour.client-alone")
    if isinstance(fault, WrongReply) and fault.enhanced and fault.enhanced[0] != str(fault.code)[0]:
        yield "enhanced", tell("behaviour.other-class", code=fault.code)
    if isinstance(fault, WrongReply) and stage in ("auth", "any") and fault.code < 400:
        yield "code", tell("behaviour.lets-in")


_ASKED_EARLY = (Certificate, Handshake, StripStarttls, BareDot)
"""They are done to octets, by those who know nothing of what the octets say."""


def _unknown_yet(when: When) -> Iterator[str]:
    """Conditions that nothing fulfils where the client's address is all that is known."""
    for field in ("helo", "sender", "recipient", "user", "authenticated", "tls"):
        if getattr(when, field):
            yield field


_OF_CONNECT = frozenset({"allow", "refuse", "reset", "drop", "silence", "delay"})
