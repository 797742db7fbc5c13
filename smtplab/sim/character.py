"""What the servers of a world answer and where they send: the world's words turned into the engine's rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from smtplab.mta.accounts import MemoryAccounts
from smtplab.mta.behaviour.manner import Behaviour, behaviour_of, quicker
from smtplab.mta.maildrop.rules import MaildropRules
from smtplab.mta.options import Routing, SessionOptions
from smtplab.mta.rules import Caller, Hook, Rules
from smtplab.mta.timeouts import quickened
from smtplab.net.ports import ServerTls, Trust
from smtplab.sim.directory import Known, directory_of, own_domains, own_literals
from smtplab.sim.world import RELAYS, Host, User, World
from smtplab.smtp.sasl import Secret
from smtplab.smtp.server import Limits
from smtplab.wire.command import Command, Rcpt
from smtplab.wire.reply import Reply, make_reply

SMTP_PORT = 25
SUBMISSION_PORT = 587
"""RFC 6409 3.1."""
POP3_PORT = 110
SUBMISSIONS_PORT = 465
"""RFC 8314 7.3: the same inside TLS from the first octet."""

PATIENCE_S_MIN = 10.0
"""However quick a world is, its hosts run on this machine, which may be busy, and speak with real ones."""


def takes_mail(host: Host) -> bool:
    """Is there a server on it?"""
    return "submission" in host.roles or not RELAYS.isdisjoint(host.roles)


def behaviour(host: Host, speed: float = 1.0) -> Behaviour:
    """The manner of its software, its pauses divided by the speed, with what the world says otherwise."""
    software, manner = host.software, quicker(behaviour_of(host.software.manner), speed)
    own = {
        "banner": software.banner,
        "extensions": software.extensions,
        "size_octets_max": software.size_octets_max,
        "recipients_max": software.recipients_max,
        "hops_max": software.hops_max,
        "reply_ms": software.reply_ms,
    }
    said = {name: value for name, value in own.items() if value is not None}
    return msgspec.structs.replace(manner, **said) if said else manner


def rules_by_port(world: World, host: Host, tls: ServerTls | None, speed: float = 1.0) -> dict[int, Rules]:
    """What a host answers at each of its ports; none for a host that takes no mail."""
    manner = behaviour(host, speed)
    rules = {}
    if "submission" in host.roles:
        rules[SUBMISSION_PORT] = submission = _submission_rules(world, host, tls, manner)
        if tls is not None:
            rules[SUBMISSIONS_PORT] = msgspec.structs.replace(submission, implicit_tls=True)
    if not RELAYS.isdisjoint(host.roles):
        rules[SMTP_PORT] = _relay_rules(world, host, tls, manner)
    return rules


def maildrop_rules(host: Host, people: Sequence[User], tls: ServerTls | None) -> MaildropRules | None:
    """How a host's people collect their mail; None where nobody has a mailbox there and a password for it."""
    users = {user.address: Secret(user.password) for user in people if user.password}
    if not users or "mx" not in host.roles:
        return None
    # A world's wires end on this machine: a person with a plain client may log in, the world's own readers use TLS.
    return MaildropRules(hostname=host.name, accounts=MemoryAccounts(users), tls=tls, clear_login=True)


def sending_options(host: Host, trust: Trust, speed: float = 1.0) -> SessionOptions:
    """Between servers TLS is used where it is offered; what it must prove is the host's own affair."""
    timeouts = quickened(speed, at_least_s=PATIENCE_S_MIN)
    return SessionOptions(helo=host.name, tls=host.tls, trust=trust, dialect=host.dialect, timeouts=timeouts)


def routing(host: Host) -> Routing:
    """To the host's own relay, else to the MX of the recipient's domain."""
    ourselves = frozenset({host.name, *host.addresses})
    return Routing(server=host.relays_to or None, source="relay", ourselves=ourselves)


def _submission_rules(world: World, host: Host, tls: ServerTls | None, manner: Behaviour) -> Rules:
    agents = {other.name for other in world.hosts if other.submits_to == host.name}
    return Rules(
        hostname=host.name,
        banner=manner.banner,
        extensions=(*manner.extensions, "AUTH"),
        tls=tls,
        accounts=MemoryAccounts({one.address: Secret(one.password) for one in world.users if one.agent in agents}),
        submission=True,
        local_domains=frozenset(),
        limits=_limits(manner),
        line_endings=host.software.line_endings,
        reply_delay_s=manner.reply_ms / 1000,
    )


def _relay_rules(world: World, host: Host, tls: ServerTls | None, manner: Behaviour) -> Rules:
    directory = directory_of(world, host)
    return Rules(
        hostname=host.name,
        banner=manner.banner,
        dialect=host.software.dialect,
        extensions=manner.extensions if host.software.dialect != "smtp" else (),
        tls=tls,
        local_domains=None if host.open_relay else directory.domains,
        local_users=Known(directory),
        relay_domains=frozenset(host.domains if "backup-mx" in host.roles else ()),
        trusted=tuple(address for name in host.accepts_from for address in world.host(name).addresses),
        limits=_limits(manner),
        line_endings=host.software.line_endings,
        received_max=manner.hops_max,
        reply_delay_s=manner.reply_ms / 1000,
        hooks=_hooks(world, host),
    )


def _hooks(world: World, host: Host) -> dict[str, Hook]:
    """The answers of this very host, where it has some of its own."""
    hooks: dict[str, Hook] = {}
    people = [user for domain in own_domains(host) for user in world.people(domain) if user.state != "active"]
    if people:
        hooks["RCPT"] = ClosedMailboxes({user.address.lower(): user for user in people}, own_literals(host))
    if host.software.dialect == "smtp":
        hooks["EHLO"] = _no_ehlo
    return hooks


def _limits(manner: Behaviour) -> Limits:
    return Limits(message_octets=manner.size_octets_max, recipients=manner.recipients_max)


def _no_ehlo(command: Command, caller: Caller) -> Reply:
    """Of a server that knows RFC 821 only."""
    del command, caller
    return make_reply(500, "Command unrecognized")  # RFC 821 4.2.1


class ClosedMailboxes:
    """Answers for the mailboxes that exist and yet take nothing now."""

    def __init__(self, people: dict[str, User], literals: Mapping[str, str]) -> None:
        self._people = people
        self._literals = literals

    def __call__(self, command: Command, caller: Caller) -> Reply | None:
        """RFC 3463 3.3: X.2.2 is a full mailbox, X.2.1 a disabled one. None where the ordinary rules hold."""
        del caller
        if not isinstance(command, Rcpt):
            return None
        local, _, domain = str(command.forward_path).lower().rpartition("@")
        user = self._people.get(f"{local}@{self._literals.get(domain, domain)}")
        match user.state if user else "active":
            case "active":
                return None
            case "full":
                return make_reply(452, "Mailbox full", enhanced="4.2.2")
            case "suspended":
                return make_reply(550, "Mailbox disabled", enhanced="5.2.1")
