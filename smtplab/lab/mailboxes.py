"""Plays a world once more, in a process of its own, for what lies in its mailboxes at the end; records it leaves alone.

Same world and seed, same messages: what is shown beside the records is what those records tell of.
"""

from __future__ import annotations

import asyncio
import sys

import msgspec

from smtplab.journal import Record
from smtplab.lab.bad_input import BadInput
from smtplab.lab.bad_world import bad_world
from smtplab.lab.exits import DONE, USAGE
from smtplab.sim.library import WorldError, load_world
from smtplab.sim.run import JourneyError, play
from smtplab.told import Told

Mailboxes = dict[str, tuple[bytes, ...]]
"""By address, the stored messages in the order of delivery: Return-Path and trace lines first, then what was sent."""

_DECODER = msgspec.json.Decoder(Mailboxes)
_BAD_DECODER = msgspec.json.Decoder(Told)


async def stored_in(world: str, seed: int | None = None) -> Mailboxes:
    """A name or a `.toml` file. Raises BadInput; cancelling it ends the process."""
    pipe = asyncio.subprocess.PIPE
    arguments = [world] if seed is None else [world, str(seed)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "smtplab.lab.mailboxes", *arguments, stdout=pipe, stderr=pipe
    )
    try:
        out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == USAGE:
        bad = _BAD_DECODER.decode(out)
        raise BadInput(bad.text, **bad.arguments)
    if process.returncode:
        said = errors.decode("utf-8", "replace").strip().splitlines()
        raise BadInput("cli.bad-world", reason=said[-1] if said else world)
    return _DECODER.decode(out)


def main(arguments: list[str]) -> int:
    """`WORLD [SEED]`: one JSON object on standard output, the messages in base64; with exit code 2, what is wrong."""
    try:
        world = load_world(arguments[0])
        played = play(world, int(arguments[1]) if len(arguments) > 1 else None, None, _pass_over)
    except (WorldError, JourneyError) as trouble:
        bad = bad_world(trouble)
        sys.stdout.buffer.write(msgspec.json.encode(Told(bad.text, bad.arguments)))
        return USAGE
    sys.stdout.buffer.write(msgspec.json.encode(played.mailboxes))
    return DONE


def _pass_over(_record: Record) -> None:
    """The records are shown already."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
