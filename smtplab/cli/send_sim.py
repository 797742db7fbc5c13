"""Runs `smtplab send --sim`: one message through a world, with the transcript of whoever sends on each hop."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from smtplab.cli.output import Show, opened_output, print_json
from smtplab.cli.transcript import Files, SwaksPrinter, Told
from smtplab.journal import Record
from smtplab.lab import checked
from smtplab.lab.bad_input import BadInput
from smtplab.lab.choice import choose_world
from smtplab.lab.request import SendRequest
from smtplab.lab.simulated import prepare_simulated, walk_simulated
from smtplab.view.texts import Texts

Tell = Callable[[Record], None]

_HEEDED = frozenset({"shared", "recipients", "line_endings", "letter", "drop"})
"""What is not asked of a real session."""


def send_in_world(request: SendRequest, world: tuple[str, int | None], texts: Texts, told: Told) -> int:
    """The exit code; `world` is its name and the seed. Raises BadInput."""
    play = simulated(request, *world)
    with Files(*told.files) as opened:
        printer = SwaksPrinter(texts, request.shared.content, told.shown, opened, color=told.color)

        def of_senders(record: Record) -> None:
            if record.span.startswith(_SENDERS):
                printer(record)

        show: Show = print_json() if told.as_json else of_senders
        with opened_output(texts, show, told.capture, show_secrets=request.shared.show_secrets) as output:
            return play(output.tell)


_SENDERS = ("submit", "deliver")
"""Where those stand who send: whoever receives tells the same dialogue once more."""


def simulated(request: SendRequest, sim: str, seed: int | None) -> Callable[[Tell], int]:
    """Called once, it plays to the end and returns the exit code. Raises BadInput for what a world's hosts bring
    themselves, and for several recipients."""
    if len(request.recipients) != 1 or request.letter.copies or request.letter.blind:
        raise BadInput("send.sim-one-recipient")
    shared = msgspec.structs.replace(request.shared, sim=sim, seed=seed)
    world = choose_world(shared, checked.mailbox(request.recipients[0]))
    assert world is not None
    plain = SendRequest(shared=request.shared, recipients=request.recipients)
    for field in SendRequest.__struct_fields__:
        if field not in _HEEDED and getattr(request, field) != getattr(plain, field):
            raise BadInput("send.sim-not-heeded", option=f"--{field.replace('_', '-')}")
    letter = request.letter
    if letter.html is not None or letter.pieces or letter.added or letter.mend:
        raise BadInput("send.sim-not-heeded", option="--html, --attach, --add-header, --mend")
    walk = prepare_simulated(shared, world)
    return lambda tell: walk_simulated(walk, tell)
