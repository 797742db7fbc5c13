"""A terminal in tmux, driven over its control mode: keys go in, the screen comes out, and what changes is told."""

from __future__ import annotations

import os
import select
import shlex
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

WAIT_S = 30.0
"""For a world to play on a busy machine."""

_OURS = " 1"
"""At the end of a mark: the command came over this connection."""


class Terminal:
    """One tmux server of its own, ended by `close`."""

    def __init__(self, arguments: Sequence[str], size: tuple[int, int], folder: Path) -> None:
        self._socket = str(folder / "tmux")
        control = ["tmux", "-S", self._socket, "-f", "/dev/null", "-C"]
        # What says how large the terminal of the tests is would be believed before the one in tmux.
        environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "TMUX")}
        self._process = subprocess.Popen(
            [*control, "new-session", "-x", str(size[0]), "-y", str(size[1]), shlex.join(arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        self._rest = b""
        self._command(f"refresh-client -C {size[0]}x{size[1]}")

    def press(self, *keys: str) -> None:
        """By their names in tmux: `Enter`, `F8`."""
        for key in keys:
            self._command(f"send-keys {key}")

    def type(self, text: str) -> None:
        """Letter by letter."""
        for letter in text:
            self._command(f"send-keys -l -- {_quoted(letter)}")

    def screen(self) -> str:
        """Its lines without the blanks at their ends."""
        return "\n".join(self._command("capture-pane -p"))

    def until(self, holds: Callable[[str], bool]) -> str:
        """The first screen of which it holds. Raises TimeoutError, with the screen as it stands."""
        deadline = time.monotonic() + WAIT_S
        while not holds(screen := self.screen()):
            if self._next_line(deadline) is None:
                raise TimeoutError(screen)
        return screen

    def close(self) -> None:
        """The server and all in it."""
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], stderr=subprocess.DEVNULL, check=False)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(WAIT_S)
        self._process.stdout.close()

    def _command(self, line: str) -> list[str]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()
        return self._read_answer(time.monotonic() + WAIT_S)

    def _read_answer(self, deadline: float) -> list[str]:
        """What stands between the two marks of a command of ours; notices around it only say that something changed."""
        answer: list[str] | None = None
        while (line := self._next_line(deadline)) is not None:
            if line.startswith("%begin") and line.endswith(_OURS):
                answer = []
            elif line.startswith(("%end", "%error")) and answer is not None:
                return answer
            elif answer is not None:
                answer.append(line)
        raise TimeoutError("tmux does not answer")

    def _next_line(self, deadline: float) -> str | None:
        """None where none came in time, or the server is gone."""
        assert self._process.stdout is not None
        while b"\n" not in self._rest:
            ready, _, _ = select.select([self._process.stdout], [], [], max(deadline - time.monotonic(), 0))
            piece = os.read(self._process.stdout.fileno(), 65536) if ready else b""
            if not piece:
                return None
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode("utf-8", "replace")


def _quoted(letter: str) -> str:
    return '"\'"' if letter == "'" else f"'{letter}'"
