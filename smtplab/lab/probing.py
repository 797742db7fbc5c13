"""Asks a server what it offers, in clear and inside TLS, and whether it insists on TLS; no message is ever sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from smtplab.events import Event, TlsEstablished, TlsFailed
from smtplab.journal import Emit, Journal, Record
from smtplab.lab import checked
from smtplab.lab.exits import exit_code_of
from smtplab.lab.live import session_options
from smtplab.lab.request import WalkRequest
from smtplab.mta.opening import open_session
from smtplab.mta.options import Routing, SessionOptions, TlsPolicy
from smtplab.mta.outcome import Judgement, NoRoute, Setback, judge, judge_no_route
from smtplab.mta.route import find_route
from smtplab.mta.session import Place, Session, hang_up
from smtplab.net.live import live_net
from smtplab.net.ports import Net
from smtplab.wire.command import Mail, Rset
from smtplab.wire.extension import Extensions
from smtplab.wire.reply import Reply

Grade = Literal["good", "inside-tls", "exposed", "obsolete", "unknown"]
"""the password never travels · it travels, protected by TLS · it is offered in clear · broken or retired · not known"""

Enforced = Literal["yes", "no", "implicit", "not-offered", "unclear"]

_NEVER_TRAVELS = ("SCRAM-", "EXTERNAL", "GSSAPI", "GS2-")
_TRAVELS = frozenset({"PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"})
_OBSOLETE = frozenset({"CRAM-MD5", "DIGEST-MD5", "NTLM"})
"""RFC 6331 retired DIGEST-MD5; CRAM-MD5 makes the server keep readable passwords; NTLM is MD4 and DES."""


class AuthFound(msgspec.Struct, frozen=True):
    mechanism: str
    grade: Grade


class ProbeReport(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of `probe --json`."""

    host: str
    address: str | None = None
    port: int
    result: str = "accepted"
    """`accepted` where the server spoke with us, else as in `journey_ended`."""
    reason: str = ""
    before: tuple[str, ...] | None = None
    """Announced in clear; None where nothing was said in clear."""
    after: tuple[str, ...] | None = None
    """Announced inside TLS; None where there was no TLS."""
    new: tuple[str, ...] = ()
    """Only inside TLS, or said differently there."""
    gone: tuple[str, ...] = ()
    """Only in clear, but for STARTTLS, whose work is done."""
    tls: TlsEstablished | None = None
    tls_failure: str = ""
    """Why STARTTLS came to nothing: a reason's id, or the reply that refused it."""
    tls_enforced: Enforced = "not-offered"
    mail_reply: str = ""
    """What was answered to MAIL in clear."""
    auth: tuple[AuthFound, ...] = ()

    @property
    def exit_code(self) -> int:
        return exit_code_of(self.result)  # type: ignore[arg-type]


class Probe(msgspec.Struct, frozen=True):
    """A request whose every part has been read."""

    host: str
    options: SessionOptions
    routing: Routing
    net: Net


class _Seen:
    """What TLS came to, out of the records."""

    def __init__(self, on_record: Callable[[Record], None]) -> None:
        self.tls: TlsEstablished | None = None
        self.failure = ""
        self._on_record = on_record

    def __call__(self, record: Record) -> None:
        event: Event = record.event
        if isinstance(event, TlsEstablished):
            self.tls = event
        elif isinstance(event, TlsFailed):
            self.failure = event.reason
        self._on_record(record)


def prepare_probe(request: WalkRequest) -> Probe:
    """Raises BadInput; nothing has been asked then."""
    server, port = checked.server_and_port(request)
    assert server is not None
    net = live_net(dns=checked.dns_server(request), resolve=request.resolve, dns_timeout_s=request.timeout_s)
    return Probe(server, session_options(request, net, port), Routing(server=server, family=request.family), net)


async def probe(asked: Probe, on_record: Callable[[Record], None]) -> ProbeReport:
    """Never raises for what the network does."""
    seen = _Seen(on_record)
    journal = Journal(asked.net.clock.now, seen, keep=False)
    scope = journal.scope(node=asked.options.helo, hop=0, span="probe/1")
    route = await find_route(asked.host, asked.net, asked.routing, scope)
    if isinstance(route, NoRoute):
        return _failed(asked, None, judge_no_route(route))
    places = [Place(host.host, address, asked.options.port) for host in route.hosts for address in host.addresses]
    report = await _ask(asked, places, journal)
    return msgspec.structs.replace(report, tls=seen.tls, tls_failure=seen.failure or report.tls_failure)


async def _ask(asked: Probe, places: list[Place], journal: Journal) -> ProbeReport:
    inside: Extensions | None = None
    enforced: Enforced = "not-offered"
    answer: Reply | None = None
    trouble: Setback | Reply | None = None
    first = journal.scope(node=asked.options.helo, hop=0, span="probe/1")
    implicit = asked.options.tls == "implicit"
    place, offered, found = await _offers(asked, places, "implicit" if implicit else "none", first)
    if offered is None:
        return _failed(asked, place, judge(found, asked.host) if isinstance(found, Setback) else None)
    if implicit:
        return msgspec.structs.replace(_report(asked, place, None, offered), tls_enforced="implicit")
    if "STARTTLS" in offered:
        answer = found if isinstance(found, Reply) else None
        enforced = _insists(answer)
        second = journal.scope(node=asked.options.helo, hop=0, span="probe/2")
        _, inside, trouble = await _offers(asked, [place], "require", second)
    report = _report(asked, place, offered, inside)
    if isinstance(trouble, Setback):
        report = msgspec.structs.replace(report, tls_failure=_reason_of(judge(trouble, asked.host)))
    return msgspec.structs.replace(report, tls_enforced=enforced, mail_reply=_said(answer))


async def _offers(
    asked: Probe, places: list[Place], tls: TlsPolicy, emit: Emit
) -> tuple[Place, Extensions | None, Setback | Reply | None]:
    """At the first address that speaks with us: what it announced, and in clear its answer to MAIL."""
    options = msgspec.structs.replace(asked.options, tls=tls, credentials=None, quit_after="auth")
    setback: Setback | None = None
    for place in places:
        session = Session(place, options, asked.net, emit, None)
        try:
            setback = await open_session(session)
            if setback is None:
                extensions = session.talk.client.extensions
                answer = await _try_mail(session) if tls == "none" and "STARTTLS" in extensions else None
                await hang_up(session)
                return place, extensions, answer
            await hang_up(session)
        finally:
            await session.close()
    return places[-1], None, setback


async def _try_mail(session: Session) -> Reply | None:
    """The null reverse-path, which no server may refuse for what it is (RFC 5321 4.5.5); then RSET."""
    answer = await session.talk.ask(Mail(None))
    if isinstance(answer, Reply) and answer.severity == 2:
        await session.talk.ask(Rset())
    return answer if isinstance(answer, Reply) else None


def _insists(answer: Reply | None) -> Enforced:
    """RFC 3207 4: 530 says that STARTTLS must come first; it also says that AUTH must, so the words decide."""
    if answer is None:
        return "unclear"
    if answer.severity == 2:
        return "no"
    return "yes" if answer.severity == 5 and "TLS" in " ".join(answer.lines).upper() else "unclear"


def _report(asked: Probe, place: Place, clear: Extensions | None, inside: Extensions | None) -> ProbeReport:
    before = None if clear is None else clear.lines()
    after = None if inside is None else inside.lines()
    both = before is not None and after is not None
    return ProbeReport(
        host=asked.host,
        address=place.address,
        port=place.port,
        before=before,
        after=after,
        new=tuple(line for line in after or () if both and line not in (before or ())),
        gone=tuple(line for line in before or () if both and line not in (after or ()) and line != "STARTTLS"),
        auth=_graded(clear, inside),
    )


def _graded(clear: Extensions | None, inside: Extensions | None) -> tuple[AuthFound, ...]:
    exposed = () if clear is None else clear.auth_mechanisms
    names = dict.fromkeys([*exposed, *(() if inside is None else inside.auth_mechanisms)])
    return tuple(AuthFound(name, _grade(name, in_clear=name in exposed)) for name in names)


def _grade(name: str, *, in_clear: bool) -> Grade:
    if name in _TRAVELS:
        return "exposed" if in_clear else "inside-tls"
    if name in _OBSOLETE:
        return "obsolete"
    return "good" if name.startswith(_NEVER_TRAVELS) else "unknown"


def _failed(asked: Probe, place: Place | None, judgement: Judgement | None) -> ProbeReport:
    return ProbeReport(
        host=asked.host,
        address=None if place is None else place.address,
        port=asked.options.port,
        result="unreachable" if judgement is None else judgement.result,
        reason="" if judgement is None else _reason_of(judgement),
    )


def _reason_of(judgement: Judgement) -> str:
    """A reply with its code, or a reason's id."""
    why = judgement.detail if judgement.reason == "reply" else judgement.reason
    return " ".join(filter(None, (str(judgement.code or ""), why)))


def _said(answer: Reply | None) -> str:
    return "" if answer is None else " ".join([str(answer.code or ""), *answer.lines])
