"""Worlds as a front end offers and changes them: titles, plans, and a world's file with one more fault in it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import dns.exception
import dns.name
import dns.rdata
import dns.rdataset
import dns.rdatatype
import dns.zone
import msgspec

from smtplab.flaws import cannot_read, in_file, misfit, no_utf_8, words
from smtplab.lab.bad_input import BadInput, NotWritten
from smtplab.lab.bad_world import bad_world
from smtplab.mta.behaviour.faults import DnsChange
from smtplab.sim.library import WorldError, bundled_worlds, load_world, parse_world
from smtplab.sim.world import World
from smtplab.told import Told, tell
from smtplab.view.network import Line, Plan, Spot

__all__ = [
    "Change", "Offer", "Source", "bundled_worlds", "named", "offer", "overlay", "own_worlds", "plan_of",
    "plan_of_world", "source_of", "throw_away", "world_text",
]  # fmt: skip

RECORD = "record"
"""The one change that the worlds' files do not know by this name: `text` is a record that takes its fellows' place."""

_OCCASIONS = ("after", "from_s")
"""Keys of a change that stand in a fault's `when`."""
_TTL_S = 300
_NAME_LENGTH_MAX = 80
"""Of an overlay's file, so that a list in 80 columns shows it."""


class Offer(msgspec.Struct, frozen=True):
    """A world in one language."""

    name: str
    """A bundled world's name, or a file's path."""
    title: str
    teaches: str
    sites: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Each network with its hosts."""
    letters: int = 0
    """How many messages are sent in it."""
    faults: tuple[str, ...] = ()
    """Each as `sim show` names it: place, stage and kind."""


class Source(msgspec.Struct, frozen=True):
    """A world as it was read, and where from."""

    name: str
    """A bundled world's name, or a file's path."""
    world: World

    @property
    def is_file(self) -> bool:
        return self.name.endswith(".toml")

    @property
    def title(self) -> str:
        """What a person calls it."""
        return named(self.name)

    def is_as_read(self) -> bool:
        """Nobody has written its file anew since."""
        try:
            return load_world(self.name) == self.world
        except WorldError:
            return False


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """A fault as a person chose it, key for key as `[[faults]]` has it; what they mean says `mta.behaviour.faults`."""

    what: str
    where: str
    stage: str | None = None
    count: int | None = None
    after: int | None = None
    from_s: float | None = None
    """Since the world's start; the moment from which on it can act."""
    seconds: float | None = None
    every_s: float | None = None
    code: int | None = None
    enhanced: str | None = None
    text: str | None = None
    how: str | None = None
    messages: int | None = None


def offer(name: str, language: Literal["en", "vi"]) -> Offer:
    """Read from the file's own words alone; the world is judged when it is played. Raises BadInput."""
    try:
        told = tomllib.loads(world_text(name))
        hosts = [(str(host["name"]), str(host["site"])) for host in told.get("hosts", ())]
        sites = [str(site["name"]) for site in told.get("sites", ())]
        return Offer(
            name,
            told["title"][language],
            told["teaches"][language],
            tuple((site, tuple(host for host, place in hosts if place == site)) for site in sites),
            len(told.get("journeys", ())),
            tuple(_fault_line(fault) for fault in told.get("faults", ())),
        )
    except KeyError as trouble:
        raise _bad(name, tell("flaw.missing", field=str(trouble.args[0]))) from trouble
    except (tomllib.TOMLDecodeError, RecursionError) as trouble:
        raise BadInput("cli.bad-world", reason=misfit(name, trouble)) from trouble
    except (TypeError, AttributeError) as trouble:
        raise _bad(name, tell("world.other-types")) from trouble


def _fault_line(fault: Mapping[str, Any]) -> str:
    place = "/".join(filter(None, (str(fault["where"]), str(fault.get("stage", "")))))
    words = [str(fault[key]) for key in ("code", "enhanced", "how", "seconds", "count") if key in fault]
    return "  ".join([place, str(fault["what"]), *words])


def throw_away(world: str) -> None:
    """A person's own, by its path. Raises BadInput where its file can't be removed."""
    path = Path(world)
    try:
        path.unlink(missing_ok=True)
    except OSError as trouble:
        raise NotWritten(path, trouble) from trouble


def own_worlds(folder: Path) -> tuple[str, ...]:
    """The paths of a person's own, the newest first; changed ones are kept there too."""
    try:
        found = [(path.stat().st_mtime_ns, str(path)) for path in folder.glob("*.toml") if path.is_file()]
    except OSError:
        return ()
    return tuple(path for _, path in sorted(found, reverse=True))


def named(world: str) -> str:
    """What a person calls it: of a file its own name, for in a changed one stands that of the world it came from."""
    return Path(world).stem if world.endswith(".toml") else world


def world_text(name_or_path: str) -> str:
    """The file as it stands. Raises BadInput."""
    try:
        if name_or_path.endswith(".toml"):
            return Path(name_or_path).read_text("utf-8")
        return resources.files("smtplab").joinpath("worlds", f"{name_or_path}.toml").read_text("utf-8")
    except OSError as trouble:
        raise BadInput("cli.bad-world", reason=cannot_read(name_or_path, trouble)) from trouble
    except UnicodeDecodeError as trouble:
        raise BadInput("cli.bad-world", reason=no_utf_8(name_or_path, trouble)) from trouble


def source_of(name_or_path: str) -> Source:
    """Raises BadInput."""
    try:
        return Source(name_or_path, load_world(name_or_path))
    except WorldError as trouble:
        raise bad_world(trouble) from trouble


def plan_of(name_or_path: str) -> Plan:
    """The hosts by their sites, and the links. Raises BadInput."""
    return plan_of_world(source_of(name_or_path).world)


def plan_of_world(world: World) -> Plan:
    """The same of a world that is read already."""
    return Plan(
        world.name,
        tuple(site.name for site in world.sites),
        tuple(Spot(host.name, host.site, host.roles, host.addresses) for host in world.hosts),
        tuple(Line(link.sites, link.latency_ms) for link in world.links),
    )


def overlay(world: str, change: Change, folder: Path) -> Path:
    """Write the world with this change beside it and give the new file, which any command can play.

    Raises BadInput where such a world can't be, and OSError where the file can't be written.
    """
    if change.what == RECORD:
        change = _of_zone(world, change)
    text = _with(world_text(world), f"# Changed by a person, on the way\n\n{_table(change)}")
    try:
        changed = parse_world(text, world)
    except WorldError as trouble:
        raise bad_world(trouble) from trouble
    folder.mkdir(parents=True, exist_ok=True)
    path = _free(folder, "-".join(filter(None, (changed.name, change.what, change.stage, change.where))))
    path.write_text(text, "utf-8")
    return path


def _with(text: str, table: str) -> str:
    """In front of the world's other faults, for of those that fit one moment the first in the file acts; a changed zone
    behind them, for of those the last holds."""
    behind = f"{text.rstrip()}\n\n{table}"
    lines = text.splitlines()
    if '"dns-change"' in table or "[[faults]]" not in lines:
        return behind
    place = lines.index("[[faults]]")
    while place and lines[place - 1].startswith("#"):
        place -= 1
    before = "\n".join([*lines[:place], *table.splitlines(), "", *lines[place:], ""])
    try:
        one, other = tomllib.loads(before), tomllib.loads(behind)
    except (tomllib.TOMLDecodeError, RecursionError):
        return behind
    # What looked like the first fault may have stood within a text, say a zone's or a message's.
    last = other["faults"].pop()
    return before if one == {**other, "faults": [last, *other["faults"]]} else behind


def _of_zone(world: str, change: Change) -> Change:
    """The whole zone in which this record stands in place of all of its name and type; without data they are gone."""
    name, rrtype, data = (*(change.text or "").split(maxsplit=2), "", "", "")[:3]
    try:
        owner = dns.name.from_text(name)
        read = load_world(world)
        zones = {dns.name.from_text(zone.origin): zone for zone in read.zones}
        origin = max((one for one in zones if owner.is_subdomain(one)), key=len, default=None)
        if origin is None:
            raise _bad(change.text, tell("world.no-zone-of", name=name))
        held = _held(read, origin, change.from_s or 0.0)
        zone = dns.zone.from_text(held, origin, relativize=False, check_origin=False)
        if data:
            zone.replace_rdataset(owner, _rdataset(rrtype, data, origin))
        else:
            zone.delete_rdataset(owner, rrtype)
    except WorldError as trouble:
        raise bad_world(trouble) from trouble
    except dns.rdatatype.UnknownRdatatype as trouble:
        raise _bad(change.text, tell("world.no-such-type", rrtype=rrtype)) from trouble
    except (dns.exception.DNSException, ValueError) as trouble:
        raise _bad(change.text, words(trouble)) from trouble
    text = zone.to_text(relativize=False)
    return Change("dns-change", zones[origin].origin, text=text, from_s=change.from_s)


def _held(world: World, origin: dns.name.Name, at_s: float) -> str:
    """What the zone holds at that time: what was changed in it before stays so."""
    held, since_s = next(zone.text for zone in world.zones if dns.name.from_text(zone.origin) == origin), 0.0
    changes = (fault for fault in world.faults if isinstance(fault, DnsChange))
    for change in changes:
        if dns.name.from_text(change.where) == origin and since_s <= change.when.from_s <= at_s:
            held, since_s = change.text, change.when.from_s
    return held


def _bad(what: str | None, flaw: Told) -> BadInput:
    return BadInput("cli.bad-world", reason=in_file(what, flaw) if what else flaw)


def _rdataset(rrtype: str, data: str, origin: dns.name.Name) -> dns.rdataset.Rdataset:
    rdata = dns.rdata.from_text("IN", rrtype, data, origin=origin, relativize=False)
    return dns.rdataset.from_rdata(_TTL_S, rdata)


def _table(change: Change) -> str:
    chosen = {key: value for key, value in msgspec.structs.asdict(change).items() if value is not None}
    when = [f"{key} = {_toml(chosen.pop(key))}" for key in _OCCASIONS if key in chosen]
    lines = [f"{key} = {_toml(value)}" for key, value in chosen.items()]
    if when:
        lines.append(f"when = {{ {', '.join(when)} }}")
    return "\n".join(["[[faults]]", *lines, ""])


def _toml(value: str | float) -> str:
    # TOML's basic strings are JSON's, but for the code points beyond ASCII, which both may hold as they are.
    return msgspec.json.encode(value).decode() if isinstance(value, str) else repr(value)


def _free(folder: Path, wanted: str) -> Path:
    stem = re.sub(r"[^\w.@+-]", "_", wanted)[:_NAME_LENGTH_MAX].strip(".")
    path, number = folder / f"{stem}.toml", 2
    while path.exists():
        path, number = folder / f"{stem}-{number}.toml", number + 1
    return path
