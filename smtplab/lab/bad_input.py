"""What is thrown where a person gave something that can't be used; it is light, for every command's start needs it."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from smtplab.told import Told

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""A full disk, a used-up quota, a file as large as it may grow."""


class BadInput(Exception):  # noqa: N818 (the input is in error, not the program)
    """A text's id and its arguments: one line when said, which names the input and the mend."""

    temporary = False
    """Nothing is wrong with what was asked: later it may do."""

    def __init__(self, text: str, **arguments: str | int | Told) -> None:
        super().__init__(text)
        self.text = text
        """An id of the catalogues, `cli.not-an-address`."""
        self.arguments = arguments


class NotWritten(BadInput):
    """A file that can't be written, and the system's reason."""

    def __init__(self, file: str | Path, trouble: Exception) -> None:
        super().__init__("cli.cannot-write", file=str(file), reason=getattr(trouble, "strerror", None) or str(trouble))
        self.temporary = isinstance(trouble, OSError) and trouble.errno in NO_ROOM


class NotNow(BadInput):
    """What is asked of can't do it at the moment: a database under a lock, on a full disk."""

    temporary = True
