"""The stages of one hop: which of them wait, run, are done or have failed, and how long each took."""

from __future__ import annotations

from typing import Literal, cast

import msgspec

from smtplab import events as ev
from smtplab.journal import Record, Stage

StageState = Literal["waiting", "running", "done", "failed", "skipped", "warning"]

DIALOGUE_STAGES: tuple[Stage, ...] = ("dns", "connect", "greeting", "ehlo", "tls", "auth", "envelope", "data", "quit")
"""Every hop has these, in this order."""

OTHER_STAGES: tuple[Stage, ...] = ("queue", "mailbox", "bounce", "collect", "outcome")
"""A hop has these only where something of theirs happened."""


class StageProgress(msgspec.Struct, frozen=True):
    stage: Stage
    state: StageState = "waiting"
    spent_us: int = 0
    """Time of the hop that went by in this stage, over all its tries."""


Stages = tuple[StageProgress, ...]


def fold_stage(stages: Stages, record: Record, spent_us: int) -> Stages:
    """The hop's stages after one more record, `spent_us` after the record of this hop before it."""
    if record.stage == "submit":
        return stages
    if not stages:
        stages = tuple(StageProgress(stage) for stage in DIALOGUE_STAGES)
    if not any(progress.stage == record.stage for progress in stages):
        stages = (*stages, StageProgress(record.stage))
    return tuple(_folded(progress, record, spent_us) for progress in stages)


def begin_anew(stages: Stages) -> Stages:
    """Another host is called: all after the call is still to come; the time spent stays."""
    again = ("connect", *DIALOGUE_STAGES[2:])
    return tuple(
        msgspec.structs.replace(progress, state="waiting") if progress.stage in again else progress
        for progress in stages
    )


def close_all(stages: Stages) -> Stages:
    """The journey is over: what ran is done, what still waited was left out."""
    last: dict[StageState, StageState] = {"running": "done", "waiting": "skipped"}
    return tuple(
        msgspec.structs.replace(progress, state=last.get(progress.state, progress.state)) for progress in stages
    )


def _folded(progress: StageProgress, record: Record, spent_us: int) -> StageProgress:
    if progress.stage == record.stage:
        state = _state_after(progress.state, record.event)
        return msgspec.structs.replace(progress, state=state, spent_us=progress.spent_us + spent_us)
    state = _state_beside(progress, record.stage)
    return progress if state == progress.state else msgspec.structs.replace(progress, state=state)


def _state_beside(progress: StageProgress, now: Stage) -> StageState:
    """Another stage is at work: what ran is over, and what comes before it in a dialogue was left out."""
    if progress.state == "running":
        return "done"
    if progress.state == "waiting" and _position(progress.stage) < _position(now):
        return "skipped"
    return progress.state


def _position(stage: Stage) -> int:
    # Queue, mailbox and the like stand beside the dialogue, not after it: they leave nothing out.
    return DIALOGUE_STAGES.index(stage) if stage in DIALOGUE_STAGES else -1


def _state_after(state: StageState, event: ev.Event) -> StageState:
    verdict = verdict_of(event)
    if verdict is None:
        return state if state in ("failed", "warning") else "running"
    if verdict == "done" and state in ("failed", "warning"):
        return "warning"
    return verdict


def verdict_of(event: ev.Event) -> StageState | None:
    """What an event alone says of its stage; None where the stage only goes on."""
    match event:
        case ev.ReplyReceived() | ev.ReplySent():
            return _verdict_of_reply(event)
        case ev.RouteFound(hosts=hosts):
            return "done" if hosts else "failed"
        case ev.DnsFailed() | ev.ConnectFailed() | ev.TlsFailed() | ev.Bounced():
            return "failed"
        case ev.HostSkipped() | ev.RuleBroken(by="them") | ev.Deferred():
            return "warning"
        case ev.DnsAnswered(rrtype="MX", rcode="NXDOMAIN"):
            return "failed"
        case ev.Connected() | ev.Authenticated() | ev.Delivered() | ev.MailCollected():
            return "done"
        case ev.TlsEstablished(problem=problem):
            return "warning" if problem else "done"
        case ev.Disconnected(by=by, clean=clean):
            return None if clean or by == "us" else "failed"
        case ev.JourneyEnded(result=result):
            return cast(StageState, _OF_RESULT[result])
        case _:
            return None


def refuses(reply: ev.ReplyReceived | ev.ReplySent) -> bool:
    """Is it a no, or nothing that could be a yes? POP3's yes has no code but a plus (RFC 1939 3)."""
    if reply.code is None:
        return not (reply.lines and reply.lines[0].startswith("+"))
    return reply.code >= 400


def _verdict_of_reply(reply: ev.ReplyReceived | ev.ReplySent) -> StageState | None:
    if refuses(reply):
        # A server that answers QUIT badly or not at all has lost nothing of the message.
        return "warning" if reply.verb == "QUIT" else "failed"
    if reply.code is None:
        return None
    return "done" if reply.code < 300 and reply.verb != "STARTTLS" else None


_OF_RESULT: dict[ev.Result, str] = {
    "delivered": "done",
    "accepted": "done",
    "stopped": "done",
    "deferred": "warning",
    "bounced": "failed",
    "refused": "failed",
    "unreachable": "failed",
}
