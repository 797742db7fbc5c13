"""Sends one message to one or several recipients through the real internet; how its records look it does not know."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

import msgspec

from smtplab.events import JourneyEnded, JourneyStarted, Judged
from smtplab.journal import Journal, Record, Scope
from smtplab.lab import checked
from smtplab.lab.bad_input import BadInput
from smtplab.lab.exits import exit_code_of
from smtplab.lab.live import ending_of, parts_of, pkix_trust, sender_of, session_options
from smtplab.lab.parts import Parts
from smtplab.lab.request import AuthAsked, Door, SendRequest, TlsAsked, WalkRequest
from smtplab.lab.tapping import TappedDialer
from smtplab.lab.template import Tokens, fixed_up
from smtplab.lab.timing import timing_of
from smtplab.mta.attempt import Attempt
from smtplab.mta.deliver import Delivery, Job, deliver, domains_of
from smtplab.mta.envelope import Asked, Envelope, make_envelope
from smtplab.mta.options import Credentials, Routing, SessionOptions
from smtplab.mta.outcome import RecipientOutcome, worst
from smtplab.net.cut import CuttingDialer
from smtplab.net.late import ChainKept
from smtplab.net.live import live_net
from smtplab.net.own_tls import TlsWishes
from smtplab.net.ports import ClientTls, Dialer, Net, Trust
from smtplab.wire.address import Mailbox
from smtplab.wire.envelope import Parameters
from smtplab.wire.extension import Extensions
from smtplab.wire.framing import bare_line_ends, repair_line_ends
from smtplab.wire.xtext import encode_xtext, format_orcpt, is_good_dsn_value, parse_notify

_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~]+))?")  # esmtp-param, RFC 5321 4.1.2


class Sending(msgspec.Struct, frozen=True):
    """A request whose every part has been read."""

    jobs: tuple[Job, ...]
    """One per domain, or one for all where a server was named."""
    net: Net
    raw: bool
    repaired: tuple[int, int]
    """How many bare CR and bare LF were made CR LF."""
    chain: ChainKept | None = None
    """Where the server's certificates are kept, if asked for."""

    @property
    def envelope(self) -> Envelope:
        """The first; all have the same content."""
        return self.jobs[0].envelope


class Sent(msgspec.Struct, frozen=True):
    """What became of it."""

    outcomes: tuple[RecipientOutcome, ...]
    attempts: tuple[Attempt, ...]
    """Every session, in order."""
    ending: JourneyEnded

    @property
    def exit_code(self) -> int:
        return exit_code_of(self.ending.result)


def prepare_sending(request: SendRequest) -> Sending:
    """Raises BadInput; nothing has been sent then."""
    return Preparation(request).sending(request)


class Preparation:
    """What all messages of a mailing have in common: how to get out, and what a session is like."""

    def __init__(self, request: SendRequest) -> None:
        """Raises BadInput."""
        shared, door = request.shared, request.door
        self.server, port = checked.server_and_port(shared)
        self.net = net_of(request)
        self.options, self.chain = _options(request, self.net, 0 if door.name else port)
        self.routing = Routing(server=self.server, family=shared.family, door=door.name)

    def sending(self, request: SendRequest) -> Sending:
        """Of one message. Raises BadInput."""
        envelope, repaired = self.envelope(request)
        jobs = tuple(
            Job(
                domain=domain,
                envelope=msgspec.structs.replace(envelope, recipients=group),
                options=self.options,
                routing=self.routing,
            )
            for domain, group in self.groups(request, envelope.recipients).items()
        )
        return Sending(jobs, self.net, request.shared.raw, repaired, self.chain)

    def envelope(self, request: SendRequest) -> tuple[Envelope, tuple[int, int]]:
        """And how many bare CR and LF were mended in the content. Raises BadInput."""
        sender, people = sender_of(request.shared), people_of(request)
        content, repaired = _content(request, sender, self.net)
        return _asking(make_envelope(sender, people, content), request), repaired

    def groups(self, request: SendRequest, people: tuple[Mailbox, ...]) -> dict[str, tuple[Mailbox, ...]]:
        """Recipients by the domain whose hosts get the message."""
        if self.server is not None or request.door.name:
            return {people[0].domain: people}
        return {request.door.copy_routing: people} if request.door.copy_routing else domains_of(people)


def people_of(request: SendRequest) -> tuple[Mailbox, ...]:
    """Everybody who shall get it, once. Raises BadInput."""
    everyone = (*request.recipients, *request.letter.copies, *request.letter.blind)
    return tuple({str(who): who for who in map(checked.mailbox, everyone)}.values())


def net_of(request: SendRequest) -> Net:
    """The real world, by the way out that was asked for. Raises BadInput."""
    shared, door = request.shared, request.door
    net = live_net(dns=checked.dns_server(shared), resolve=shared.resolve, dns_timeout_s=shared.timeout_s)
    if door.name or door.local_port:
        net = msgspec.structs.replace(net, dialer=_dialer(door))
    if request.cut is not None:
        net = msgspec.structs.replace(net, dialer=CuttingDialer(net.dialer, request.cut))
    return net


def _dialer(door: Door) -> Dialer:
    from smtplab.net.doors import ProgramDialer, SocketDialer  # noqa: PLC0415 (rarely wanted)
    from smtplab.net.tcp import TcpDialer  # noqa: PLC0415

    if door.socket:
        return SocketDialer(door.socket)
    if not door.program:
        return TcpDialer(local_port=door.local_port)
    try:
        return ProgramDialer(door.program)
    except ValueError as trouble:
        raise BadInput("cli.not-a-program", value=door.program) from trouble


def _options(request: SendRequest, net: Net, port: int) -> tuple[SessionOptions, ChainKept | None]:
    shared, tls = request.shared, request.tls
    trust = pkix_trust(net, checked.tls_roots(shared), tls.verify or "all", tls.verify_name)
    chain = ChainKept(trust) if tls.keep_chain else None
    options = session_options(shared, net, port)
    options = msgspec.structs.replace(
        options,
        credentials=None if options.credentials is None else _credentials(options.credentials, request.auth),
        # As swaks has them: one command after the other unless asked, and a QUIT with no RSET before it.
        pipeline=shared.pipeline or False,
        reset=False,
        drop=request.drop,
        chunk_octets=request.chunk_octets,
        tls="verify" if request.require_tls and shared.tls != "implicit" else shared.tls,
        tls_strict=tls.strict,
        tls_asked=tls.said,
        tls_must_hold=bool(tls.verify) or (request.require_tls and shared.tls == "implicit"),
        trust=chain or trust,
        client_tls=_client_tls(tls, trust),
        preface=request.preface,
        xclient=request.xclient,
        prdr=request.prdr,
        says_what_lacks=True,
        mend=_mend if request.letter.mend else None,
    )
    return options, chain


def _mend(envelope: Envelope, extensions: Extensions) -> tuple[Envelope, str]:
    if not (envelope.smtputf8 or envelope.body != "7bit"):
        return envelope, ""
    from smtplab.lab.mend import mended  # noqa: PLC0415 (email takes a while to import)

    return mended(envelope, extensions)


def _credentials(known: Credentials, asked: AuthAsked) -> Credentials:
    return msgspec.structs.replace(
        known,
        mechanism=None,
        mechanisms=asked.mechanisms,
        tries_all=True,
        aliases=asked.aliases,
        needed=asked.needed,
    )


def _client_tls(tls: TlsAsked, trust: Trust) -> ClientTls | None:
    if not tls.server_name and tls.wishes == TlsWishes():
        return None
    from smtplab.net.own_context import UnusableTls, make_context  # noqa: PLC0415 (it loads ssl)

    try:
        return ClientTls(tls.server_name, trust, make_context(tls.wishes))
    except UnusableTls as trouble:
        raise BadInput("cli.unusable", option=trouble.option, value=trouble.value, reason=trouble.reason) from trouble


async def send(sending: Sending, on_record: Callable[[Record], None]) -> Sent:
    """Cancelling it closes the sockets and ends the journal with a journey that was stopped."""
    net, first = sending.net, sending.envelope
    if sending.raw:
        tapped = TappedDialer(net.dialer, on_record)
        net = msgspec.structs.replace(net, dialer=tapped)
        journal = tapped.journal = Journal(net.clock.now, tapped.told, keep=False)
    else:
        journal = Journal(net.clock.now, on_record, keep=False)
    scope = journal.scope(node=sending.jobs[0].options.helo, hop=0, span="deliver/1")
    people = ", ".join(str(who) for job in sending.jobs for who in job.envelope.recipients)
    scope(JourneyStarted(people, first.sender, "live", None, None))
    if any(sending.repaired):
        scope(Judged("line-ends", "repaired", "{} CR, {} LF".format(*sending.repaired)))
    try:
        deliveries = [
            await _deliver(job, net, journal.scope(node=scope.node, hop=0, span=f"deliver/{number}"))
            for number, job in enumerate(sending.jobs, 1)
        ]
    except asyncio.CancelledError:
        scope(JourneyEnded("stopped", None, None, "interrupted"))
        raise
    outcomes = tuple(outcome for delivery in deliveries for outcome in delivery.outcomes)
    ending = ending_of(worst([outcome.judgement for outcome in outcomes]))
    scope(ending)
    return Sent(outcomes, tuple(attempt for delivery in deliveries for attempt in delivery.attempts), ending)


async def _deliver(job: Job, net: Net, scope: Scope) -> Delivery:
    delivery = await deliver(job, net, scope)
    asked = job.envelope.asked or job.envelope.ret or job.envelope.envid
    if asked and any(outcome.judgement.result == "accepted" and not outcome.notifies for outcome in delivery.outcomes):
        # RFC 3461 5.2.2: it goes without, and the sender should know that no notice will come.
        scope(Judged("dsn", "not-offered", ""))
    return delivery


def _content(request: SendRequest, sender: Mailbox | None, net: Net) -> tuple[bytes, tuple[int, int]]:
    """The message, and how many bare CR and bare LF were mended in it (RFC 5321 2.3.8)."""
    shared, letter = request.shared, request.letter
    to = ", ".join(request.recipients)
    parts = parts_of(shared, to, "" if sender is None else str(sender), net, letter)
    tokens = Tokens(sender=parts.sender, recipients=to, date=parts.date, message_id=f"{parts.token}@{parts.host}")
    content = shared.content
    if content is None:
        from smtplab.lab.compose import compose  # noqa: PLC0415 (email takes a while to import)

        return compose(_replaced(parts, tokens)), (0, 0)
    given = content
    if letter.fix_up:
        if shared.body is not None:
            tokens = msgspec.structs.replace(tokens, body=shared.body)
        content = fixed_up(content, tokens, replace=_replacing(shared), add=letter.added, strip_from=letter.strip_from)
    if request.line_endings == "keep" or request.binary or not any(bare_line_ends(content)):
        return content, (0, 0)
    # A text whose every line ends in LF is how files are written here, not a fault to be told of.
    bare = bare_line_ends(given)
    usual = bare[0] == 0 and b"\r\n" not in given
    return repair_line_ends(content), (0, 0) if usual else bare


def _replacing(shared: WalkRequest) -> tuple[tuple[str, str], ...]:
    subject = () if shared.subject is None else (("Subject", shared.subject),)
    return (*subject, *shared.headers)


def _replaced(parts: Parts, tokens: Tokens) -> Parts:
    """A person may use swaks' tokens in each text."""
    return msgspec.structs.replace(
        parts,
        subject=None if parts.subject is None else tokens.replaced(parts.subject),
        body=None if parts.body is None else tokens.replaced(parts.body),
        html=None if parts.html is None else tokens.replaced(parts.html),
        headers=tuple((name, tokens.replaced(value)) for name, value in parts.headers),
        added=tuple((name, tokens.replaced(value)) for name, value in parts.added),
    )


def _asking(envelope: Envelope, request: SendRequest) -> Envelope:
    """With the notices and the parameters that were asked for. Raises BadInput."""
    notify, ret = (request.notify or "").upper(), (request.ret or "").upper()
    if notify and parse_notify(notify) is None:
        raise BadInput("cli.bad-notify", value=notify)
    envid = encode_xtext(request.envid) if request.envid else ""
    if envid and not is_good_dsn_value("ENVID", envid):
        raise BadInput("cli.bad-envid", value=request.envid or "")
    occasions = parse_notify(notify) if notify else None
    asked = {}
    if occasions or request.orcpt:
        for who in envelope.recipients:
            asked[str(who)] = Asked(occasions or (), format_orcpt(str(who)) if request.orcpt else "")
    timing, needs = timing_of(request)
    mail = {**timing, **_parameters(request.mail_parameters)}
    if request.require_tls:
        mail["REQUIRETLS"] = None
    return msgspec.structs.replace(
        envelope,
        body="binary" if request.binary else envelope.body,
        ret=ret if ret in ("FULL", "HDRS") else "",
        envid=envid,
        asked=asked,
        mail_parameters=mail,
        rcpt_parameters=_parameters(request.rcpt_parameters),
        needs=needs,
    )


def _parameters(written: tuple[str, ...]) -> Parameters:
    parameters: Parameters = {}
    for text in written:
        found = _PARAMETER.fullmatch(text)
        if found is None:
            raise BadInput("cli.bad-parameter", value=text)
        parameters[found[1].upper()] = found[2]
    return parameters
