"""Ready commands for a shell with which a lesson's world on loopback can be asked; the same in every language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from smtplab.lesson.lesson import Task
from smtplab.sim.serve import Open
from smtplab.sim.world import User, World

SENDER, RECIPIENT = "SENDER", "RECIPIENT"
"""For the student to fill in: from whom to whom is what the task asks."""


def commands(world: World, task: Task | None, opened: Sequence[Open]) -> tuple[str, ...]:
    """What serves the task comes first."""
    by_hand, submitted, names = _by_hand(task, opened), _submitted(world, opened), _names(world, task, opened)
    match task.does if task is not None else "":
        case "send":
            return (*submitted, *by_hand, *names)
        case "mend" | "find":
            return (*names, *submitted, *by_hand)
        case _:
            return (*by_hand, *submitted, *names)


def _by_hand(task: Task | None, opened: Sequence[Open]) -> Iterator[str]:
    """To the server of the task, or to the first that takes mail from strangers."""
    smtp = [one for one in opened if one.protocol == "smtp"]
    wanted = [one for one in smtp if task is not None and one.node == task.server]
    for one in (wanted or smtp)[:1]:
        if task is not None and task.does == "speak":
            yield f"smtplab session {one.host}:{one.port}"
            yield f"nc -C {one.host} {one.port}"
        yield f"swaks -s {one.host}:{one.port} -f {SENDER} -t {RECIPIENT}"


def _submitted(world: World, opened: Sequence[Open]) -> Iterator[str]:
    """As the program of the first user who can write."""
    writer = next((user for user in world.users if user.agent and user.password), None)
    if writer is None:
        return
    entry = world.host(writer.agent).submits_to
    for one in (one for one in opened if one.node == entry and one.protocol == "submission"):
        yield f"swaks -s {one.host}:{one.port} -tls {_login(writer)} -f {writer.address} -t {RECIPIENT}"
        yield (
            f"curl --ssl-reqd -k --crlf -u {writer.address}:{writer.password} --mail-from {writer.address} "
            f"--mail-rcpt {RECIPIENT} -T FILE smtp://{one.host}:{one.port}"
        )


def _login(writer: User) -> str:
    return f"-au {writer.address} -ap {writer.password}"


def _names(world: World, task: Task | None, opened: Sequence[Open]) -> Iterator[str]:
    domain = (task.zone if task is not None else "") or next(
        (host.domains[0] for host in reversed(world.hosts) if host.domains), "."
    )
    for one in (one for one in opened if one.protocol == "dns"):
        yield f"dig @{one.host} -p {one.port} {domain} MX"
        return
