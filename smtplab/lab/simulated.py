"""A walk through a simulated world, to its end at once; what the world plays it does not know."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from smtplab.journal import Record
from smtplab.lab import checked
from smtplab.lab.bad_world import bad_world
from smtplab.lab.compose import compose
from smtplab.lab.exits import exit_code_of
from smtplab.lab.parts import Parts
from smtplab.lab.request import WalkRequest
from smtplab.sim.library import WorldError, load_world
from smtplab.sim.run import Journey, JourneyError, run, sender_of
from smtplab.sim.world import World


class SimulatedWalk(msgspec.Struct, frozen=True):
    world: World
    journey: Journey


def prepare_simulated(request: WalkRequest, world_name: str) -> SimulatedWalk:
    """Raises BadInput."""
    recipient = checked.mailbox(request.recipient)
    try:
        world = load_world(world_name)
    except WorldError as trouble:
        raise bad_world(trouble) from trouble
    journey = Journey(
        recipient=str(recipient),
        sender=request.sender,
        content=request.content if request.content is not None else _written(request, world, str(recipient)),
        quit_after=request.quit_after,
        seed=request.seed,
    )
    return SimulatedWalk(world, journey)


def walk_simulated(walk: SimulatedWalk, on_record: Callable[[Record], None]) -> int:
    """The exit code. It runs an event loop of its own, so no other may run in this thread. Raises BadInput."""
    try:
        played = run(walk.world, walk.journey, on_record)
    except JourneyError as trouble:
        raise bad_world(trouble) from trouble
    return exit_code_of(played.ended.result)


def _written(request: WalkRequest, world: World, recipient: str) -> bytes | None:
    """What the person wrote; None where the world's own letter is to go."""
    if request.subject is None and request.body is None and not request.headers and not request.attachments:
        return None
    try:
        sender = sender_of(world, Journey(recipient=recipient, sender=request.sender)).address
    except JourneyError as trouble:
        raise bad_world(trouble) from trouble
    parts = Parts(
        sender=sender,
        recipient=recipient,
        date=world.start,
        token=f"{world.name}-{world.seed if request.seed is None else request.seed}",
        host=sender.rpartition("@")[2],
        subject=request.subject,
        body=request.body,
        headers=request.headers,
        attachments=request.attachments,
    )
    return compose(parts)
