"""The fuzzer for a moment: whatever is said, every reply can be read and no message is made up. More: `make fuzz`."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.soak.fuzz_receive import make_input
from tests.soak.fuzzed import LMTP, RULES, TOKENS, check_all, check_one

PIECES = st.lists(st.sampled_from(TOKENS) | st.binary(max_size=8), max_size=20)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PIECES.map(b"".join), st.sampled_from([RULES, LMTP]))
@example(b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\n.x\r\n.\r\n", RULES)
def test_whatever_is_said_is_answered_by_the_rules(data, rules):
    check_one(data, rules)


@pytest.mark.parametrize("seed", range(4))
def test_thousands_of_sessions_made_of_what_clients_say(seed):
    chance = random.Random(seed)
    asyncio.run(check_all([make_input(chance) for _ in range(500)], LMTP if seed == 3 else RULES))
