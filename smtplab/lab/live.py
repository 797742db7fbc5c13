"""A walk through the real internet: a request becomes one delivery, and what became of it the journey's end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Literal

import msgspec

from smtplab.events import JourneyEnded, JourneyStarted
from smtplab.journal import Journal, Record
from smtplab.lab import checked
from smtplab.lab.exits import exit_code_of
from smtplab.lab.parts import Parts
from smtplab.lab.request import Letter, WalkRequest
from smtplab.lab.tapping import TappedDialer
from smtplab.mta.deliver import Job, deliver
from smtplab.mta.envelope import make_envelope
from smtplab.mta.options import Routing, SessionOptions
from smtplab.mta.outcome import Judgement, words_of
from smtplab.mta.talk import Gate
from smtplab.mta.timeouts import DEFAULT, shortened
from smtplab.net.late import LateTrust
from smtplab.net.live import live_net
from smtplab.net.names import own_full_name
from smtplab.net.ports import Net, Trust
from smtplab.wire.address import Mailbox

TOKEN_BITS = 64
"""Enough that two Message-IDs of one host never meet (RFC 5322 3.6.4)."""


_NO_LETTER = Letter()


class LiveWalk(msgspec.Struct, frozen=True):
    """A request whose every part has been read."""

    recipient: str
    sender: str
    job: Job
    net: Net
    raw: bool = False
    """Record the bytes too."""


def prepare_live(request: WalkRequest) -> LiveWalk:
    """Raises BadInput; nothing has been sent then."""
    recipient = checked.mailbox(request.recipient)
    sender = sender_of(request)
    server, port = checked.server_and_port(request)
    net = live_net(dns=checked.dns_server(request), resolve=request.resolve, dns_timeout_s=request.timeout_s)
    content = request.content
    if content is None:
        from smtplab.lab.compose import compose  # noqa: PLC0415 (email takes a while to import)

        content = compose(parts_of(request, str(recipient), "" if sender is None else str(sender), net))
    job = Job(
        domain=recipient.domain,
        envelope=make_envelope(sender, (recipient,), content),
        options=session_options(request, net, port),
        routing=Routing(server=server, family=request.family),
    )
    return LiveWalk(str(recipient), job.envelope.sender, job, net, request.raw)


async def walk_live(walk: LiveWalk, on_record: Callable[[Record], None], gate: Gate | None = None) -> int:
    """The exit code. Cancelling it closes the sockets and ends the journal with a journey that was stopped."""
    net = walk.net
    if walk.raw:
        tapped = TappedDialer(net.dialer, on_record)
        net = msgspec.structs.replace(net, dialer=tapped)
        journal = tapped.journal = Journal(net.clock.now, tapped.told, keep=False)
    else:
        journal = Journal(net.clock.now, on_record, keep=False)
    scope = journal.scope(node=walk.job.options.helo, hop=0, span="deliver/1")
    scope(JourneyStarted(walk.recipient, walk.sender, "live", None, None))
    try:
        delivery = await deliver(walk.job, net, scope, gate)
    except asyncio.CancelledError:
        scope(JourneyEnded("stopped", None, None, "interrupted"))
        raise
    ending = ending_of(delivery.judgement)
    scope(ending)
    return exit_code_of(ending.result)


def this_host() -> str:
    """The system's full name; the address literal of nowhere where it has none that could be said (RFC 5321 4.1.3)."""
    name = own_full_name()
    return name if checked.is_domain(name) else "[127.0.0.1]"


def sender_of(request: WalkRequest) -> Mailbox | None:
    """The reverse-path: user@ this host's name where nothing was said. Raises BadInput."""
    return checked.reverse_path(f"user@{this_host()}" if request.sender is None else request.sender)


def session_options(request: WalkRequest, net: Net, port: int) -> SessionOptions:
    """What a request says of its sessions. Raises BadInput."""
    return SessionOptions(
        helo=checked.helo(request) or this_host(),
        tls=request.tls,
        trust=pkix_trust(net, checked.tls_roots(request)),
        credentials=checked.credentials(request),
        dialect=request.protocol,
        pipeline=request.pipeline,
        chunking=request.chunking,
        port=port,
        source=request.source,
        quit_after=request.quit_after,
        transmit=request.send,
        show_secrets=request.show_secrets,
        timeouts=DEFAULT if request.timeout_s is None else shortened(request.timeout_s),
    )


def pkix_trust(
    net: Net, roots_pem: bytes | None, parts: Literal["all", "issuer", "name"] = "all", name: str = ""
) -> Trust:
    """As `trust.PkixTrust`, which is made at the first handshake."""

    def make() -> Trust:
        from smtplab.net.trust import PkixTrust  # noqa: PLC0415 (a tenth of a second, which no session in clear needs)

        return PkixTrust(net.clock.now, roots_pem, parts=parts, name=name)

    return LateTrust(make)


def parts_of(request: WalkRequest, recipient: str, sender: str, net: Net, letter: Letter = _NO_LETTER) -> Parts:
    """What a test message is made of; `recipient` is what its To field says."""
    return Parts(
        sender=sender,
        recipient=recipient,
        date=datetime.fromtimestamp(net.clock.now()).astimezone(),
        token=f"{net.chance('message-id').getrandbits(TOKEN_BITS):016x}",
        host=sender.rpartition("@")[2] or this_host(),
        subject=request.subject,
        body=request.body,
        headers=request.headers,
        attachments=request.attachments,
        html=letter.html,
        pieces=letter.pieces,
        copies=", ".join(letter.copies),
        added=letter.added,
    )


def ending_of(judgement: Judgement) -> JourneyEnded:
    """A judgement as the journey's last fact."""
    return JourneyEnded(judgement.result, judgement.code, judgement.enhanced, words_of(judgement))
