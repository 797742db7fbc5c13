"""Why an address can't be listened on, in the system's own words, without what asyncio says around them."""

from __future__ import annotations

import os
import socket


def bind_refusal(trouble: Exception) -> str:
    """`Address already in use`; a name that can't be resolved has words of its own."""
    if isinstance(trouble, OSError) and trouble.errno and not isinstance(trouble, socket.gaierror):
        return os.strerror(trouble.errno)
    return getattr(trouble, "strerror", None) or str(trouble)
