"""Who is who in the domains of one server of a world: its people, and the addresses that stand for others."""

from __future__ import annotations

from smtplab.mta.lists import MailingList
from smtplab.mta.local import Directory, Nobody, look_up
from smtplab.sim.world import CATCH_ALL, Host, World
from smtplab.wire.address import Mailbox


def own_domains(host: Host) -> frozenset[str]:
    """Whose mail ends here."""
    return frozenset(domain.lower() for domain in host.domains) if "mx" in host.roles else frozenset()


def own_literals(host: Host) -> dict[str, str]:
    """Its addresses as they stand behind an @, in lower case, for its first domain: RFC 1123 5.2.17 has a server know
    them."""
    if "mx" not in host.roles:
        return {}
    return {f"[ipv6:{one}]" if ":" in one else f"[{one}]": host.domains[0].lower() for one in host.addresses}


def directory_of(world: World, host: Host) -> Directory:
    """Of a checked world."""
    domains, literals = own_domains(host), own_literals(host)
    aliases = [alias for alias in world.aliases if domain_of(alias.address) in domains]
    return Directory(
        domains=domains | literals.keys(),
        literals=literals,
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
