"""What becomes of a message with `smtplab send` beside being sent at once: many, queued, in a world, dumped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from smtplab.cli.bulk_options import Many, many_from
from smtplab.cli.transcript import Told
from smtplab.lab.bad_input import BadInput
from smtplab.lab.request import SendRequest
from smtplab.view.texts import Texts


class Dumping(msgspec.Struct, frozen=True):
    """What is printed instead of being sent."""

    options: str | None
    as_body: str | None
    mail: bool


class Ways(msgspec.Struct, frozen=True, kw_only=True):
    many: Many
    dumping: Dumping
    sim: str | None
    seed: int | None
    queue: bool
    resume: bool

    @property
    def several(self) -> bool:
        """More than one message."""
        return self.many.count is not None or self.many.mailing

    @property
    def names_its_own(self) -> bool:
        """Recipients need not be named."""
        return self.many.mailing or self.resume

    @property
    def dumps(self) -> bool:
        return self.dumping != Dumping(None, None, mail=False)


def ways_from(values: dict[str, Any]) -> Ways:
    """Takes their values out of a command's values. Raises BadInput."""
    ways = Ways(
        many=many_from(values),
        dumping=Dumping(values.pop("dump"), values.pop("dump_as_body"), values.pop("dump_mail")),
        **{name: values.pop(name) for name in ("sim", "seed", "queue", "resume")},
    )
    if ways.seed is not None and ways.sim is None:
        raise BadInput("cli.needs", option="--seed", other="--sim")
    return ways


def another_way(request: SendRequest, ways: Ways, texts: Texts, home: Callable[[], Path], told: Told) -> int | None:
    """The exit code; None where the message is to be sent, or dumped, as it is. Raises BadInput."""
    if ways.several or ways.queue or ways.resume:
        _refuse_stages(request, "--queue" if ways.queue or ways.resume else "--count, --merge, --messages")
    if ways.sim is not None:
        from smtplab.cli.send_sim import send_in_world  # noqa: PLC0415 (a simulator, which no real sending wants)

        if ways.several or ways.dumps or ways.queue or ways.resume:
            raise BadInput("cli.not-both", option="--sim", other="--count, --merge, --queue, --dump")
        return send_in_world(request, (ways.sim, ways.seed), texts, told)
    if ways.queue or ways.resume:
        from smtplab.cli.send_queue import send_by_queue  # noqa: PLC0415 (a database, which few sendings want)

        if ways.dumps:
            raise BadInput("cli.not-both", option="--queue", other="--dump")
        return send_by_queue(request, ways.many, texts, home(), as_json=told.as_json, capture=told.capture)
    if ways.many.mailing:
        from smtplab.cli.send_many import send_mailing  # noqa: PLC0415 (what sends many is not wanted for one)

        if ways.dumping.options is not None or ways.dumping.as_body is not None:
            raise BadInput("cli.not-both", option="--merge, --messages", other="--dump, --dump-as-body")
        mail = ways.dumping.mail
        return send_mailing(request, ways.many, texts, told.capture, as_json=told.as_json, dump_mail=mail)
    return None


def _refuse_stages(request: SendRequest, option: str) -> None:
    """Whoever stops short has sent nothing, which would be counted as sent. Raises BadInput."""
    if request.shared.quit_after is not None or request.cut is not None:
        raise BadInput("cli.not-both", option=option, other="--quit-after, --drop-after, --drop-after-send")
