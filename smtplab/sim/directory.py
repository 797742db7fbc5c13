"""Who is who in the domains of one server of a world: its people, and the addresses that stand for others."""

from __future__ import annotations

from smtplab.mta.lists import MailingList
from smtplab.mta.local import Directory, Nobody, look_up
from smtplab.sim.world import CATCH_ALL, World
from smtplab.wire.address import Mailbox


def directory_of(world: World, domains: frozenset[str]) -> Directory:
    """Of a checked world; `domains` in lower case."""
    aliases = [alias for alias in world.aliases if domain_of(alias.address) in domains]
    return Directory(
        domains=domains,
        users=frozenset(user.address.lower() for domain in domains for user in world.people(domain)),
        aliases={
            alias.address.lower(): tuple(map(mailbox_of, alias.to))
            for alias in aliases
            if not alias.address.startswith(CATCH_ALL)
        },
        catch_all={
            domain_of(alias.address): mailbox_of(alias.to[0])
            for alias in aliases
            if alias.address.startswith(CATCH_ALL)
        },
        lists=tuple(
            MailingList(mailbox_of(one.address), tuple(map(mailbox_of, one.members)), mailbox_of(one.owner))
            for one in world.lists
            if domain_of(one.address) in domains
        ),
        separator="",
    )


class Known:
    """All addresses at which somebody takes mail, each asked for in lower case."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def __contains__(self, address: object) -> bool:
        return not isinstance(look_up(self._directory, mailbox_of(str(address))), Nobody)


def mailbox_of(address: str) -> Mailbox:
    """Of an address that was checked."""
    local, _, domain = address.rpartition("@")
    return Mailbox(local, domain)


def domain_of(address: str) -> str:
    """In lower case."""
    return address.rpartition("@")[2].lower()
