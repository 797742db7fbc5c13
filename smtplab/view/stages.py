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


_POSITIONS: dict[Stage, int] = {stage: place for place, stage in enumerate(DIALOGUE_STAGES)}
"""Queue, mailbox and the like stand beside the dialogue, not after it: they leave nothing out."""


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
    now, here = record.stage, _POSITIONS.get(record.stage, -1)
    folded: list[StageProgress] = []
    found = False
    # One loop without calls: this runs for every record of a capture.
    for progress in stages:
        stage, state = progress.stage, progress.state
        if stage == now:
            found = True
            folded.append(StageProgress(now, _state_after(state, record.event), progress.spent_us + spent_us))
        elif state == "running":
            # Another stage is at work: what ran is over.
            folded.append(StageProgress(stage, "done", progress.spent_us))
        elif state == "waiting" and _POSITIONS.get(stage, -1) < here:
            # What comes before it in a dialogue was left out.
            folded.append(StageProgress(stage, "skipped", progress.spent_us))
        else:
            folded.append(progress)
    if not found:
        folded.append(StageProgress(now, _state_after("waiting", record.event), spent_us))
    return tuple(folded)


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
