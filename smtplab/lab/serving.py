"""`smtplab serve`: from what was asked for to listeners that are ready, and to a clean end."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from smtplab.journal import Journal
from smtplab.lab.bad_input import BadInput
from smtplab.lab.exits import DONE, INTERRUPTED
from smtplab.lab.live import this_host
from smtplab.mta.arrival import Accept, Arrival
from smtplab.mta.entrance import Entrance, Guest, is_loopback
from smtplab.mta.inbox.ledger import Ledger
from smtplab.mta.inbox.mailboxes import InboxMailboxes
from smtplab.mta.inbox.store import open_inbox
from smtplab.mta.intake import Intake
from smtplab.mta.mailbox import Mailboxes
from smtplab.mta.mailbox_port import MailboxPort, MemoryMailboxes
from smtplab.mta.maildir import Maildirs, one_folder
from smtplab.mta.maildrop import MaildropServer
from smtplab.mta.maildrop_rules import MaildropRules
from smtplab.mta.office import Office
from smtplab.mta.options import Routing, SessionOptions
from smtplab.mta.queue import Queue
from smtplab.mta.queue_id import QueueIds
from smtplab.mta.queue_orders import obey
from smtplab.mta.receive import Decision, Receiver
from smtplab.mta.rules import Caller, Hook, Rules, Word
from smtplab.mta.store.port import Trouble
from smtplab.mta.store.sql import open_store
from smtplab.mta.wishes import Wishes
from smtplab.net.live import live_net
from smtplab.net.ports import Endpoint, Listening, Net, ServerTls, Wire
from smtplab.net.self_signed import self_signed_tls
from smtplab.net.tls import reload_certificate, server_tls
from smtplab.net.trust import PkixTrust
from smtplab.smtp.sasl import Secret
from smtplab.smtp.server import Limits, LineEndings
from smtplab.wire.address import Mailbox
from smtplab.wire.command import Command, Rcpt
from smtplab.wire.reply import make_reply

Protocol = Literal["smtp", "submission", "smtps", "lmtp", "pop3"]

END_S_MAX = 10.0
"""For the sessions' records at the end: what is longer under way is cut off."""

_DISCARDED = make_reply(250, "Accepted and dropped", enhanced="2.0.0")

_LOOPBACK = ("127.0.0.0/8", "::1/128", "::ffff:127.0.0.0/104")


class Place(msgspec.Struct, frozen=True):
    """Where to listen."""

    protocol: Protocol
    host: str
    port: int
    """0 for whatever is free."""


class ServeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What `smtplab serve` was asked for."""

    home: Path
    places: tuple[Place, ...] = (Place("smtp", "127.0.0.1", 2525),)
    hostname: str | None = None
    domains: tuple[str, ...] = ()
    """None: everybody's mail is local."""
    users: tuple[tuple[str, str], ...] = ()
    size_octets_max: int = 10_485_760
    discard: bool = False
    relay_to: tuple[str, int] | None = None
    deliver: bool = False
    trust: tuple[str, ...] = ()
    tls_certificate: str | None = None
    tls_key: str | None = None
    maildir: str | None = None
    line_endings: LineEndings = "strict"
    dns: Endpoint | None = None
    port: int = 25
    resolve: tuple[tuple[str, str], ...] = ()

    @property
    def relays(self) -> bool:
        """Is there a way out for other domains' mail?"""
        return self.relay_to is not None or self.deliver


OnListening = Callable[[Place], None]


def serve(request: ServeRequest, on_listening: OnListening) -> int:
    """The exit code. Each listener is told of once all of them stand. Raises BadInput."""
    with asyncio.Runner(loop_factory=_fastest_loop()) as runner:
        return runner.run(_serve(request, on_listening))


def _fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's where it is installed (the extra `fast`); it does not exist for Windows."""
    if sys.platform == "win32":
        return None
    try:
        import uvloop  # noqa: PLC0415 - an extra, and imported only where a server starts
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def _serve(request: ServeRequest, on_listening: OnListening) -> int:
    stop: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    tls = _server_tls(request)
    async with AsyncExitStack() as stack:
        house = await _furnish(request, tls, stack)
        _on_signals(stop, lambda: _reload(request, tls))
        found = [await _listen(house, place, stack) for place in request.places]
        stack.push_async_callback(house.entrance.close)
        for place in found:
            on_listening(place)
        return await stop


def _on_signals(stop: asyncio.Future[int], reload: Callable[[], None]) -> None:
    def end(code: int) -> None:
        if not stop.done():
            stop.set_result(code)

    if sys.platform == "win32":
        return  # The interpreter's own handlers end it there.
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, end, DONE)
    loop.add_signal_handler(signal.SIGINT, end, INTERRUPTED)
    loop.add_signal_handler(signal.SIGHUP, reload)


# What it works with


class House(msgspec.Struct, frozen=True):
    """What all listeners share."""

    request: ServeRequest
    net: Net
    hostname: str
    tls: ServerTls
    entrance: Entrance
    ledger: Ledger
    intake: Intake
    mailboxes: MailboxPort


async def _furnish(request: ServeRequest, tls: ServerTls, stack: AsyncExitStack) -> House:
    """What is opened last is closed first: the listeners stand on all of it."""
    net = live_net(dns=request.dns, resolve=request.resolve)
    hostname = request.hostname or this_host()
    ids = QueueIds(net.clock, net.chance("queue-id"))
    intake = Intake(hostname, net.clock, ids, _locality(request))
    mailboxes: MailboxPort = MemoryMailboxes(Mailboxes())
    if request.discard:
        ledger = Ledger(net.clock, ids, hostname, None)
    else:
        store = intake.store = _opened(open_inbox(request.home / "inbox"))
        stack.push_async_callback(store.close)
        mailboxes = into_inbox = InboxMailboxes(store, ids, net.clock)
        ledger = Ledger(net.clock, ids, hostname, store)
        if request.maildir is not None:
            folder = one_folder(Path(request.maildir))
            intake.maildir = Maildirs(folder, hostname=hostname, clock=net.clock, chance=net.chance)
        if request.relays:
            intake.relay = await _open_queue(request, hostname, net, into_inbox, stack)
    stack.push_async_callback(ledger.close, END_S_MAX)
    return House(request, net, hostname, tls, Entrance(), ledger, intake, mailboxes)


async def _open_queue(
    request: ServeRequest, hostname: str, net: Net, mailboxes: InboxMailboxes, stack: AsyncExitStack
) -> Accept:
    store = _opened(open_store(request.home / "queue"))
    stack.push_async_callback(store.close)
    server, port = request.relay_to or (None, request.port)
    office = Office(
        hostname=hostname,
        options=SessionOptions(helo=hostname, port=port, trust=PkixTrust(net.clock.now)),
        routing=Routing(server=server, source="relay", ourselves=frozenset({hostname.lower()})),
        local_domains=frozenset(request.domains),
        mailboxes=mailboxes,
        scope=Journal(net.clock.now, keep=False).scope(node=hostname, hop=0, span="", stage="queue"),
        net_at=lambda _hop: net,
    )
    queue = Queue(office, store)
    group = await stack.enter_async_context(asyncio.TaskGroup())
    running, obeying = group.create_task(queue.run()), group.create_task(obey(queue, store))

    async def stop() -> None:
        obeying.cancel()
        queue.stop()
        done, late = await asyncio.wait({running}, timeout=END_S_MAX)
        # A delivery that takes longer is noted in the store, and tried again at the next start.
        for task in late:
            task.cancel()
        del done

    stack.push_async_callback(stop)
    return queue.accept


def _locality(request: ServeRequest) -> Callable[[Mailbox], bool]:
    domains = frozenset(request.domains)
    everybody = not domains and not request.relays
    return lambda who: everybody or not who.domain or who.domain.lower() in domains


Store = TypeVar("Store")


def _opened(store: Store | Trouble) -> Store:
    if isinstance(store, Trouble):
        raise BadInput(f"serve.store-{store.reason}", place=store.detail)
    return store


def _server_tls(request: ServeRequest) -> ServerTls:
    if request.tls_certificate is None:
        return self_signed_tls(request.hostname or this_host(), live_net().clock.now())
    try:
        return server_tls(request.tls_certificate, request.tls_key)
    except OSError as trouble:
        # ssl.SSLError is an OSError too.
        reason = trouble.strerror or str(trouble)
        raise BadInput("serve.bad-certificate", file=request.tls_certificate, reason=reason) from trouble


def _reload(request: ServeRequest, tls: ServerTls) -> None:
    """SIGHUP. A file that has become unusable changes nothing: the old certificate serves on."""
    if request.tls_certificate is not None:
        reload_certificate(tls, request.tls_certificate, request.tls_key)


# Listeners


async def _listen(house: House, place: Place, stack: AsyncExitStack) -> Place:
    assert house.net.listener is not None
    door = house.entrance.door(_entering(house, place), _too_many(house, place))
    tls = house.tls if place.protocol == "smtps" else None
    try:
        listening: Listening = await house.net.listener.listen(place.host, place.port, door, tls=tls)
    except (OSError, OverflowError, UnicodeError) as trouble:
        reason = getattr(trouble, "strerror", None) or str(trouble)
        raise BadInput("serve.cannot-listen", place=shown(place), reason=reason) from trouble
    stack.push_async_callback(listening.close)
    return Place(place.protocol, listening.endpoint.address, listening.endpoint.port)


def shown(place: Place) -> str:
    """`127.0.0.1:2525`, `[::1]:2525`."""
    return f"[{place.host}]:{place.port}" if ":" in place.host else f"{place.host}:{place.port}"


def _too_many(house: House, place: Place) -> bytes:
    if place.protocol == "pop3":
        return b"-ERR [SYS/TEMP] Too many sessions\r\n"
    return f"421 4.7.0 {house.hostname} Too many sessions\r\n".encode()


def _entering(house: House, place: Place) -> Callable[[Wire], Guest]:
    if place.protocol == "pop3":
        return lambda wire: _maildrop_server(house, wire)
    rules = {near: rules_for(house.request, place.protocol, house.hostname, house.tls, near) for near in (True, False)}
    return lambda wire: _receiver(house, place.protocol, rules[is_loopback(wire.peer.address)], wire)


def _receiver(house: House, protocol: Protocol, rules: Rules, wire: Wire) -> Receiver:
    recording = house.ledger.begin(protocol, wire.peer.address)
    wishes = Wishes()

    def accept(arrival: Arrival) -> Decision | Awaitable[Decision]:
        wish = wishes.at_content(arrival)
        if wish is not None:
            return wish
        return _DISCARDED if house.request.discard else house.intake.take(arrival, recording)

    hooks: dict[str, Hook] = wishes.hooks()
    if house.request.domains and not house.request.relays:
        hooks["RCPT"] = _first_of(_only_local(frozenset(house.request.domains)), hooks["RCPT"])
    return Receiver(msgspec.structs.replace(rules, hooks=hooks), house.net, recording.scope, accept)


def _maildrop_server(house: House, wire: Wire) -> MaildropServer:
    recording = house.ledger.begin("pop3", wire.peer.address)
    rules = MaildropRules(
        hostname=house.hostname,
        users=_users(house.request),
        tls=house.tls,
        clear_login=is_loopback(wire.peer.address),
        apop=True,
    )
    return MaildropServer(rules, house.mailboxes, house.net, recording.scope)


def rules_for(request: ServeRequest, protocol: Protocol, hostname: str, tls: ServerTls, near: bool) -> Rules:
    """For clients from loopback, or from elsewhere. Whoever may relay, relays only where there is a way out."""
    domains = frozenset(request.domains)
    return Rules(
        hostname=hostname,
        dialect="lmtp" if protocol == "lmtp" else "esmtp",
        tls=tls,
        implicit_tls=protocol == "smtps",
        users=_users(request),
        # RFC 4954 4 wants passwords inside TLS; on loopback nobody is on the way.
        clear_auth=near,
        submission=protocol == "submission",
        local_domains=domains if domains or request.relays else None,
        trusted=(*_LOOPBACK, *request.trust) if request.relays else (),
        limits=Limits(message_octets=request.size_octets_max),
        line_endings=request.line_endings,
    )


def _users(request: ServeRequest) -> dict[str, Secret]:
    return {name: Secret(password) for name, password in request.users}


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
