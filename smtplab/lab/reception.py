"""What a connection to `smtplab serve` meets: the rules for whoever comes, and where its messages go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from smtplab.events import Disconnected, Judged, RuleBroken
from smtplab.lab.house import House
from smtplab.lab.serve_request import Place, Protocol, ServeRequest
from smtplab.mta.arrival import Arrival
from smtplab.mta.entrance import Guest, is_loopback
from smtplab.mta.maildrop.rules import MaildropRules
from smtplab.mta.maildrop.server import MaildropServer
from smtplab.mta.proxied import ProxiedWire, ProxyDoor
from smtplab.mta.receive import Decision, Receiver
from smtplab.mta.rules import BASIC_EXTENSIONS, Caller, Hook, Rules, Word, is_within
from smtplab.mta.turning import turner
from smtplab.mta.wishes import Wishes
from smtplab.net.ports import Handler, ServerTls, Wire
from smtplab.smtp.sasl import MECHANISMS
from smtplab.smtp.server import Limits
from smtplab.wire.command import Command, Rcpt
from smtplab.wire.flaw import Flaw
from smtplab.wire.reply import make_reply

_DISCARDED = make_reply(250, "Accepted and dropped", enhanced="2.0.0")

_LOOPBACK = ("127.0.0.0/8", "::1/128", "::ffff:127.0.0.0/104")


def entering(house: House, place: Place) -> Callable[[Wire], Guest]:
    """A guest for each connection to a listener."""
    if place.protocol == "pop3":
        return lambda wire: _maildrop_server(house, wire)
    rules = {near: rules_for(house, place.protocol, near=near) for near in (True, False)}
    return lambda wire: _receiver(house, place.protocol, rules[is_loopback(wire.peer.address)], wire)


def handlers(house: House, place: Place, refusal: bytes, tls: ServerTls | None) -> Callable[[], Handler]:
    """A handler for each connection to a listener; `tls` begins with its first byte, or behind the proxy's header."""
    door = house.entrance.door(entering(house, place), refusal)
    if not house.request.proxy_protocol:
        return door

    def refuse(wire: Wire, flaw: Flaw) -> None:
        recording = house.ledger.begin(place.protocol, wire.peer.address)
        recording.scope(RuleBroken(flaw.rule, "them", flaw.detail, flaw.rfc))
        recording.scope(Disconnected("us", clean=False, reason="no-proxy-header"))

    def may(address: str) -> bool:
        return is_loopback(address) or is_within(address, house.request.trust)

    return lambda: ProxyDoor(door, may, refuse, tls)


def _receiver(house: House, protocol: Protocol, rules: Rules, wire: Wire) -> Guest:
    recording = house.ledger.begin(protocol, wire.peer.address)
    wishes = Wishes()

    def accept(arrival: Arrival) -> Decision | Awaitable[Decision]:
        wish = wishes.at_content(arrival)
        if wish is not None:
            return wish
        return _DISCARDED if house.request.discard else house.intake.take(arrival, recording)

    hooks: dict[str, Hook] = wishes.hooks()
    if house.queue is not None:
        hooks["ETRN"] = turner(house.queue, rules)
    if house.request.domains and not house.request.relays:
        hooks["RCPT"] = _first_of(_only_local(frozenset(house.request.domains)), hooks["RCPT"])
    peer = wire.peer.address
    may = is_loopback(peer) or is_within(peer, house.request.trust)
    rules = msgspec.structs.replace(rules, hooks=hooks, speaks_for_others=may)
    if isinstance(wire, ProxiedWire):
        recording.scope(Judged("proxy-protocol", "told", f"{peer} by {wire.proxy.address}"))
    if house.conduct is not None:
        return house.conduct.receiver(rules, wire, recording.scope, accept)
    return Receiver(rules, house.net, recording.scope, accept)


def _maildrop_server(house: House, wire: Wire) -> MaildropServer:
    recording = house.ledger.begin("pop3", wire.peer.address)
    rules = MaildropRules(
        hostname=house.hostname,
        accounts=house.accounts,
        tls=house.tls,
        clear_login=is_loopback(wire.peer.address),
        apop=True,
        ages=not house.request.keep.everything,
    )
    return MaildropServer(rules, house.mailboxes, house.net, recording.scope)


def rules_for(house: House, protocol: Protocol, *, near: bool) -> Rules:
    """For clients from loopback, or from elsewhere. Whoever may relay, relays only where there is a way out."""
    request, tls = house.request, house.tls
    domains = frozenset(request.domains)
    return Rules(
        hostname=house.hostname,
        dialect="lmtp" if protocol == "lmtp" else "esmtp",
        extensions=_extensions(request, protocol),
        tls=tls,
        implicit_tls=protocol == "smtps",
        accounts=house.accounts,
        mechanisms=MECHANISMS,
        asks_certificates=request.client_ca is not None,
        # RFC 4954 4 wants passwords inside TLS; on loopback nobody is on the way.
        clear_auth=near,
        submission=protocol == "submission",
        local_domains=domains if domains or request.relays else None,
        trusted=(*_LOOPBACK, *request.trust) if request.relays else (),
        limits=Limits(message_octets=request.size_octets_max),
        line_endings=request.line_endings,
        notices_early_talkers=True,
    )


def _extensions(request: ServeRequest, protocol: Protocol) -> tuple[str, ...]:
    """What is offered is honoured: what a message demands of its whole way, where its way ends here."""
    more = ["LIMITS", "MT-PRIORITY", "REQUIRETLS", "XCLIENT", "XFORWARD"]
    if not request.relays:
        more += ["BINARYMIME", "DELIVERBY"]
    else:
        more.append("ETRN")
        if protocol in ("submission", "smtps"):
            more.append("FUTURERELEASE")
    return (*BASIC_EXTENSIONS, *more)


def _only_local(domains: frozenset[str]) -> Hook:
    """With no way out even an authenticated client's mail for elsewhere could only be lost."""

    def answer(command: Command, caller: Caller) -> Word | None:
        del caller
        if not isinstance(command, Rcpt) or not command.forward_path.domain:
            return None
        here = command.forward_path.domain.lower() in domains
        return None if here else make_reply(550, "Relaying denied", enhanced="5.7.1")

    return answer


def _first_of(first: Hook, second: Hook) -> Hook:
    def answer(command: Command, caller: Caller) -> Word | Awaitable[Word | None] | None:
        return first(command, caller) or second(command, caller)

    return answer
