"""A world as lines to read: its map, hosts, names, people, and what is to happen in it."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator

import msgspec

from smtplab.mta.behaviour.faults import DnsChange, Fault, name_of, stage_of
from smtplab.sim.expect import Expectation, Pattern, Verdict
from smtplab.sim.world import Host, Link, MailList, Trip, User, World
from smtplab.view.texts import Texts

WIDTH_MAX = 100


class PageLine(msgspec.Struct, frozen=True):
    text: str
    heading: bool = False


def page(world: World, texts: Texts) -> Iterator[PageLine]:
    """Top to bottom; sections that would be empty are left out."""
    yield PageLine(f"{world.name}: {getattr(world.title, texts.language)}", heading=True)
    width = min(WIDTH_MAX, shutil.get_terminal_size((WIDTH_MAX, 24)).columns)
    for line in textwrap.wrap(getattr(world.teaches, texts.language), width):
        yield PageLine(line)
    yield PageLine(start_line(world, texts))
    for heading, lines in sections(world, texts).items():
        yield PageLine("")
        yield PageLine(heading, heading=True)
        for line in lines:
            yield PageLine(f"  {line}")


def start_line(world: World, texts: Texts) -> str:
    """When its clock starts, and the seed of its chance."""
    return texts("sim.page.start", start=f"{world.start:%Y-%m-%d %H:%M %Z}", seed=str(world.seed))


def sections(world: World, texts: Texts) -> dict[str, list[str]]:
    """The lines under each heading."""
    found = {
        "sim.page.map": _map(world, texts),
        "sim.page.zones": _zones(world),
        "sim.page.users": [_user(user, texts) for user in world.users],
        "sim.page.aliases": [f"{alias.address} -> {', '.join(alias.to)}" for alias in world.aliases],
        "sim.page.lists": [_list(one, texts) for one in world.lists],
        "sim.page.journeys": [_trip(trip, texts) for trip in world.journeys],
        "sim.page.faults": [_fault(fault) for fault in world.faults],
        "sim.page.expectations": [expectation_line(one, texts) for one in world.expectations],
    }
    return {texts(heading): lines for heading, lines in found.items() if lines}


def expectation_line(expectation: Expectation, texts: Texts) -> str:
    """`delivered (mailbox = student@neu.example): exactly 1`."""
    counts = {"exactly": expectation.count, "at-least": expectation.min, "at-most": expectation.max}
    said = [texts(f"sim.expect.{word}", number=number) for word, number in counts.items() if number is not None]
    said = said or [texts("sim.expect.at-least", number=1)]
    orders = {"before": expectation.before, "after": expectation.after}
    said += [texts(f"sim.expect.{word}", what=_pattern(other)) for word, other in orders.items() if other is not None]
    return f"{_pattern(expectation)}: {', '.join(said)}"


def verdict_line(verdict: Verdict, texts: Texts) -> str:
    """`pass: delivered (...): exactly 1; seen 1`."""
    what = expectation_line(verdict.expectation, texts)
    if not verdict.settled:
        return texts("sim.verdict.unsettled", what=what, seen=verdict.seen)
    if verdict.held:
        return texts("sim.verdict.pass", what=what, seen=verdict.seen)
    return texts("sim.verdict.fail", what=what, seen=verdict.seen)


def _pattern(pattern: Pattern) -> str:
    where = ", ".join(f"{field} = {_written(value)}" for field, value in pattern.where.items())
    return f"{pattern.event} ({where})" if where else pattern.event


# The map


def _map(world: World, texts: Texts) -> list[str]:
    """Each site with its hosts, then its lines to other sites, each line once."""
    lines = []
    told: set[int] = set()
    for site in world.sites:
        lines.append(f"[{site.name}]  {texts.duration(site.latency_ms / 1000)}")
        lines += [line for host in world.hosts if host.site == site.name for line in _host(host, texts)]
        for number, link in enumerate(world.links):
            if site.name in link.sites and number not in told:
                told.add(number)
                lines.append(f"  +== {_link(link, site.name, texts)}")
    return lines


def _host(host: Host, texts: Texts) -> list[str]:
    roles = ", ".join(host.roles)
    lines = [f"  |- {host.name}  {', '.join(host.addresses)}  ({roles})"]
    notes = {
        "sim.page.domains": ", ".join(host.domains),
        "sim.page.submits-to": host.submits_to,
        "sim.page.relays-to": host.relays_to,
        "sim.page.accepts-from": ", ".join(host.accepts_from),
        "sim.page.manner": host.software.manner if host.software.manner != "plain" else "",
        "sim.page.size": texts.octets(host.software.size_octets_max) if host.software.size_octets_max else "",
        "sim.page.blocklists": ", ".join(host.blocklists),
        "sim.page.tls": host.tls if host.tls != "may" else "",
    }
    said = [texts(text, what=what) for text, what in notes.items() if what]
    if host.open_relay:
        said.append(texts("sim.page.open-relay"))
    if host.greylisting is not None:
        said.append(texts("sim.page.greylisting", delay=texts.duration(host.greylisting.delay_s)))
    if host.rate_limit is not None:
        limit, per = host.rate_limit.messages, texts.duration(host.rate_limit.per_s)
        said.append(texts("sim.page.rate-limit", count=limit, per=per))
    if not host.offers_tls:
        said.append(texts("sim.page.no-tls"))
    if host.software.dialect == "smtp":
        said.append(texts("sim.page.rfc821"))
    return [*lines, *(f"  |    {note}" for note in said)]


def _link(link: Link, site: str, texts: Texts) -> str:
    other = link.sites[1] if link.sites[0] == site else link.sites[0]
    said = [texts.duration(link.latency_ms / 1000)]
    if link.bits_per_s is not None:
        said.append(f"{texts.number(link.bits_per_s)} bit/s")
    if link.loss:
        said.append(texts("sim.page.loss", percent=texts.number(link.loss * 100, 1)))
    name = f" ({link.name})" if link.name else ""
    return f"[{other}]  {', '.join(said)}{name}"


# Names and people


def _zones(world: World) -> list[str]:
    lines = []
    for zone in world.zones:
        lines.append(zone.origin)
        lines += [f"  {line}" for line in zone.text.strip("\n").split("\n")]
    return lines


def _user(user: User, texts: Texts) -> str:
    said = [user.address, user.name]
    if user.password:
        said.append(texts("sim.page.password", password=user.password))
    if user.agent:
        said.append(texts("sim.page.writes-at", host=user.agent))
    if user.state != "active":
        said.append(texts("sim.page.full") if user.state == "full" else texts("sim.page.suspended"))
    return ", ".join(said)


def _list(one: MailList, texts: Texts) -> str:
    return f"{one.address} -> {', '.join(one.members)}  ({texts('sim.page.owner', who=one.owner)})"


# What happens


def _trip(trip: Trip, texts: Texts) -> str:
    begins = texts.duration(trip.at_s) if trip.at_s else "0"
    return f"+{begins}  <{trip.sender}> -> {', '.join(trip.recipients)}"


def _fault(fault: Fault) -> str:
    """As the file has it: the fault's own words are ids."""
    stage = stage_of(fault)
    place = f"{fault.where}/{stage}" if stage else fault.where
    values = {**msgspec.to_builtins(fault), **msgspec.to_builtins(fault.when)}
    own = {key: value for key, value in values.items() if key not in ("what", "where", "when", "stage")}
    if isinstance(fault, DnsChange):
        del own["text"]
    said = ", ".join(f"{key} = {_written(value)}" for key, value in own.items())
    return f"{place}  {name_of(fault)}" + (f"  ({said})" if said else "")


def _written(value: object) -> str:
    """As TOML has it; a text alone needs no marks."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
