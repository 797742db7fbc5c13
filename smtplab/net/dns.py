"""The resolving loop: servers in turn, CNAMEs followed, answers read and cached; no socket and no real clock."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import msgspec

from smtplab.events import DnsAnswered, DnsFailed, DnsQueried
from smtplab.journal import Emit
from smtplab.net.cache import Cache, Found
from smtplab.net.exchange import Exchange
from smtplab.net.names import a_label_name, show_server
from smtplab.net.ports import Answer, AnswerKind, Chance, Clock, Endpoint, Lost

UDP_OCTETS = 1232
"""DNS flag day 2020: the largest datagram that no usual path fragments."""

CNAMES_MAX = 11
"""As BIND bounds its own restarts (`max-query-restarts`)."""

Read = Callable[[dns.message.Message, str, str, str], Found | None]
"""As `read_response`."""


class Bounds(msgspec.Struct, frozen=True):
    timeout_s: float = 3.0
    """For one try. RFC 1123 6.1.3.3 has at least 5 s for a whole question, which two rounds give."""
    rounds: int = 2
    """How often each server is asked, as resolv.conf(5) has it (`attempts`)."""
    lifetime_s: float = 20.0
    """For a whole question: three dead servers, twice each."""
    ageing: float = 1.0
    """Seconds by which answers grow old in one of the clock: more than one in a world that is wound on."""


class DnsResolver:
    """A `Resolver` that asks recursive servers, or authoritative ones that hold what is asked for."""

    def __init__(
        self,
        servers: tuple[Endpoint, ...],
        exchange: Exchange,
        clock: Clock,
        chance: Chance,
        bounds: Bounds | None = None,
        read: Read | None = None,
    ) -> None:
        """`read` None is `read_response`; whoever gets the same response again and again may remember what it says."""
        self._servers = servers
        self._exchange = exchange
        self._clock = clock
        self._ids = chance("dns-query-id")
        self._bounds = bounds = bounds or Bounds()
        self._read = read or read_response
        ageing, monotonic = bounds.ageing, clock.monotonic
        self._cache = Cache(monotonic if ageing == 1 else lambda: monotonic() * ageing)

    async def resolve(self, name: str, rrtype: str, emit: Emit) -> Answer:
        """As `Resolver.resolve`."""
        owner = a_label_name(name)
        if owner is None:
            emit(DnsFailed(name, rrtype, "", "malformed"))
            return Answer("malformed", name.lower().rstrip("."), rrtype)
        asked = owner
        end_s = self._clock.monotonic() + self._bounds.lifetime_s
        aliases: tuple[str, ...] = ()
        authentic = True
        ttl_s: int | None = None
        while True:
            found = self._known(owner, rrtype, emit) or await self._find(owner, rrtype, end_s, emit)
            if not isinstance(found, Found):
                return Answer(found, asked, rrtype, (), owner, aliases)
            authentic = authentic and found.authentic
            if found.ttl_s is not None and (ttl_s is None or found.ttl_s < ttl_s):
                ttl_s = found.ttl_s
            if found.aliases:
                aliases += found.aliases
                if _loop(asked, aliases) or len(aliases) > CNAMES_MAX:
                    emit(DnsFailed(asked, rrtype, found.server, "cname-loop"))
                    return Answer("cname-loop", asked, rrtype, (), found.canonical, aliases)
            if found.complete:
                break
            owner = found.canonical
        kind = _kind_of(found)
        return Answer(kind, asked, rrtype, found.records, found.canonical, aliases, ttl_s, authentic)

    def _known(self, name: str, rrtype: str, emit: Emit) -> Found | None:
        """One name's answer where it is cached: nobody is asked."""
        found = self._cache.get(name, rrtype)
        if found is not None:
            emit(_answered(name, rrtype, found, 0.0, cached=True))
        return found

    async def _find(self, name: str, rrtype: str, end_s: float, emit: Emit) -> Found | AnswerKind:
        """One name's answer: known to everybody, or asked of the servers in turn."""
        if (local := _special(name, rrtype)) is not None:
            emit(DnsQueried(name, rrtype, local.server))
            emit(_answered(name, rrtype, local, 0.0))
            return local
        if not self._servers:
            emit(DnsFailed(name, rrtype, "", "no-server"))
            return "unreachable"
        failures: list[AnswerKind] = []
        for server in self._servers * self._bounds.rounds:
            left_s = end_s - self._clock.monotonic()
            if left_s <= 0:
                break
            found = await self._ask(name, rrtype, server, min(left_s, self._bounds.timeout_s), emit)
            if isinstance(found, Found):
                self._cache.put(name, rrtype, found)
                return found
            failures.append(found)
        return _worst(failures)

    async def _ask(self, name: str, rrtype: str, server: Endpoint, timeout_s: float, emit: Emit) -> Found | AnswerKind:
        """One server, asked once."""
        query = _query_with(_template(name, rrtype), self._ids.getrandbits(16))
        shown = show_server(server)
        emit(DnsQueried(name, rrtype, shown))
        began_s = self._clock.monotonic()
        response = await self._exchange.ask(query, server, timeout_s)
        if type(response) is not Lost and _is_format_error(response):
            # RFC 6891 7: an old server that does not know EDNS says so with FORMERR.
            query.use_edns(False)
            response = await self._exchange.ask(query, server, timeout_s)
        ms = round((self._clock.monotonic() - began_s) * 1000, 3)
        if type(response) is Lost:
            emit(DnsFailed(name, rrtype, shown, response.reason))
            return _KIND_OF_REASON.get(response.reason, "unreachable")
        found = self._read(response, name, rrtype, shown)
        if found is None:
            # A referral, from a server that will not look further for us (RFC 2308 2.2).
            emit(DnsFailed(name, rrtype, shown, "refused"))
            return "servfail"
        emit(_answered(name, rrtype, found, ms))
        # BIND calls a loop SERVFAIL and shows it: the chain says more than the code.
        return found if found.rcode in ("NOERROR", "NXDOMAIN") or _loop(name, found.aliases) else "servfail"


_KIND_OF_REASON: dict[str, AnswerKind] = {"timed-out": "timed-out", "malformed": "malformed"}

_BY_WEIGHT: tuple[AnswerKind, ...] = ("servfail", "timed-out", "malformed", "unreachable")


def _worst(failures: Iterable[AnswerKind]) -> AnswerKind:
    """Of several servers' failures, the one that says most: a server that answered, then one that might have."""
    return min(failures, key=_BY_WEIGHT.index, default="timed-out")


def _is_format_error(response: dns.message.Message) -> bool:
    """dnspython makes an enum of every code; most responses have none (RFC 1035 4.1.1: the lowest four bits)."""
    return bool(int(response.flags) & 0x0F) and response.rcode() == dns.rcode.FORMERR


def _kind_of(found: Found) -> AnswerKind:
    if found.rcode == "NXDOMAIN":
        return "nxdomain"
    return "found" if found.records else "nodata"


def _loop(name: str, aliases: Sequence[str]) -> bool:
    """A name came twice."""
    return len({name, *aliases}) <= len(aliases)


def _answered(name: str, rrtype: str, found: Found, ms: float, *, cached: bool = False) -> DnsAnswered:
    return DnsAnswered(
        name, rrtype, found.server, found.rcode, found.shown_records(), found.ttl_s, found.authentic, ms, cached
    )


# The same few questions are asked by every server of a world, and of every server of a list.
@functools.lru_cache(maxsize=4096)
def _template(name: str, rrtype: str) -> dns.message.QueryMessage:
    query = _query_with(_bare_query(), 0)
    question = dns.rrset.RRset(dns.name.from_text(name), dns.rdataclass.IN, dns.rdatatype.from_text(rrtype))
    query.sections = [[question], [], [], []]
    return query


# Nothing but the question differs, and EDNS takes the longest to make.
@functools.lru_cache(maxsize=1)
def _bare_query() -> dns.message.QueryMessage:
    query = dns.message.make_query(".", "A", use_edns=0, payload=UDP_OCTETS, id=0)
    # RFC 6840 5.7: AD in a query asks whether the server has validated, without signatures to read.
    query.flags |= dns.flags.AD
    return query


def _query_with(template: dns.message.QueryMessage, query_id: int) -> dns.message.QueryMessage:
    """The same question under an id of its own, and with an EDNS that can be taken off; `copy` takes five times as
    long."""
    query = dns.message.QueryMessage(query_id)
    query.flags, query.sections = template.flags, template.sections
    query.opt, query.request_payload = template.opt, template.request_payload
    return query


def read_response(response: dns.message.Message, name: str, rrtype: str, server: str) -> Found | None:
    """The response of this server to this question as a value; None for a referral."""
    wanted = dns.rdatatype.from_text(rrtype)
    # Whoever exchanges it has seen to it that a response repeats its question.
    owner = response.question[0].name if response.question else dns.name.from_text(name)
    aliases: list[str] = []
    ttls: list[int] = []
    records: tuple[str, ...] = ()
    while len(aliases) <= CNAMES_MAX and not _loop(name, aliases):
        rrset = _rrset(response.answer, owner, wanted)
        if rrset is not None:
            records = tuple(rdata.to_text() for rdata in rrset)
            ttls.append(rrset.ttl)
            break
        alias = _rrset(response.answer, owner, dns.rdatatype.CNAME)
        if alias is None:
            break
        ttls.append(alias.ttl)
        owner = alias[0].target
        aliases.append(_text(owner))
    denied_s = _negative_ttl(response, owner)
    rcode = dns.rcode.to_text(response.rcode())
    if rcode == "NOERROR" and not response.answer and denied_s is None and _is_referral(response):
        return None
    if not records and denied_s is not None:
        ttls.append(denied_s)
    complete = bool(records) or not aliases or rcode != "NOERROR" or denied_s is not None
    cacheable = records or denied_s is not None or not complete
    return Found(
        rcode=rcode,
        canonical=_text(owner),
        aliases=tuple(aliases),
        records=records,
        ttl_s=min(ttls) if ttls and cacheable else None,
        authentic=bool(response.flags & dns.flags.AD),
        complete=complete,
        server=server,
    )


def _rrset(
    section: Iterable[dns.rrset.RRset], owner: dns.name.Name, rdtype: dns.rdatatype.RdataType
) -> dns.rrset.RRset | None:
    for rrset in section:
        if rrset.rdtype == rdtype and rrset.rdclass == dns.rdataclass.IN and rrset.name == owner:
            return rrset
    return None


def _negative_ttl(response: dns.message.Message, owner: dns.name.Name) -> int | None:
    """How long the absence of what was asked may be believed (RFC 2308 5); None where no SOA speaks for it."""
    for rrset in response.authority:
        if rrset.rdtype == dns.rdatatype.SOA and owner.is_subdomain(rrset.name):
            return int(min(rrset.ttl, rrset[0].minimum))
    return None


def _is_referral(response: dns.message.Message) -> bool:
    return any(rrset.rdtype == dns.rdatatype.NS for rrset in response.authority) and not (
        response.flags & (dns.flags.AA | dns.flags.RA)
    )


def _special(name: str, rrtype: str) -> Found | None:
    """RFC 6761 6.3 and 6.4: `localhost` is this host and `invalid` does not exist; no server is asked."""
    top = name.rpartition(".")[2]
    if top == "invalid":
        return Found("NXDOMAIN", name, (), (), None, authentic=False, complete=True, server="local")
    if top == "localhost":
        own = {"A": ("127.0.0.1",), "AAAA": ("::1",)}.get(rrtype, ())
        return Found("NOERROR", name, (), own, None, authentic=False, complete=True, server="local")
    return None


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()
