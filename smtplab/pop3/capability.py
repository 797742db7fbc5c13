"""What a server says it can do (RFC 2449 5): tags and their arguments, as announced."""

from __future__ import annotations

import msgspec


class Capabilities(msgspec.Struct, frozen=True):
    """The lines of one answer to CAPA. A tag is found in any case (RFC 2449 3)."""

    lines: tuple[str, ...] = ()

    def __contains__(self, tag: object) -> bool:
        return isinstance(tag, str) and self.arguments(tag) is not None

    def arguments(self, tag: str) -> tuple[str, ...] | None:
        """`("PLAIN",)` of `SASL PLAIN`; None where the tag is not announced."""
        for line in self.lines:
            first, *rest = line.split() or ("",)
            if first.upper() == tag.upper():
                return tuple(rest)
        return None

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """For AUTH (RFC 2449 6.3), in capitals."""
        return tuple(name.upper() for name in self.arguments("SASL") or ())
