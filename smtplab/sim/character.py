"""What the servers of a world answer and where they send: the world's words turned into the engine's rules."""

from __future__ import annotations

from smtplab.mta.options import Routing, SessionOptions
from smtplab.mta.rules import Caller, Rules
from smtplab.net.ports import ServerTls, Trust
from smtplab.sim.world import Host, User, World
from smtplab.smtp.sasl import Secret
from smtplab.smtp.server import Limits
from smtplab.wire.command import Command, Rcpt
from smtplab.wire.reply import Reply, make_reply

SMTP_PORT = 25
SUBMISSION_PORT = 587
"""RFC 6409 3.1."""


_ROLES_OF_RELAYING = frozenset({"relay", "mx", "backup-mx"})


def takes_mail(host: Host) -> bool:
    """Is there a server on it?"""
    return "submission" in host.roles or not _ROLES_OF_RELAYING.isdisjoint(host.roles)


def rules_by_port(world: World, host: Host, tls: ServerTls) -> dict[int, Rules]:
    """What a host answers at each of its ports; none for a host that takes no mail."""
    rules = {}
    if "submission" in host.roles:
        rules[SUBMISSION_PORT] = _submission_rules(world, host, tls)
    if not _ROLES_OF_RELAYING.isdisjoint(host.roles):
        rules[SMTP_PORT] = _relay_rules(world, host, tls)
    return rules


def sending_options(host: Host, trust: Trust) -> SessionOptions:
    """Between servers TLS is used where it is offered, and the certificate is looked at without a consequence."""
    return SessionOptions(helo=host.name, tls="may", trust=trust)


def routing(host: Host) -> Routing:
    """To the host's own relay, else to the MX of the recipient's domain."""
    ourselves = frozenset({host.name, *host.addresses})
    return Routing(server=host.relays_to or None, source="relay", ourselves=ourselves)


def _submission_rules(world: World, host: Host, tls: ServerTls) -> Rules:
    agents = {other.name for other in world.hosts if other.submits_to == host.name}
    return Rules(
        hostname=host.name,
        banner=host.software.banner,
        extensions=(*host.software.extensions, "AUTH"),
        tls=tls,
        users={user.address: Secret(user.password) for user in world.users if user.agent in agents},
        submission=True,
        local_domains=frozenset(),
        limits=_limits(host),
        reply_delay_s=host.software.reply_ms / 1000,
    )


def _relay_rules(world: World, host: Host, tls: ServerTls) -> Rules:
    own = frozenset(host.domains if "mx" in host.roles else ())
    people = {user.address.lower(): user for user in world.users if user.address.rpartition("@")[2] in own}
    return Rules(
        hostname=host.name,
        banner=host.software.banner,
        extensions=host.software.extensions,
        tls=tls,
        local_domains=own,
        local_users=frozenset(people),
        relay_domains=frozenset(host.domains if "backup-mx" in host.roles else ()),
        trusted=tuple(address for name in host.accepts_from for address in world.host(name).addresses),
        limits=_limits(host),
        reply_delay_s=host.software.reply_ms / 1000,
        hooks={"RCPT": _Mailboxes(people).answer},
    )


def _limits(host: Host) -> Limits:
    return Limits(message_octets=host.software.size_octets_max, recipients=host.software.recipients_max)


class _Mailboxes:
    """Answers for the mailboxes that exist and yet take nothing now."""

    def __init__(self, people: dict[str, User]) -> None:
        self._people = people

    def answer(self, command: Command, caller: Caller) -> Reply | None:
        """RFC 3463 3.3: X.2.2 is a full mailbox, X.2.1 a disabled one. None where the ordinary rules hold."""
        del caller
        if not isinstance(command, Rcpt):
            return None
        user = self._people.get(str(command.forward_path).lower())
        match user.state if user else "active":
            case "active":
                return None
            case "full":
                return make_reply(452, "Mailbox full", enhanced="4.2.2")
            case "suspended":
                return make_reply(550, "Mailbox disabled", enhanced="5.2.1")
