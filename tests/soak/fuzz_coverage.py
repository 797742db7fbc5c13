"""The fuzzer led by the code's coverage: `python tests/soak/fuzz_coverage.py [libFuzzer's options]`.

It needs atheris, which is installed for nothing else: `pip install atheris`.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

with atheris.instrument_imports(include=["smtplab.smtp", "smtplab.wire", "smtplab.mta"], enable_loader_override=False):
    from tests.soak.fuzzed import LMTP, RULES, TOKENS, check

from smtplab.net.live import live_net

NET = live_net()
LOOP = asyncio.new_event_loop()


def make_input(provider: atheris.FuzzedDataProvider) -> bytes:
    """Tokens, and octets in between."""
    parts = []
    while provider.remaining_bytes():
        if provider.ConsumeBool():
            parts.append(TOKENS[provider.ConsumeIntInRange(0, len(TOKENS) - 1)])
        else:
            parts.append(provider.ConsumeBytes(provider.ConsumeIntInRange(1, 12)))
    return b"".join(parts)


async def say(data: bytes) -> None:
    provider = atheris.FuzzedDataProvider(data)
    rules = LMTP if provider.ConsumeBool() else RULES
    said = make_input(provider)
    check(said, rules, NET, 1 if len(said) < 200 else 0)


if __name__ == "__main__":
    atheris.Setup(sys.argv, lambda data: LOOP.run_until_complete(say(data)))
    atheris.Fuzz()
