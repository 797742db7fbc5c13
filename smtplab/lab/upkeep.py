"""What goes on beside the listeners of `smtplab serve`: the inbox is aged, and the log is written."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from smtplab.lab.bad_input import BadInput
from smtplab.lab.conduct import OnNotice
from smtplab.lab.logbook import Logbook
from smtplab.lab.serve_request import ServeRequest
from smtplab.lab.session_log import SessionLog
from smtplab.mta.inbox.ageing import Keep
from smtplab.mta.inbox.ledger import Ledger
from smtplab.mta.inbox.store import InboxStore
from smtplab.net.ports import Net

AGE_S = 5.0
"""Between two looks at what is too much: so far beyond its bounds may an inbox get, at some thousands of messages a
second at most."""


def keep_ageing(store: InboxStore, keep: Keep, net: Net, stack: AsyncExitStack, on_notice: OnNotice) -> None:
    """At once and then every few seconds, until the stack unwinds."""
    if keep.everything:
        return

    async def age() -> None:
        failing = False
        while True:
            trouble = await store.age(keep, net.clock.now())
            if trouble is not None and not failing:
                on_notice(BadInput("serve.cannot-age", reason=trouble.detail))
            failing = trouble is not None
            await asyncio.sleep(AGE_S)

    ageing = asyncio.get_running_loop().create_task(age(), name="ageing")

    async def stop() -> None:
        ageing.cancel()
        await asyncio.wait({ageing})

    stack.push_async_callback(stop)


def open_log(request: ServeRequest, net: Net, stack: AsyncExitStack, on_notice: OnNotice) -> Logbook | None:
    """Raises BadInput."""
    if request.log is None:
        return None
    log = Logbook(Path(request.log), request.log_octets_max, net.clock.now, on_notice)
    stack.callback(log.close)
    return log


def log_sessions(ledger: Ledger, log: Logbook) -> None:
    """From now on."""
    ledger.on_begin = lambda recording, protocol, client: recording.watch(
        SessionLog(log, recording.id, protocol, client).tell
    )
