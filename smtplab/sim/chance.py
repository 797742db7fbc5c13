"""Chance in a world: the same draws for the same seed, node and purpose, whatever the process and its hash seed."""

from __future__ import annotations

import hashlib
import random as _random
from collections.abc import Callable


def random(seed: int, node: str, purpose: str) -> _random.Random:
    """A generator of its own for each purpose of each node, so that one draw more in one place moves no other."""
    return _random.Random(octets(seed, node, purpose))  # noqa: S311 - a simulation wants to be repeatable


def octets(seed: int, node: str, purpose: str) -> bytes:
    """32 octets for a key or a serial number. The lengths are hashed too, so that no two triples run into one."""
    parts = (str(seed), node, purpose)
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode()).digest()


def chance_of(seed: int, node: str) -> Callable[[str], _random.Random]:
    """`net.ports.Chance` of one node: asking twice for one purpose goes on in the same sequence."""
    drawn: dict[str, _random.Random] = {}

    def chance(purpose: str) -> _random.Random:
        if purpose not in drawn:
            drawn[purpose] = random(seed, node, purpose)
        return drawn[purpose]

    return chance
