"""Where a front end's records come from: a live walk in this process, a simulated one in another, a saved capture."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from smtplab.capture import file as capture_file
from smtplab.capture.codec import Damaged, decode_record
from smtplab.capture.redact import Redactor
from smtplab.journal import Record
from smtplab.lab import checked, exits
from smtplab.lab.choice import choose_world
from smtplab.lab.gate import PersonGate
from smtplab.lab.request import WalkRequest
from smtplab.told import Told

if TYPE_CHECKING:
    from smtplab.lab.live import LiveWalk

FeedKind = Literal["live", "sim", "capture"]
OnRecord = Callable[[Record], None]

_PIECE_OCTETS = 65536
_RECORDS_AT_ONCE = 2000
"""Decoded between two turns of the event loop: some four milliseconds, which no key notices."""


class Ended(msgspec.Struct, frozen=True):
    """How a feed came to its end."""

    exit_code: int
    problem: str | None = None
    """A text's id where it could not run; None where the records tell all."""
    arguments: dict[str, str | int | Told] = {}


class Feed(Protocol):
    """A growing list of records. `run` fills it; a reader keeps a cursor into `records` and reads on when it likes."""

    kind: FeedKind
    subject: str
    """The recipient, or the capture's file name."""
    gate: PersonGate | None
    """Only a live walk has one."""
    ended: Ended | None
    """None until the last record is there."""

    @property
    def records(self) -> Sequence[Record]:
        """Only ever appended to."""
        ...

    async def run(self) -> Ended:
        """Once. Never raises for bad input or a lost network; cancelling it closes all and keeps what came."""
        ...


def feed_for(request: WalkRequest, on_record: OnRecord | None = None, language: str | None = None) -> Feed:
    """Live or simulated, as `lab.choice` decides; `on_record` hears each record as it comes, a capture for instance.
    In the language a simulated one says why it can't be walked.

    Raises BadInput where the request can't be walked.
    """
    recipient = checked.mailbox(request.recipient)
    world = choose_world(request, recipient)
    if world is None:
        # DNS, TLS and certificates take 0.2 s to import, which the first paint of a simulation need not wait for.
        from smtplab.lab.live import prepare_live  # noqa: PLC0415

        return LiveFeed(prepare_live(request), on_record)
    return SimulatedFeed(request.recipient, _arguments(request, world, language), request.content, on_record)


def feed_of_world(world: str, seed: int | None = None, language: str | None = None) -> Feed:
    """A whole world with all its journeys, to its end; `world` is a name or the path of a `.toml` file. In the language
    it says why it can't be played."""
    options = [f"--{name}={value}" for name, value in (("seed", seed), ("lang", language)) if value is not None]
    return SimulatedFeed(Path(world).stem, ["sim", "run", "--json", *options, "--", world])


def feed_from_capture(path: Path) -> Feed:
    """A saved capture; read when it is run."""
    return CaptureFeed(path)


def save_capture(records: Sequence[Record], path: Path) -> None:
    """Without secrets. Raises OSError where the file can't be written."""
    redactor = Redactor()
    capture_file.save(path, (redactor.redact(record) for record in records))


class LiveFeed:
    kind: FeedKind = "live"

    def __init__(self, walk: LiveWalk, on_record: OnRecord | None = None) -> None:
        self._walk = walk
        self._on_record = on_record
        self.subject = walk.recipient
        self.gate: PersonGate | None = PersonGate()
        self.records: list[Record] = []
        self.ended: Ended | None = None

    async def run(self) -> Ended:
        """As `Feed.run`."""
        from smtplab.lab.live import walk_live  # noqa: PLC0415 (as above)

        try:
            self.ended = Ended(await walk_live(self._walk, self._tell, self.gate))
        except asyncio.CancelledError:
            self.ended = Ended(exits.INTERRUPTED)
            raise
        return self.ended

    def _tell(self, record: Record) -> None:
        self.records.append(record)
        if self._on_record is not None:
            self._on_record(record)


class SimulatedFeed:
    """The world plays in a process of its own: in this one it would keep the person's keys waiting."""

    kind: FeedKind = "sim"

    def __init__(
        self, subject: str, arguments: Sequence[str], content: bytes | None = None, on_record: OnRecord | None = None
    ) -> None:
        """`arguments` are a command line of ours that prints records; the content goes to its standard input."""
        self._on_record = on_record
        self._arguments = arguments
        self._content = content
        self.subject = subject
        self.gate: PersonGate | None = None
        self.records: list[Record] = []
        self.ended: Ended | None = None

    async def run(self) -> Ended:
        """As `Feed.run`."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "smtplab", *self._arguments, stdin=pipe, stdout=pipe, stderr=pipe
        )
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_write(process.stdin, self._content or b""))
                group.create_task(self._read(process.stdout))
                errors = group.create_task(_read_all(process.stderr))
            code = await process.wait()
        except BaseException:
            self.ended = Ended(exits.INTERRUPTED)
            raise
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        said = errors.result().decode("utf-8", "replace").strip()
        # Beside records it also tells of what did not go as expected, which is no failure of the run.
        failed = said and (not self.records or code in (exits.USAGE, exits.BUG))
        self.ended = Ended(code, "cli.said", {"text": said.splitlines()[-1]}) if failed else Ended(code)
        return self.ended

    async def _read(self, stream: asyncio.StreamReader | None) -> None:
        assert stream is not None
        rest = b""
        while piece := await stream.read(_PIECE_OCTETS):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if isinstance(record := decode_record(line), Record):
                    self.records.append(record)
                    if self._on_record is not None:
                        self._on_record(record)


class RecordsFeed:
    """Records that are all there already, of a run that somebody else has made."""

    kind: FeedKind = "sim"

    def __init__(self, records: Sequence[Record], subject: str) -> None:
        self.subject = subject
        self.gate: PersonGate | None = None
        self.records: Sequence[Record] = records
        self.ended: Ended | None = None

    async def run(self) -> Ended:
        """As `Feed.run`."""
        self.ended = Ended(exits.DONE)
        return self.ended


class CaptureFeed:
    kind: FeedKind = "capture"

    def __init__(self, path: Path) -> None:
        self._path = path
        self.subject = path.name
        self.gate: PersonGate | None = None
        self.records: list[Record] = []
        self.damaged: list[Damaged] = []
        self.ended: Ended | None = None

    async def run(self) -> Ended:
        """As `Feed.run`."""
        self.ended = await self._read()
        return self.ended

    async def _read(self) -> Ended:
        try:
            with self._path.open("rb") as file:
                for number, item in enumerate(capture_file.scan(file)):
                    if isinstance(item, Record):
                        self.records.append(item)
                    elif isinstance(item, Damaged):
                        self.damaged.append(item)
                    if number % _RECORDS_AT_ONCE == 0:
                        await asyncio.sleep(0)
        except OSError as trouble:
            reason = trouble.strerror or str(trouble)
            return Ended(exits.USAGE, "cli.cannot-read", {"file": str(self._path), "reason": reason})
        except capture_file.CaptureError as trouble:
            arguments: dict[str, str | int | Told] = {"file": str(self._path), "version": trouble.version}
            return Ended(exits.USAGE, f"cli.{trouble.reason}", arguments)
        if self.damaged:
            first = self.damaged[0]
            where: dict[str, str | int | Told] = {
                "lines": len(self.damaged),
                "line": first.line,
                "file": str(self._path),
            }
            return Ended(exits.DONE, "cli.damaged-lines", where)
        return Ended(exits.DONE)


class RecordedFeed:
    """Records that are at hand already, such as those of a session in the inbox."""

    kind: FeedKind = "capture"

    def __init__(self, subject: str, records: Sequence[Record]) -> None:
        self.subject = subject
        self.gate: PersonGate | None = None
        self.records = records
        self.ended: Ended | None = None

    async def run(self) -> Ended:
        """As `Feed.run`."""
        self.ended = Ended(exits.DONE)
        return self.ended


def _arguments(request: WalkRequest, world: str, language: str | None) -> list[str]:
    """The command line of the same walk; `lab.choice` has refused what a world can't heed."""
    arguments = ["walk", "--json", "--sim", world]
    named = (
        ("--lang", language),
        ("--from", request.sender),
        ("--quit-after", request.quit_after),
        ("--seed", request.seed),
    )
    written = (("--subject", request.subject), ("--body", request.body))
    for option, value in (*named, *written):
        if value is not None:
            arguments.append(f"{option}={value}")
    arguments += [f"--header={name}: {value}" for name, value in request.headers]
    arguments += [f"--attach={path}" for path in request.attachments]
    if request.content is not None:
        arguments.append("--data=-")
    return [*arguments, "--", request.recipient]


async def _write(stream: asyncio.StreamWriter | None, data: bytes) -> None:
    assert stream is not None
    try:
        stream.write(data)
        await stream.drain()
        stream.close()
        await stream.wait_closed()
    except (BrokenPipeError, ConnectionResetError):
        # It ended without reading; its exit code tells why.
        pass


async def _read_all(stream: asyncio.StreamReader | None) -> bytes:
    assert stream is not None
    return await stream.read()
