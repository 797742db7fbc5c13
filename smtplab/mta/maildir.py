"""Mailboxes on disk as Maildirs: a file for each message, written beside and moved in, so that no reader sees half."""

from __future__ import annotations

import asyncio
import errno
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

from smtplab.events import Delivered
from smtplab.journal import Emit
from smtplab.mta.mailbox import Letter, Unstored
from smtplab.net.ports import Chance, Clock

FolderOf = Callable[[str], Path]
"""The Maildir of a mailbox, which is named by its address in lower case."""

LineEnds = Literal["lf", "crlf"]
"""`lf`: as every delivery agent on Unix writes and every reader expects; `crlf`: the octets of the wire."""

PIECE_OCTETS = 1_048_576
"""Made over at a time: 2 ms."""

_SUBFOLDERS = ("tmp", "new", "cur")
_UNSAFE_IN_FOLDER = re.compile(r"[^a-z0-9@._+=\-]|^\.")
_UNSAFE_IN_HOST = re.compile(r"[^A-Za-z0-9.\-]")
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
"""A file system that knows no hard links, such as FAT, says so in one of these ways."""


def one_folder(folder: Path) -> FolderOf:
    """Everybody's mail in one Maildir."""
    return lambda _mailbox: folder


def folder_each(root: Path) -> FolderOf:
    """`ROOT/student@hust.example`; what could leave the root or upset a file system is written `%HH`."""
    return lambda mailbox: root / folder_name(mailbox)


def folder_name(mailbox: str) -> str:
    """Different mailboxes never share a name."""
    return _UNSAFE_IN_FOLDER.sub(_escaped, mailbox.lower())


def _escaped(unsafe: re.Match[str]) -> str:
    return "".join(f"%{octet:02X}" for octet in unsafe[0].encode("utf-8", "surrogatepass"))


class Laid:
    """A letter on disk that no reader sees yet, made by `Maildirs.lay`."""

    def __init__(self, folder: Path, name: str, told: Delivered) -> None:
        self._folder = folder
        self._name = name
        self._told = told

    async def shown(self, emit: Emit) -> Unstored | None:
        """As `MailboxStore.deliver`."""
        trouble = await asyncio.to_thread(_show, self._folder, self._name)
        if trouble is not None:
            return _unstored(trouble)
        emit(self._told)
        return None

    def back(self) -> None:
        """It was never there; nothing where it was shown."""
        with suppress(OSError):
            (self._folder / "tmp" / self._name).unlink(missing_ok=True)


class Maildirs:
    """The files' names come from the clock and from chance; nothing is kept but on disk."""

    def __init__(
        self, folder_of: FolderOf, *, hostname: str, clock: Clock, chance: Chance, line_ends: LineEnds = "lf"
    ) -> None:
        self._folder_of = folder_of
        self._hostname = _UNSAFE_IN_HOST.sub("_", hostname)
        self._clock = clock
        self._chance = chance("maildir")
        self._line_ends = line_ends

    async def deliver(self, letter: Letter, emit: Emit) -> Unstored | None:
        """File and folder are synced before it returns. Fact: Delivered. A disk that fails is said, never raised."""
        laid = await self.lay(letter)
        return await laid.shown(emit) if isinstance(laid, Laid) else laid

    async def lay(self, letter: Letter) -> Laid | Unstored:
        """Its file is synced, so that little but the system's end can keep it from being shown."""
        name, folder = self._new_name(), self._folder_of(letter.mailbox)
        pieces = _ended_by_lf(letter.content) if self._line_ends == "lf" else [letter.content]
        # A sync takes milliseconds, in which the sessions must go on.
        trouble = await asyncio.to_thread(_write, folder, name, pieces)
        if trouble is not None:
            return _unstored(trouble)
        return Laid(folder, name, Delivered(letter.queue_id, str(letter.recipient), letter.mailbox))

    def _new_name(self) -> str:
        """Seconds, something unique, host: readers sort by it, and a colon would begin a flag."""
        seconds, fraction = divmod(self._clock.now(), 1)
        return f"{int(seconds)}.M{int(fraction * 1e6):06d}R{self._chance.getrandbits(64):016x}.{self._hostname}"


def unusable(folder: Path) -> str | None:
    """Why no mail could be written there; its folders are made where they can be."""
    try:
        _make_folders(folder)
        for one in _SUBFOLDERS[:2]:
            if not os.access(folder / one, os.W_OK | os.X_OK):
                return os.strerror(errno.EACCES)
    except OSError as trouble:
        return trouble.strerror or str(trouble)
    return None


def _write(folder: Path, name: str, content: Iterable[bytes]) -> OSError | None:
    written = folder / "tmp" / name
    try:
        _make_folders(folder)
        _write_synced(written, content)
    except OSError as trouble:
        if not isinstance(trouble, FileExistsError):  # Such a file is another's.
            with suppress(OSError):
                written.unlink(missing_ok=True)
        return trouble
    return None


def _show(folder: Path, name: str) -> OSError | None:
    written = folder / "tmp" / name
    try:
        try:
            _link(written, folder / "new" / name)
        finally:
            written.unlink(missing_ok=True)
        _sync_folder(folder / "new")
    except OSError as trouble:
        return trouble
    return None


def _link(written: Path, shown: Path) -> None:
    try:
        # Unlike a rename it never takes the place of another message.
        shown.hardlink_to(written)
    except OSError as trouble:
        if trouble.errno not in _NO_LINKS:
            raise
        # 64 bits of its name are chance.
        written.rename(shown)


def _ended_by_lf(content: bytes) -> Iterator[bytes]:
    """Piece by piece: no other thread runs while Python makes over one."""
    start = 0
    while start < len(content):
        end = start + PIECE_OCTETS
        end += content[end - 1 : end + 1] == b"\r\n"
        yield content[start:end].replace(b"\r\n", b"\n")
        start = end


def _write_synced(path: Path, content: Iterable[bytes]) -> None:
    with os.fdopen(os.open(path, _NEW_FILE, 0o600), "wb") as file:
        file.writelines(content)
        file.flush()
        os.fsync(file.fileno())


def _make_folders(folder: Path) -> None:
    made = [folder, *(folder / one for one in _SUBFOLDERS)]
    if all(one.is_dir() for one in made):
        return
    for one in made:
        one.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync_folder(one.parent)


def _sync_folder(folder: Path) -> None:
    """So that the name, too, survives a loss of power; where a folder can't be opened the system sees to it itself."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unstored(trouble: OSError) -> Unstored:
    """All of it may pass: somebody makes room, or mends the rights."""
    detail = trouble.strerror or ""
    if trouble.errno in _FULL:
        return Unstored("4.3.1", "disk-full", detail)
    return Unstored("4.2.0", "mailbox-unusable", detail)
