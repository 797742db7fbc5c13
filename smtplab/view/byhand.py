"""What a person who speaks SMTP by hand is told: of a line before it leaves, of a reply, and what may come next."""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.smtp.foresight import Foresight
from smtplab.smtp.legality import Standing
from smtplab.smtp.states import CONTENT, legal_verbs
from smtplab.view.diagnosis import Evidence, diagnose, steps_after
from smtplab.view.explain import Explanation, explain
from smtplab.view.journey import Journey
from smtplab.view.meaning import meaning_of, path_of, rule_text
from smtplab.view.safe import safe
from smtplab.view.texts import Texts

Tone = Literal["", "good", "odd", "bad", "quiet"]

_OF_A_PLAN = ("explain.reply.decided.host", "explain.reply.decided.recipient-4", "explain.reply.decided.recipient-5")
"""What a mail server decides from a refusal; a person decides for themselves."""

_SYNTAX_CODES = frozenset({500, 501, 502, 503, 504, 555})
"""It is the command that the server does not take, not the mail (RFC 5321 4.2.2)."""

_STEP_OF_CODE = {502: "not-offered", 503: "order", 504: "not-offered", 555: "not-offered"}


class Mark(NamedTuple):
    """Of a line that is being typed."""

    sign: str
    text: str
    tone: Tone


_SIGNS: dict[str, tuple[str, Tone]] = {
    "empty": ("·", "quiet"),
    "legal": ("✓", "good"),
    "content": ("✎", "quiet"),
    "chunk": ("✎", "quiet"),
    "response": ("✎", "quiet"),
    "flawed": ("!", "odd"),
    "illegal": ("✗", "bad"),
    "unknown": ("?", "odd"),
}


def mark_of(foresight: Foresight, standing: Standing, texts: Texts) -> Mark:
    """What it will be taken for, and the first of the rules that it breaks, with its RFC."""
    sign, tone = _SIGNS[foresight.verdict]
    if foresight.verdict in ("empty", "legal", "content", "chunk", "response"):
        verb = foresight.verb
        return Mark(sign, texts(f"session.mark.{foresight.verdict}", verb=verb, state=standing.state), tone)
    verb = safe(foresight.verb)
    said = texts(f"session.mark.{foresight.verdict}", verb=verb, state=standing.state)
    flaw = next((one for one in foresight.flaws if one.rule != "unknown-verb"), None)
    if flaw is not None:
        others = f" (+{len(foresight.flaws) - 1})" if len(foresight.flaws) > 1 else ""
        said = f"{said}: {rule_text(flaw.rule, texts)}{f' · {flaw.rfc}' if flaw.rfc else ''}{others}"
    return Mark(sign, said, tone)


def next_verbs(standing: Standing) -> tuple[str, ...]:
    """What the table of states and the announcements allow, what leads on first."""
    verbs = legal_verbs(standing.state, standing.extensions, standing.dialect)
    return tuple(verb for verb in verbs if verb != CONTENT)


def is_left_out(record: Record, first: Record) -> bool:
    """Our own end has told which rule was broken, so a world's server need not; nor has a session an outcome."""
    match record.event:
        case ev.RuleBroken():
            return record.hop == first.hop and record.node != first.node
        case ev.JourneyEnded(result="stopped"):
            return True
        case _:
            return False


def gist(record: Record, journey: Journey, texts: Texts) -> tuple[str, ...]:
    """The lines below a reply: what it means, and where it refuses what to do; so too below an end that came first."""
    event = record.event
    if isinstance(event, ev.JourneyEnded):
        return tuple(texts("session.gist.do", step=said) for said in _on_the_end(event, journey, texts)[:3])
    if not isinstance(event, ev.ReplyReceived) or event.code is None:
        return ()
    said = texts("session.gist", code=event.enhanced or event.code, meaning=meaning_of(event, texts))
    return (said, *(texts("session.gist.do", step=step) for step in advice(record, journey, texts)[:1]))


def advice(record: Record, journey: Journey, texts: Texts) -> tuple[str, ...]:
    """What to do about a refusal; empty where nothing was refused."""
    event = record.event
    if not isinstance(event, ev.ReplyReceived) or event.code is None or event.code < 400:
        return ()
    if event.code in _SYNTAX_CODES:
        return (texts(f"session.do.{_STEP_OF_CODE.get(event.code, 'syntax')}"),)
    session = journey.session_of(record)
    answered = session.answered if session is not None else None
    recipient = path_of(answered.line) if answered is not None else ""
    return steps_after(event, safe(recipient), texts)


def _on_the_end(ended: ev.JourneyEnded, journey: Journey, texts: Texts) -> tuple[str, ...]:
    """Why no connection came to stand, and what to do; empty where one did."""
    if not journey.attempts or any(attempt.connected for attempt in journey.attempts):
        return ()
    host = journey.attempts[-1].host
    found = diagnose(Evidence(ended, recipient=f"@{host}", attempts=tuple(journey.attempts), host=host), texts)
    return (*found.meaning, *found.advice)


def explained(record: Record, journey: Journey, texts: Texts) -> Explanation:
    """As the inspector of a walk has it, but with what a person can do now in place of what a server would decide."""
    said = explain(record, journey, texts)
    if isinstance(record.event, ev.JourneyEnded):
        more = _on_the_end(record.event, journey, texts)
        return msgspec.structs.replace(said, paragraphs=(*said.paragraphs, *more))
    if not isinstance(record.event, ev.ReplyReceived):
        return said
    session = journey.session_of(record)
    answered = session.answered if session is not None else None
    left_out = {texts(plan) for plan in _OF_A_PLAN}
    if answered is not None:
        left_out.add(texts("explain.answers", line=answered.line))  # It stands just above.
    paragraphs = [paragraph for paragraph in said.paragraphs if paragraph not in left_out]
    if steps := advice(record, journey, texts):
        paragraphs.insert(1, texts("session.do", steps=" ".join(steps)))
    return msgspec.structs.replace(said, paragraphs=tuple(paragraphs))
