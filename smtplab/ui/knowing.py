"""Puts what a node knew at a moment into words and places: its queue, its DNS cache, its judgements."""

from __future__ import annotations

from typing import Final

from textual.content import Content

from smtplab.ui.reading import elapsed
from smtplab.view.knowledge import CachedAnswer, Judgement, Knowledge, QueuedMessage
from smtplab.view.meaning import reason_text
from smtplab.view.safe import safe
from smtplab.view.texts import Texts
from smtplab.view.titles import day_and_minute

_QUEUE_SHOWN: Final = 50
_ANSWERS_SHOWN: Final = 60
_JUDGEMENTS_SHOWN: Final = 40
"""The newest of each; a person who wants all of them reads the log."""


def picture(known: Knowledge, now_us: int, texts: Texts) -> Content:
    """All three, each under its heading and with a word where there is nothing."""
    parts = [*_queue(known, now_us, texts), Content(), *_answers(known.cached_at(now_us), now_us, texts)]
    if known.judgements:
        parts += [Content(), *_judgements(known.judgements, texts)]
    return Content("\n").join(parts)


def _queue(known: Knowledge, now_us: int, texts: Texts) -> list[Content]:
    lines = [_heading(texts("ui.host.queue", count=len(known.queue)))]
    if not known.queue:
        return [*lines, _quiet(texts("ui.host.queue.empty"))]
    for entry in list(known.queue.values())[-_QUEUE_SHOWN:]:
        lines += _queued(entry, now_us, texts)
    return lines


def _queued(entry: QueuedMessage, now_us: int, texts: Texts) -> list[Content]:
    style = "bold $warning" if entry.state == "deferred" else "bold $client"
    sender = safe(entry.sender) or "<>"
    to = f" → {safe(', '.join(entry.recipients))}" if entry.recipients else ""
    age = texts.duration(max(now_us - entry.since_us, 0) / 1e6)
    facts = [texts(f"ui.host.state.{entry.state}"), texts("ui.host.age", time=age)]
    if entry.attempts:
        facts.append(texts("ui.host.attempts", count=entry.attempts))
    if entry.next_attempt:
        facts.append(texts("ui.world.waits", moment=day_and_minute(entry.next_attempt)))
    lines = [
        Content.assemble(("  ", ""), (entry.queue_id, style), "  ", f"{sender}{to}"),
        Content.styled(f"    {' · '.join(facts)}", "$quiet"),
    ]
    if entry.reason:
        lines.append(Content.styled(f"    {safe(reason_text(entry.reason, texts))}", "$warning"))
    return lines


def _answers(answers: list[CachedAnswer], now_us: int, texts: Texts) -> list[Content]:
    lines = [_heading(texts("ui.host.dns", count=len(answers)))]
    if not answers:
        return [*lines, _quiet(texts("ui.host.dns.empty"))]
    for answer in answers[-_ANSWERS_SHOWN:]:
        said = ", ".join(answer.records) or (texts("ui.host.dns.none") if answer.rcode == "NOERROR" else answer.rcode)
        left = texts("ui.host.dns.left", time=texts.duration((answer.until_us - now_us) / 1e6))
        lines.append(
            Content.assemble(
                ("  ", ""),
                (f"{safe(answer.name)} {answer.rrtype}", "bold"),
                "  ",
                (safe(said), "$server" if answer.records else "$quiet"),
                (f"  {left}", "$quiet"),
            )
        )
    return lines


def _judgements(judgements: list[Judgement], texts: Texts) -> list[Content]:
    lines = [
        Content.assemble(
            (f"  {elapsed(one.elapsed_us / 1e6):>9}  ", "$faint"),
            (f"{safe(one.check)}: {safe(one.verdict)}", "bold"),
            (f"  {safe(one.detail)}", "$quiet"),
        )
        for one in judgements[-_JUDGEMENTS_SHOWN:]
    ]
    return [_heading(texts("ui.host.judged")), *lines]


def _heading(text: str) -> Content:
    return Content.styled(text, "bold $accent")


def _quiet(text: str) -> Content:
    return Content.styled(f"  {text}", "$quiet")
