"""Explains DNS questions and answers, and the route that follows from them."""

from __future__ import annotations

from smtplab import events as ev
from smtplab.view.explain.explanation import Explanation, Facts, kept
from smtplab.view.meaning import reason_text
from smtplab.view.texts import Texts

_RFC_OF_TYPE = {
    "MX": "RFC 5321 5.1",
    "A": "RFC 1035 3.4.1",
    "AAAA": "RFC 3596 2.1",
    "TXT": "RFC 1035 3.3.14",
    "PTR": "RFC 1035 3.3.12",
    "TLSA": "RFC 6698 2",
    "CNAME": "RFC 1034 3.6.2",
}


def explain_dns(event: ev.DnsQueried | ev.DnsAnswered | ev.DnsFailed, texts: Texts) -> Explanation:
    what = texts.first(f"explain.dns.{event.rrtype}", "explain.dns.other", rrtype=event.rrtype)
    facts: Facts = (
        (texts("fact.name"), event.name),
        (texts("fact.type"), event.rrtype),
        (texts("fact.server"), event.server),
    )
    ref = _RFC_OF_TYPE.get(event.rrtype, "RFC 1035")
    match event:
        case ev.DnsQueried(server=server):
            paragraphs = (what, texts("explain.dns.asked", server=server))
            return Explanation(texts("explain.title.dns-queried"), paragraphs, facts, (ref,))
        case ev.DnsFailed(reason=reason):
            paragraphs = (what, texts("explain.dns.failed", reason=reason_text(reason, texts)))
            return Explanation(texts("explain.title.dns-failed"), paragraphs, facts, ("RFC 5321 5.1", ref))
        case ev.DnsAnswered():
            facts = facts + _answer_facts(event, texts)
            title = texts("explain.title.dns-answered")
            return Explanation(title, (*_decided(event, texts), what), facts, _answer_refs(event, ref))


def _decided(answer: ev.DnsAnswered, texts: Texts) -> tuple[str, ...]:
    if answer.rcode != "NOERROR":
        return (texts.first(f"explain.dns.{answer.rcode}", "explain.dns.rcode", rcode=answer.rcode),)
    own = [record for record in answer.records if not record.startswith("CNAME ")]
    if not own:
        found = texts.first(f"explain.dns.nodata.{answer.rrtype}", "explain.dns.nodata", name=answer.name)
    elif answer.rrtype == "MX" and all(record.endswith(" .") for record in own):
        found = texts("explain.null-mx")
    else:
        found = texts("explain.dns.found")
    alias = texts("explain.dns.alias") if len(own) < len(answer.records) else ""
    return kept(found, alias, texts("explain.dns.cached") if answer.cached else "")


def _answer_facts(answer: ev.DnsAnswered, texts: Texts) -> Facts:
    facts = [(texts("fact.rcode"), answer.rcode)]
    facts += [(texts("fact.record"), record) for record in answer.records]
    if answer.ttl is not None:
        facts.append((texts("fact.ttl"), texts.duration(answer.ttl)))
    facts.append((texts("fact.authentic"), texts("fact.yes" if answer.authentic else "fact.no")))
    facts.append((texts("fact.time"), texts.duration(answer.ms / 1000)))
    return tuple(facts)


def _answer_refs(answer: ev.DnsAnswered, ref: str) -> tuple[str, ...]:
    null_mx = answer.rrtype == "MX" and any(record.endswith(" .") for record in answer.records)
    if null_mx:
        return (ref, "RFC 7505")
    return (ref,) if answer.records else (ref, "RFC 2308 2")


def explain_route(event: ev.RouteFound | ev.HostSkipped | ev.PolicyFound, texts: Texts) -> Explanation:
    match event:
        case ev.RouteFound(source=source, hosts=hosts):
            named = ", ".join(f"{found.host} [{', '.join(found.addresses)}]" for found in hosts)
            paragraphs = kept(texts(f"say.route.{source}", hosts=named), texts("explain.route") if hosts else "")
            facts = tuple((_label(found), ", ".join(found.addresses)) for found in hosts)
            refs = ("RFC 5321 5.1", "RFC 7505") if source == "null-mx" else ("RFC 5321 5.1",)
            return Explanation(texts("explain.title.route-found"), paragraphs, facts, refs)
        case ev.HostSkipped(host=host, reason=reason):
            said = texts.first(f"skip.{reason}", f"reason.{reason}")
            paragraphs = (texts("explain.host-skipped", host=host, reason=said), texts("say.host-skipped"))
            return Explanation(texts("explain.title.host-skipped"), paragraphs, (), ("RFC 5321 5.1",))
        case ev.PolicyFound(kind=kind, policy=policy):
            ref = "RFC 8461" if kind == "mta-sts" else "RFC 7672"
            facts = ((texts("fact.detail"), policy),)
            return Explanation(texts("explain.title.policy-found"), (texts(f"explain.policy.{kind}"),), facts, (ref,))


def _label(found: ev.HostFound) -> str:
    return found.host if found.preference is None else f"{found.preference} {found.host}"
