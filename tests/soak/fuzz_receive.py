"""Says millions of things to a receiver: `python tests/soak/fuzz_receive.py [--inputs N] [--seed N]`.

An input that breaks something is printed, shortened as far as it still does, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from smtplab.mta.rules import Rules
from smtplab.net.live import live_net
from smtplab.net.ports import Net
from tests.soak.fuzzed import LMTP, RULES, TOKENS, check

REPORT_EVERY = 100_000
STEPS = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 101, 0, 0, 37, 0, 0, 1, 0)


def make_input(chance: random.Random) -> bytes:
    """Tokens in any order, often a session's own, some of them spoilt."""
    parts = []
    if chance.random() < 0.7:
        parts += [TOKENS[0], TOKENS[4], TOKENS[10], TOKENS[14]][: chance.randrange(5)]
    for _ in range(chance.randrange(1, 14)):
        token = chance.choice(TOKENS)
        if chance.random() < 0.15:
            token = spoil(token, chance)
        parts.append(token)
    return b"".join(parts)


def spoil(token: bytes, chance: random.Random) -> bytes:
    octets = bytearray(token)
    at = chance.randrange(len(octets) + 1)
    match chance.randrange(4):
        case 0:
            octets[at:at] = bytes([chance.randrange(256)])
        case 1:
            del octets[at : at + chance.randrange(1, 4)]
        case 2:
            octets[at : at + 1] = chance.choice((b"\r", b"\n", b"\0", b" ", b"=", b"\xc3", b"\t"))
        case _:
            octets[at:at] = octets[:at]
    return bytes(octets)


def broken_by(data: bytes, rules: Rules, net: Net, step: int = 1) -> Exception | None:
    try:
        check(data, rules, net, step)
    except Exception as trouble:  # noqa: BLE001 - whatever it is, it is what we look for
        return trouble
    return None


def shorten(data: bytes, rules: Rules, net: Net) -> bytes:
    """As short as it still breaks something, by leaving pieces out."""
    size = max(1, len(data) // 2)
    while size:
        start = 0
        while start < len(data):
            shorter = data[:start] + data[start + size :]
            if shorter and broken_by(shorter, rules, net) is not None:
                data = shorter
            else:
                start += size
        size //= 2
    return data


async def fuzz(inputs: int, seed: int) -> int:
    chance, net, started = random.Random(seed), live_net(), time.process_time()
    for number in range(1, inputs + 1):
        data = make_input(chance)
        rules = LMTP if number % 5 == 0 else RULES
        # Pieces take most of the time: small ones seldom.
        step = STEPS[number % len(STEPS)]
        if (trouble := broken_by(data, rules, net, step)) is not None:
            short = shorten(data, rules, net) if broken_by(data, rules, net) else data
            print(f"input {number} of seed {seed} ({rules.dialect}): {short!r}\n{broken_by(short, rules, net)!r}")
            print(f"at first: {trouble!r}")
            return 1
        if number % REPORT_EVERY == 0 or number == inputs:
            took = time.process_time() - started
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            print(f"{number} inputs, {number / took:.0f} a second of CPU, {peak} MiB at most", flush=True)
            await asyncio.sleep(0)
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    chosen = parser.parse_args()
    sys.exit(asyncio.run(fuzz(chosen.inputs, chosen.seed)))
