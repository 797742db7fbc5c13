"""`smtplab serve` as a process of its own, and a client that says bytes to it."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

SECONDS_MAX = 30


class Served:
    """Started by `with`; ended by SIGTERM unless it has ended before."""

    def __init__(self, home: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "smtplab", "serve", "--json", "--home", str(home), *arguments]
        if not any(argument.startswith("--") and _is_place(argument) for argument in arguments):
            command += ["--listen", "127.0.0.1:0"]
        self.home = home
        self._command = command
        self.ports: dict[str, int] = {}
        self.said: list[dict[str, Any]] = []

    def __enter__(self) -> Served:
        self.process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "SMTPLAB_LANG": "en"}
        )
        listeners = sum(_is_place(argument) for argument in self._command)
        assert self.process.stdout is not None
        for _ in range(listeners):
            line = self.process.stdout.readline()
            if not line:
                break
            self.said.append(json.loads(line))
            self.ports.setdefault(self.said[-1]["protocol"], self.said[-1]["port"])
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.stop()

    @property
    def port(self) -> int:
        return self.ports["smtp"]

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, bytes, bytes]:
        """Exit code, what more it said on standard output, and on standard error."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=SECONDS_MAX)
        return self.process.returncode, out, err

    def smtplab(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return smtplab(self.home, *arguments)

    def inbox(self, *arguments: str) -> Any:
        return json.loads(self.smtplab("inbox", *(arguments or ("list",)), "--json").stdout)


def smtplab(home: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "smtplab", *arguments, "--home", str(home)]
    return subprocess.run(
        command,
        capture_output=True,
        timeout=SECONDS_MAX,
        check=False,
        env={**os.environ, "SMTPLAB_LANG": "en", "LC_ALL": "C.UTF-8"},
    )


class Dialogue:
    """A client that says any octets and reads replies whole."""

    def __init__(self, port: int, *, greeted: bool = True) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=SECONDS_MAX)
        self._file = self.socket.makefile("rb")
        self.announced: dict[str, list[str]] = {}
        self.certificate = b""
        if greeted:
            assert self.reply() == 220

    def __enter__(self) -> Dialogue:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def say(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def reply(self) -> int:
        """The next reply's code; 0 where the connection has ended."""
        self.lines: list[str] = []
        try:
            while line := self._file.readline(4096):
                self.lines.append(line[4:].decode("utf-8", "replace").rstrip("\r\n"))
                if line[3:4] != b"-":
                    return int(line[:3])
        except ConnectionError:
            pass
        return 0

    def ask(self, octets: bytes) -> int:
        self.say(octets)
        return self.reply()

    def ask_text(self, octets: bytes) -> tuple[int, str]:
        """The code, and the text of the last line."""
        code = self.ask(octets)
        return code, self.lines[-1] if self.lines else ""

    def ehlo(self) -> int:
        code = self.ask(b"EHLO client.example\r\n")
        words = [line.split() for line in self.lines[1:]]
        self.announced = {first: rest for first, *rest in words}
        return code

    def upgrade(self, context: ssl.SSLContext, name: str) -> None:
        """TLS from here on."""
        self._file.close()
        secured = context.wrap_socket(self.socket, server_hostname=name, do_handshake_on_connect=False)
        self.socket = secured
        secured.do_handshake()
        self.certificate = secured.getpeercert(binary_form=True) or b""
        self._file = self.socket.makefile("rb")

    def send(self, content: bytes, *recipients: str) -> int:
        """A whole transaction; the last reply's code."""
        assert self.ask(b"MAIL FROM:<sender@client.example>\r\n") == 250
        for recipient in recipients or ("student@hust.example",):
            assert self.ask(f"RCPT TO:<{recipient}>\r\n".encode()) == 250
        assert self.ask(b"DATA\r\n") == 354
        return self.ask(content + b"\r\n.\r\n")


def _is_place(argument: str) -> bool:
    return argument in ("--listen", "--submission", "--smtps", "--lmtp", "--pop3", "--web")
