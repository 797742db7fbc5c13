"""ETRN (RFC 1985): a host that has come on line asks for what waits for it, and gets it by the ordinary way."""

from __future__ import annotations

from collections.abc import Awaitable

from smtplab.mta.queue.manager import Queue
from smtplab.mta.rules import Caller, Hook, Rules, Word, may_relay
from smtplab.mta.store.port import StoreFailed
from smtplab.wire.address import parse_domain
from smtplab.wire.command import Command, Etrn
from smtplab.wire.flaw import Flaw
from smtplab.wire.reply import Reply, make_reply


def turner(queue: Queue, rules: Rules) -> Hook:
    """Answers ETRN for those for whom the queue works: to try what waits costs others' patience."""

    async def turn(node: str, *, with_subdomains: bool) -> Word | None:
        suffix = f".{node}"
        try:
            found = await queue.flush(lambda domain: domain == node or (with_subdomains and domain.endswith(suffix)))
        except StoreFailed:
            return make_reply(458, f"Unable to queue messages for {node}", enhanced="4.3.0")
        if not found:
            return make_reply(251, f"No messages waiting for {node}", enhanced="2.0.0")
        return make_reply(253, f"{found} pending messages for {node} started", enhanced="2.0.0")

    def answer(command: Command, caller: Caller) -> Word | Awaitable[Word | None] | None:
        node = command.text.lower() if isinstance(command, Etrn) else ""
        refusal = _refusal(node, may=may_relay(rules, caller))
        return refusal or turn(node.removeprefix("@"), with_subdomains=node.startswith("@"))

    return answer


def _refusal(node: str, *, may: bool) -> Reply | None:
    """RFC 1985 5.3, 5.4: `@` stands for subdomains too, `#` for a queue that only the host itself knows."""
    if not may or node.startswith("#"):
        return make_reply(459, "Not for you", enhanced="4.7.1")
    if isinstance(parse_domain(node.removeprefix("@")), Flaw):
        return make_reply(501, "Not a node", enhanced="5.5.4")
    return None
