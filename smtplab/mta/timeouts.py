"""How long a client waits for what: the figures of RFC 5321 4.5.3.2, shortened on request."""

from __future__ import annotations

import msgspec


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds until the whole reply must be there, however slowly it trickles."""

    connect_s: float = 30.0
    """RFC 5321 names none; Postfix gives each address as long, several round trips and retransmissions of a SYN."""
    greeting_s: float = 300.0
    """RFC 5321 4.5.3.2.1."""
    command_s: float = 300.0
    """RFC 5321 4.5.3.2.2 and 4.5.3.2.3 for MAIL and RCPT; every other command has the same."""
    data_s: float = 120.0
    """Until the 354 (RFC 5321 4.5.3.2.4)."""
    block_s: float = 180.0
    """For a piece of the content to leave (RFC 5321 4.5.3.2.5)."""
    content_s: float = 600.0
    """For the reply to the final dot (RFC 5321 4.5.3.2.6): too short a wait makes duplicates (RFC 1047)."""
    tls_s: float = 120.0
    """For a handshake: two round trips and some arithmetic; what takes longer is not going to end."""
    quit_s: float = 30.0
    """For RSET and QUIT. The message's fate is known by then: politeness need not hold a connection for minutes."""


DEFAULT = Timeouts()


def shortened(limit_s: float) -> Timeouts:
    """No wait is longer than `limit_s`."""
    return Timeouts(**{name: min(getattr(DEFAULT, name), limit_s) for name in Timeouts.__struct_fields__})


def quickened(speed: float, *, at_least_s: float) -> Timeouts:
    """Every wait divided by `speed`, but none that was longer is shorter than `at_least_s`."""
    if speed == 1:
        return DEFAULT
    waits = {name: getattr(DEFAULT, name) for name in Timeouts.__struct_fields__}
    return Timeouts(**{name: max(wait_s / speed, min(wait_s, at_least_s)) for name, wait_s in waits.items()})
