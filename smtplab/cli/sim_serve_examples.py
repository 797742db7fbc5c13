"""Commands for a shell with which a served world is tried: the first of its journeys, made with other programs."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from smtplab.lab.world_serving import Standing
from smtplab.net.names import a_label_name
from smtplab.sim.places import SHARED
from smtplab.sim.serve import Open
from smtplab.sim.world import Travellers, Trip, User, World, travellers

Places = Mapping[tuple[str, str], Open]
"""By node and protocol."""


def examples(standing: Standing) -> Iterator[str]:
    """They are the same in every language; none where the world has nobody who writes, or no server for them."""
    world = standing.world
    places: Places = {(one.node, one.protocol): one for one in reversed(standing.opened)}
    trip = _trip(world)
    if trip is None:
        return
    recipient = trip.recipients[0]
    names = next((one for one in standing.opened if one.protocol == "dns"), None)
    if names is not None:
        domain = a_label_name(recipient.rpartition("@")[2]) or "."
        yield shlex.join(("dig", f"@{names.host}", "-p", str(names.port), domain, "MX"))
    people = travellers(world, trip)
    if (command := _sending(world, people, trip, places)) is not None:
        yield shlex.join(command)
    for reader in (_user(world, recipient), people.user):
        if reader is not None and (mailbox := _mailbox(world, reader, places)) is not None:
            yield shlex.join(("curl", "-u", f"{reader.address}:{reader.password}", f"pop3://{_shown(mailbox)}/"))
            return


def _trip(world: World) -> Trip | None:
    """One that any program can make, else one from the first who writes to the last who reads."""
    for trip in world.journeys:
        if not (trip.source_route or trip.text or trip.size_octets):
            return trip
    writer = next((user for user in world.users if user.agent), None)
    if writer is None:
        return None
    reader = next((user for user in reversed(world.users) if user.state == "active"), writer)
    return Trip(writer.address, (reader.address,))


def _sending(world: World, people: Travellers, trip: Trip, places: Places) -> list[str] | None:
    server = people.agent.submits_to
    if (entry := places.get((server, "submission"))) is not None and people.user is not None:
        return _submitting(entry, people.user, trip, tls=world.host(server).offers_tls)
    if (entry := places.get((server, "smtp"))) is None:
        return None
    # It is taken for the world's own program at that program's address, where it may have one.
    source = ["-li", people.agent.addresses[0]] if entry.host != SHARED else []
    return ["swaks", "-s", _shown(entry), *source, "-f", trip.sender or "<>", "-t", trip.recipients[0]]


def _submitting(entry: Open, user: User, trip: Trip, *, tls: bool) -> list[str]:
    recipient, login = trip.recipients[0], (user.address, user.password)
    if (trip.sender + recipient).isascii():
        login_first = [*(["-tls"] if tls else []), "-au", login[0], "-ap", login[1]]
        return ["swaks", "-s", _shown(entry), *login_first, "-f", trip.sender or "<>", "-t", recipient]
    # swaks knows no SMTPUTF8.
    login_first = [*(["-k", "--ssl-reqd"] if tls else []), "-u", ":".join(login)]
    envelope = ["--mail-from", trip.sender, "--mail-rcpt", recipient]
    return ["curl", *login_first, *envelope, "-F", "=Hello", f"smtp://{_shown(entry)}"]


def _user(world: World, address: str) -> User | None:
    return next((one for one in world.people(address.rpartition("@")[2]) if one.address == address), None)


def _mailbox(world: World, reader: User, places: Places) -> Open | None:
    """Where this person's mail is handed out."""
    domain = reader.address.rpartition("@")[2]
    hosts = [host for host in world.hosts if domain in host.domains] if reader.password else []
    return next((places[host.name, "pop3"] for host in hosts if (host.name, "pop3") in places), None)


def _shown(place: Open) -> str:
    return f"{place.host}:{place.port}"
