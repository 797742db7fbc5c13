"""What came of a journey: stages and times, every attempt with its reason, what the outcome means and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from smtplab import events as ev
from smtplab.journal import Record, Stage
from smtplab.view.diagnosis import Diagnosis, Evidence, diagnose
from smtplab.view.host_turn import fold_turn
from smtplab.view.journey import Attempt, Journey
from smtplab.view.meaning import meaning_of, reason_text
from smtplab.view.safe import safe
from smtplab.view.stages import StageState
from smtplab.view.texts import Texts


class StageLine(msgspec.Struct, frozen=True):
    hop: int
    stage: Stage
    name: str
    """In the reader's language."""
    state: StageState
    state_name: str
    spent_s: float


class AttemptLine(msgspec.Struct, frozen=True):
    hop: int
    host: str
    address: str
    port: int
    ok: bool
    outcome: str
    """In the reader's language: why it failed, or that it was taken."""


class Summary(msgspec.Struct, frozen=True):
    stages: tuple[StageLine, ...]
    """In order of hops; those left out are not among them."""
    attempts: tuple[AttemptLine, ...]
    result: ev.Result | None
    """None where the records end before the journey did."""
    headline: str
    meaning: tuple[str, ...]
    """One paragraph each."""
    advice: tuple[str, ...]
    """What to do next, one item each; empty where there is nothing to mend."""
    elapsed_s: float


def summarise(records: Sequence[Record], texts: Texts) -> Summary:
    """Reads all of them once."""
    journey = Journey.at(records, len(records))
    evidence = gather(records, journey)
    diagnosis = diagnose(evidence, texts) if evidence is not None else Diagnosis(())
    return Summary(
        stages=_stage_lines(journey, texts),
        attempts=tuple(_attempt_line(attempt, journey, texts) for attempt in journey.attempts),
        result=journey.ended.result if journey.ended is not None else None,
        headline=_headline(evidence, texts),
        meaning=diagnosis.meaning,
        advice=diagnosis.advice,
        elapsed_s=journey.elapsed_us / 1e6,
    )


def gather(records: Sequence[Record], journey: Journey) -> Evidence | None:
    """What bears on the outcome; None before there is one."""
    if journey.ended is None:
        return None
    last_hop = max((attempt.hop for attempt in journey.attempts), default=0)
    evidence = Evidence(
        ended=journey.ended,
        recipient=journey.started.recipient if journey.started is not None else "",
        # The hops before the last one took the message: they don't bear on the outcome.
        attempts=tuple(attempt for attempt in journey.attempts if attempt.hop == last_hop),
        recipient_taken=last_hop in journey.hops and journey.hops[last_hop].recipient_taken,
    )
    for record in records:
        if not journey.tells_twice(record):
            evidence = _with(evidence, record)
    return evidence


def _with(evidence: Evidence, record: Record) -> Evidence:
    event = record.event
    evidence = msgspec.structs.replace(evidence, turn=fold_turn(evidence.turn, record))
    match event:
        case ev.ConnectStarted(host=host):
            return msgspec.structs.replace(evidence, host=host)
        case ev.ReplyReceived(code=code) if code is not None and code >= 400 and _decides(event, evidence.ended):
            return msgspec.structs.replace(evidence, refusal=event, refused_by=evidence.host or record.node)
        case ev.RouteFound(source=source):
            return msgspec.structs.replace(evidence, source=source)
        case ev.TlsEstablished():
            return msgspec.structs.replace(evidence, tls=event)
        case ev.Delivered(mailbox=mailbox):
            return msgspec.structs.replace(evidence, mailbox=mailbox)
        case ev.Judged(check="list", verdict="distributed"):
            return msgspec.structs.replace(evidence, went_to_list=True)
        case ev.DnsFailed():
            return msgspec.structs.replace(evidence, dns_failed=event)
        case ev.DnsAnswered(rcode="REFUSED" | "SERVFAIL" as rcode, server=server):
            return msgspec.structs.replace(evidence, unwilling=server if rcode == "REFUSED" else "")
        case _:
            return evidence


def _decides(reply: ev.ReplyReceived, ended: ev.JourneyEnded) -> bool:
    """Is this the reply that the outcome is called after?"""
    return reply.code == ended.code and reply.enhanced == ended.enhanced


def _headline(evidence: Evidence | None, texts: Texts) -> str:
    if evidence is None:
        return texts("headline.unfinished")
    text_id = f"headline.{evidence.ended.result}{_headline_kind(evidence)}"
    told = {"recipient": evidence.recipient, "host": evidence.host, "domain": evidence.domain}
    return texts(text_id, **told, mailbox=evidence.mailbox)


def _headline_kind(evidence: Evidence) -> str:
    ended = evidence.ended
    if ended.result == "stopped":
        return ".interrupted" if evidence.reason == "interrupted" else ".willing" if evidence.recipient_taken else ""
    if ended.result == "delivered":
        elsewhere = evidence.mailbox and evidence.mailbox.lower() != evidence.recipient.lower()
        return ".list" if evidence.went_to_list else ".elsewhere" if elsewhere else ""
    named = evidence.source in ("pinned", "relay") and evidence.host
    return ".server" if ended.result == "unreachable" and named else ""


def _stage_lines(journey: Journey, texts: Texts) -> tuple[StageLine, ...]:
    return tuple(
        StageLine(
            hop=hop.number,
            stage=progress.stage,
            name=texts(f"stage.{progress.stage}"),
            state=progress.state,
            state_name=texts(f"stage-state.{progress.state}"),
            spent_s=progress.spent_us / 1e6,
        )
        for hop in sorted(journey.hops.values(), key=lambda hop: hop.number)
        for progress in hop.stages
        if progress.state not in ("skipped", "waiting") and progress.stage != "outcome"
    )


def _attempt_line(attempt: Attempt, journey: Journey, texts: Texts) -> AttemptLine:
    ok, outcome = _attempt_outcome(attempt, journey, texts)
    return AttemptLine(attempt.hop, safe(attempt.host), safe(attempt.address), attempt.port, ok, outcome)


def _attempt_outcome(attempt: Attempt, journey: Journey, texts: Texts) -> tuple[bool, str]:
    if attempt.refusal is not None:
        meaning = meaning_of(attempt.refusal, texts)
        return False, texts(
            "attempt.refused", code=f"{attempt.refusal.code} {attempt.refusal.enhanced or ''}".strip(), meaning=meaning
        )
    if attempt.reason:
        return False, reason_text(attempt.reason, texts)
    if not attempt.connected:
        return False, texts("attempt.under-way")
    success = _success(attempt, journey)
    if success == "connected" and (shortfall := _shortfall(attempt, journey, texts)) is not None:
        return False, shortfall
    return True, texts(f"attempt.{success}")


def _success(attempt: Attempt, journey: Journey) -> Literal["taken", "willing", "connected"]:
    """How far the last session of a hop came; an earlier one that was left without a word was connected, no more."""
    hop = journey.hops.get(attempt.hop)
    if hop is None or attempt is not _last_of(journey, attempt.hop):
        return "connected"
    return "taken" if hop.passed else "willing" if hop.recipient_taken else "connected"


def _shortfall(attempt: Attempt, journey: Journey, texts: Texts) -> str | None:
    """Why we went no further at the last address, where no reply and no lost connection says so."""
    ended = journey.ended
    if ended is None or ended.result not in ("deferred", "refused", "bounced") or ended.code is not None:
        return None
    word = ended.detail.partition(" ")[0]
    last = attempt is journey.attempts[-1]
    return reason_text(word, texts) if last and texts.has(f"reason.{word}") else None


def _last_of(journey: Journey, hop: int) -> Attempt:
    return [attempt for attempt in journey.attempts if attempt.hop == hop][-1]
