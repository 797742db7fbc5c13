"""What all listeners of `smtplab serve` share: opened in the order in which they stand on each other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TypeVar

import msgspec

from smtplab.journal import Journal
from smtplab.lab.bad_input import BadInput
from smtplab.lab.conduct import Conduct, OnNotice
from smtplab.lab.live import this_host
from smtplab.lab.logbook import Logbook
from smtplab.lab.notice_words import notice_words
from smtplab.lab.queue_log import QueueLog
from smtplab.lab.serve_request import ServeRequest
from smtplab.lab.stores import bad_store
from smtplab.lab.upkeep import keep_ageing, log_sessions, open_log
from smtplab.lab.users import stored_users
from smtplab.lab.webhook import Webhook
from smtplab.mta.accounts import MemoryAccounts
from smtplab.mta.arrival import Arrival
from smtplab.mta.bounce import NoticeWriter
from smtplab.mta.entrance import Entrance, is_loopback
from smtplab.mta.envelope import Envelope
from smtplab.mta.inbox.ledger import Ledger
from smtplab.mta.inbox.mailboxes import InboxMailboxes
from smtplab.mta.inbox.store import open_inbox
from smtplab.mta.inbox.success import SendOn, SuccessNotices
from smtplab.mta.intake import Intake
from smtplab.mta.mailbox import Mailboxes
from smtplab.mta.mailbox_port import MailboxPort, MemoryMailboxes
from smtplab.mta.maildir import FolderOf, Maildirs, one_folder, unusable
from smtplab.mta.options import Routing, SessionOptions
from smtplab.mta.queue.cohort import limits_for
from smtplab.mta.queue.identifier import QueueIds
from smtplab.mta.queue.manager import Queue
from smtplab.mta.queue.office import Office
from smtplab.mta.queue.orders import obey, obey_once
from smtplab.mta.rules import is_within
from smtplab.mta.store.port import Trouble
from smtplab.mta.store.sql import open_store
from smtplab.mta.stored_accounts import StoredAccounts
from smtplab.net.hook import Poster, origin_of, without_secrets
from smtplab.net.live import live_net
from smtplab.net.ports import Net, ServerTls
from smtplab.net.self_signed import self_signed_tls
from smtplab.net.server_tls import check_authority, reload_certificate, server_tls
from smtplab.net.trust import PkixTrust
from smtplab.smtp.secret import Secret
from smtplab.wire.address import Mailbox

END_S_MAX = 10.0
"""For the sessions' records at the end: what is longer under way is cut off."""


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
    accounts: StoredAccounts
    conduct: Conduct | None
    """None: every session goes as it should."""
    webhook: Webhook | None
    log: Logbook | None
    queue: Queue | None = None
    """Where there is a way out."""


async def furnish(request: ServeRequest, tls: ServerTls, stack: AsyncExitStack, on_notice: OnNotice) -> House:
    """What is opened last is closed first: the listeners stand on all of it."""
    net = live_net(dns=request.dns, resolve=request.resolve)
    hostname = request.hostname or this_host()
    ids = QueueIds(net.clock, net.chance("queue-id"))
    intake = Intake(hostname, net.clock, ids, _locality(request))
    log = open_log(request, net, stack, on_notice)
    mailboxes: MailboxPort = MemoryMailboxes(Mailboxes())
    webhook: Webhook | None = None
    queue: Queue | None = None
    if request.discard:
        ledger = Ledger(net.clock, ids, hostname, None)
    else:
        store = intake.store = _opened(open_inbox(request.home / "inbox"))
        stack.push_async_callback(store.close)
        mailboxes = into_inbox = InboxMailboxes(store, ids, net.clock)
        webhook = _webhook(request, stack, on_notice)
        keep_ageing(store, request.keep, net, stack, on_notice)
        if webhook is not None:
            intake.on_taken = into_inbox.on_taken = webhook.tell
        ledger = Ledger(net.clock, ids, hostname, store)
        writer = NoticeWriter(net.chance("success"), notice_words(request.language))
        intake.successes = SuccessNotices(hostname, net.clock, writer, _locality(request), into_inbox)
        if request.maildir is not None:
            intake.maildir = into_inbox.maildir = Maildirs(
                _maildir(Path(request.maildir)), hostname=hostname, clock=net.clock, chance=net.chance
            )
        if request.relays:
            queue = await _open_queue(request, hostname, net, into_inbox, log, stack)
            intake.relay = queue.accept
            intake.successes.send_on = _by_queue(request, queue)
    conduct = _conduct(request, hostname, net, stack, on_notice)
    if log is not None:
        log_sessions(ledger, log)
    stack.push_async_callback(ledger.close, END_S_MAX)
    accounts = _accounts(request, net.chance("pepper").randbytes(16))
    return House(
        request, net, hostname, tls, Entrance(), ledger, intake, mailboxes, accounts, conduct, webhook, log, queue
    )


def _webhook(request: ServeRequest, stack: AsyncExitStack, on_notice: OnNotice) -> Webhook | None:
    """Raises BadInput."""
    url = request.webhook
    if url is None:
        return None
    shown = origin_of(url)
    if shown is None:
        raise BadInput("serve.not-a-webhook", option="--webhook", value=without_secrets(url))
    webhook = Webhook(lambda: Poster(url), shown, on_notice)
    stack.push_async_callback(asyncio.to_thread, webhook.close)
    return webhook


def _maildir(folder: Path) -> FolderOf:
    """Raises BadInput now rather than answering 4xx to every message later."""
    reason = unusable(folder)
    if reason is not None:
        raise BadInput("cli.cannot-write", file=str(folder), reason=reason)
    return one_folder(folder)


def _accounts(request: ServeRequest, pepper: bytes) -> StoredAccounts:
    memory = MemoryAccounts({name: Secret(password) for name, password in request.users}, pepper)
    return StoredAccounts(stored_users(request.home), memory, pepper)


def _conduct(
    request: ServeRequest, hostname: str, net: Net, stack: AsyncExitStack, on_notice: OnNotice
) -> Conduct | None:
    if request.behaviour is None:
        return None
    conduct = Conduct(Path(request.behaviour), hostname, net, on_notice)
    conduct.watch()
    stack.callback(conduct.close)
    return conduct


async def _open_queue(
    request: ServeRequest,
    hostname: str,
    net: Net,
    mailboxes: InboxMailboxes,
    log: Logbook | None,
    stack: AsyncExitStack,
) -> Queue:
    store = _opened(open_store(request.home / "queue"))
    stack.push_async_callback(store.close)
    server, port = request.relay_to or (None, request.port)
    journal = Journal(net.clock.now, None if log is None else QueueLog(log).read, keep=False)
    office = Office(
        hostname=hostname,
        options=SessionOptions(helo=hostname, port=port, trust=PkixTrust(net.clock.now)),
        routing=Routing(server=server, source="relay", ourselves=frozenset({hostname.lower()})),
        local_domains=frozenset(request.domains),
        mailboxes=mailboxes,
        scope=journal.scope(node=hostname, hop=0, span="", stage="queue"),
        net_at=lambda _hop: net,
        words=notice_words(request.language),
        schedule=request.schedule,
        limits=limits_for(request.schedule.pauses_s),
    )
    queue = Queue(office, store)
    await obey_once(queue, store)
    group = await stack.enter_async_context(asyncio.TaskGroup())
    running, obeying = group.create_task(queue.run()), group.create_task(obey(queue, store))

    async def stop() -> None:
        obeying.cancel()
        queue.stop()
        _, late = await asyncio.wait({running}, timeout=END_S_MAX)
        if late:
            # A delivery that takes longer is noted in the store, and tried again at the next start.
            running.cancel()
            await asyncio.wait(late)
            await queue.lay_down()

    stack.push_async_callback(stop)
    return queue


def _by_queue(request: ServeRequest, queue: Queue) -> SendOn:
    """For those alone who may send on: a stranger's forged sender would be told of mail that he never sent."""

    async def send_on(arrival: Arrival, notice: Envelope) -> None:
        caller = arrival.caller
        if caller.user or is_loopback(caller.address) or is_within(caller.address, request.trust):
            await queue.send(notice, arrival.hop + 1)

    return send_on


def _locality(request: ServeRequest) -> Callable[[Mailbox], bool]:
    domains = frozenset(request.domains)
    everybody = not domains and not request.relays
    return lambda who: everybody or not who.domain or who.domain.lower() in domains


Store = TypeVar("Store")


def _opened(store: Store | Trouble) -> Store:
    if isinstance(store, Trouble):
        raise bad_store(store)
    return store


def server_tls_of(request: ServeRequest) -> ServerTls:
    """Raises BadInput where the files can't be used."""
    if not request.certificates:
        return self_signed_tls(request.hostname or this_host(), live_net().clock.now(), client_ca=_checked_ca(request))
    for pair in request.certificates:
        try:
            server_tls(*pair)
        except OSError as trouble:
            # ssl.SSLError is an OSError too.
            reason = trouble.strerror or str(trouble)
            raise BadInput("serve.bad-certificate", file=pair[0], reason=reason) from trouble
    first, *others = request.certificates
    return server_tls(*first, others=others, client_ca=_checked_ca(request))


def _checked_ca(request: ServeRequest) -> str | None:
    try:
        if request.client_ca is not None:
            check_authority(request.client_ca)
    except OSError as trouble:
        reason = trouble.strerror or str(trouble)
        raise BadInput("serve.bad-client-ca", file=str(request.client_ca), reason=reason) from trouble
    return request.client_ca


def reload(house: House) -> None:
    """SIGHUP. A file that has become unusable changes nothing: what was read before serves on."""
    request = house.request
    if request.certificates:
        first, *others = request.certificates
        reload_certificate(house.tls, *first, others=others, client_ca=request.client_ca)
    if house.conduct is not None:
        house.conduct.refresh()
    if house.log is not None:
        house.log.reopen()
    try:
        house.accounts.stored = stored_users(request.home)
    except BadInput:
        return
