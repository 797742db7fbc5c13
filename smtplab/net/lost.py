"""What the system's errors mean for a connection, in the reasons that events use."""

from __future__ import annotations

import errno
import os

from smtplab.net.ports import Lost

_REASONS = {
    errno.ECONNREFUSED: "refused",
    errno.ETIMEDOUT: "timed-out",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.ENETDOWN: "unreachable",
    # A system without IPv6 says this of the family, or of an address that no route leads to.
    errno.EAFNOSUPPORT: "unreachable",
    errno.EADDRNOTAVAIL: "unreachable",
    errno.ECONNRESET: "reset",
    errno.ECONNABORTED: "reset",
    errno.EPIPE: "reset",
    errno.EACCES: "not-permitted",
    errno.EPERM: "not-permitted",
    errno.ENOENT: "not-found",
}


def lost_by(error: BaseException) -> Lost:
    """The reason of `events.ConnectFailed` for an error of connecting, reading or writing; `failed` for any other."""
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, TimeoutError) and number is None:
        return Lost("timed-out", str(error))
    return Lost(_REASONS.get(number or 0, "failed"), _words(error) or str(error))


def _words(error: BaseException) -> str | None:
    """The system's own, in whose place asyncio puts the address that it knows besides."""
    if not isinstance(error, OSError):
        return None
    if error.errno and (error.strerror or "").startswith(_OF_ASYNCIO):
        return os.strerror(error.errno)
    return error.strerror


_OF_ASYNCIO = "Connect call failed"
