"""`smtplab serve` in a process of its own, so that no key ever waits for it; it ends when its parent does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from smtplab.lab.bad_input import BadInput
from smtplab.lab.serve_request import Place, ServeRequest
from smtplab.told import Told

if TYPE_CHECKING:
    from smtplab.lab.serving import Beside

END_S_MAX: Final = 30.0
"""A server under load ends within 10 s by itself; what takes longer than three times that is killed, and told."""

State = Literal["idle", "starting", "listening", "ended"]

_CHILD: Final = "import sys; from smtplab.lab.served import child; sys.exit(child())"


_STDIN: Final = 0
_PIECE_OCTETS: Final = 65536


class _Asked(msgspec.Struct, frozen=True):
    """The line that the child reads."""

    request: ServeRequest
    beside: dict[str, Any] = {}
    """What a layer above asks of its own part in the child."""


class _Said(msgspec.Struct, frozen=True):
    """A line of the child's: a listener, what goes wrong while it serves, or that it can't serve."""

    place: Place | None = None
    text: str = ""
    arguments: dict[str, str | int | Told] = {}
    notice: bool = False


class Served:
    """One server at a time. Its state changes by itself; whoever shows it looks again and again."""

    def __init__(self) -> None:
        self.places: tuple[Place, ...] = ()
        self.refusal: BadInput | None = None
        """Why the last one could not serve, where it said so."""
        self.notice: BadInput | None = None
        """What went wrong last while it serves on."""
        self.token = ""
        """Of a page beside it, where one was made for it: a person has to see it."""
        self._expected = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None

    @property
    def state(self) -> State:
        if self._process is None:
            return "idle"
        if self._process.poll() is not None:
            return "ended"
        return "listening" if len(self.places) >= self._expected else "starting"

    @property
    def exit_code(self) -> int | None:
        """None while it runs, and where none ran."""
        return None if self._process is None else self._process.poll()

    def start(self, request: ServeRequest, *, program: str = _CHILD, beside: dict[str, Any] | None = None) -> None:
        """Returns at once; `state` tells when it listens. Raises OSError where no process can be made.

        `program` is another than `child`, with a listener more, and gets `beside`.
        """
        self.stop()
        self.places, self.refusal, self.notice = (), None, None
        self._expected = len(request.places) + (beside is not None)
        pipe = subprocess.PIPE
        # In a session of its own: a hang-up of the terminal would mean to it that certificates are to be read again.
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter on our own code
            [sys.executable, "-c", program],
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        # On a pipe and not as an argument, where others would read the passwords.
        self._process.stdin.write(msgspec.json.encode(_Asked(request, beside or {}), enc_hook=str) + b"\n")
        self._process.stdin.flush()
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True, name="server's words")
        self._reader.start()

    def wait_until_ready(self) -> None:
        """Until it listens, or has said why it can't: a second at most on any machine, and 30 at the very worst."""
        end = time.monotonic() + END_S_MAX
        while self.state == "starting" and time.monotonic() < end:
            time.sleep(0.01)
        if self.state == "ended" and self._reader is not None:
            self._reader.join()

    def stop(self) -> int | None:
        """Its exit code once it has ended, with all that it accepted on disk; None where none ran."""
        process, self._process = self._process, None
        if process is None:
            return None
        if process.poll() is None:
            process.terminate()
        try:
            code = process.wait(END_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if process.stdin is not None:
            process.stdin.close()
        if self._reader is not None:
            self._reader.join()
        if process.stdout is not None:
            process.stdout.close()
        return code

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            try:
                said = msgspec.json.decode(line, type=_Said)
            except msgspec.DecodeError:
                continue
            if said.place is not None:
                self.places = (*self.places, said.place)
            elif said.notice:
                self.notice = BadInput(said.text, **said.arguments)
            else:
                self.refusal = BadInput(said.text, **said.arguments)


def child(beside_of: Callable[[dict[str, Any]], Sequence[Beside]] = lambda _: ()) -> int:
    """In the new process: serves what the first line of standard input asks for, until that is closed or SIGTERM."""
    from smtplab.lab.serving import serve  # noqa: PLC0415 - the parent, a UI, needs none of the engine

    asked = msgspec.json.decode(_first_line(), type=_Asked, dec_hook=_decoded)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        return serve(
            asked.request,
            lambda place: _say(_Said(place)),
            beside_of(asked.beside),
            on_notice=lambda bad: _say(_Said(None, bad.text, bad.arguments, notice=True)),
        )
    except BadInput as bad:
        _say(_Said(None, bad.text, bad.arguments))
        return 2


def _end_with_parent() -> None:
    """The pipe closes when the parent ends, however it ends."""
    while os.read(_STDIN, _PIECE_OCTETS):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _first_line() -> bytes:
    """Past `sys.stdin`: a thread that waits in there would keep the interpreter from ending."""
    line = b""
    while not line.endswith(b"\n") and (piece := os.read(_STDIN, _PIECE_OCTETS)):
        line += piece
    return line


def _say(said: _Said) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")
    sys.stdout.buffer.flush()


def _decoded(kind: type, value: Any) -> Any:
    return Path(value) if kind is Path else kind(value)
