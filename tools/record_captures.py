# ruff: noqa: INP001, S603 - a script, no part of a package
"""Records the captures of `captures/` anew, with real programs on loopback and from the simulated world.

    python tools/record_captures.py [NAME ...]

It needs root, Postfix, Exim, Dovecot with its LMTP and submission services, BIND, swaks, curl and s-nail. What each
shows stands in the catalogues (area `captures`), and `captures/README.md` is written from there.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import trustme
from recording_peers import DNS_PORT, LMTP_PORT, OWN, ROOT, SMTP_PORT, SUBMISSION_PORT, all_peers, helpers

from smtplab import events as ev
from smtplab.capture import file as capture_file
from smtplab.capture.redact import Redactor
from smtplab.journal import Journal, Record
from smtplab.mta.accounts import MemoryAccounts
from smtplab.mta.arrival import Arrival
from smtplab.mta.receive import Receiver
from smtplab.mta.rules import Rules
from smtplab.net.clock import SystemClock
from smtplab.net.live import live_net
from smtplab.net.ports import Endpoint, ServerTls, Wire
from smtplab.net.server_tls import server_tls
from smtplab.net.tcp import TcpListener
from smtplab.smtp.sasl import Secret
from smtplab.view.texts import LANGUAGES, Texts
from smtplab.wire.reply import Reply, make_reply

CAPTURES = ROOT / "captures"

WALKS: dict[str, tuple[str, ...]] = {
    "plain-delivery": ("an@harbour.example", "--tls", "none", "--no-pipeline", "--send"),
    "starttls": ("an@harbour.example", "--tls", "verify", "--send"),
    "refused-550": ("nobody@harbour.example", "--tls", "none"),
    "greylisting": ("later@harbour.example", "--tls", "none"),
    "bdat": ("an@chunks.harbour.example", "--tls", "none", "--chunking", "--send"),
    "smtputf8": ("bình@harbour.example", "--tls", "none", "--send"),
    "dropped-connection": ("an@drop.harbour.example", "--tls", "none", "--send"),
    "second-mx": ("an@two.harbour.example", "--tls", "none", "--quit-after", "rcpt"),
    "auth-login": (
        "an@harbour.example",
        *("--server", f"submission.harbour.example:{SUBMISSION_PORT}", "--tls", "require"),
        *("--auth-user", "lan", "--auth", "LOGIN", "--send"),
    ),
    "lmtp": (
        "an@harbour.example",
        *("--server", f"lmtp.harbour.example:{LMTP_PORT}", "--protocol", "lmtp", "--tls", "none", "--send"),
    ),
}
"""Live walks to real servers, by the capture's name."""

WORLD_WALKS: dict[str, tuple[str, ...]] = {
    "relay-chain": ("student@hust.example",),
    "bounce": ("nobody@hust.example",),
    "mailbox-full": ("full@hust.example",),
    "year-1982": ("smith@south.example", "--sim", "uucp-1982"),
}
"""Walks in a simulated world: `campus` where nothing is said."""

RULES = Rules(hostname="own.harbour.example", local_domains=frozenset({"own.harbour.example"}))

CONTENT = b"From: lan@client.example\r\nTo: an@own.harbour.example\r\nSubject: Xin chao\r\n\r\nHello!\r\n"

SMUGGLED = (
    CONTENT + b"\n.\nMAIL FROM:<boss@client.example>\nRCPT TO:<an@own.harbour.example>\nDATA\n"
    b"Subject: smuggled\n\nPay at once.\n.\n"
)
"""A second message behind an end of data that only a careless server sees (SMTP smuggling, 2023)."""


def main(names: list[str]) -> int:
    known = {**dict.fromkeys(WALKS, record_walk), **dict.fromkeys(WORLD_WALKS, record_world_walk)}
    known |= {"pipelining": record_swaks, "smuggling-refused": record_curl, "mail-client": record_mail_client}
    known = dict(sorted(known.items()))
    if unknown := set(names) - known.keys():
        print(f"no such recording: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    authority = trustme.CA()
    with tempfile.TemporaryDirectory() as folder, all_peers(Path(folder), authority):
        authority.cert_pem.write_to_path(f"{folder}/roots.pem")
        for name in names or known:
            known[name](name, Path(folder))
            print(f"{name}: {(CAPTURES / name).with_suffix('.jsonl').stat().st_size} octets")
    write_readme(list(known))
    return 0


def record_walk(name: str, folder: Path) -> None:
    """The bytes too, so that the content is there."""
    recipient, *options = WALKS[name]
    walk(name, folder, recipient, "--live", "--raw", *("--dns", f"127.0.0.1:{DNS_PORT}", "--port", str(SMTP_PORT)),
         *("--helo", "client.example", "--from", "lan@client.example", "--subject", "Xin chào", "--body", "Hello!"),
         *("--tls-ca-path", f"{folder}/roots.pem"), *options)  # fmt: skip


def record_world_walk(name: str, folder: Path) -> None:
    walk(name, folder, *WORLD_WALKS[name])


def walk(name: str, folder: Path, *arguments: str) -> None:
    target = (CAPTURES / name).with_suffix(".jsonl")
    command = [sys.executable, "-m", "smtplab", "--home", str(folder), "walk", *arguments]
    env = {**os.environ, "TZ": "Asia/Ho_Chi_Minh", "SMTPLAB_AUTH_PASSWORD": "hoa-sen"}
    done = subprocess.run([*command, "--json", "--capture", str(target)], capture_output=True, env=env, check=False)
    if done.returncode not in (0, 1, 75):
        raise RuntimeError(f"{name}: {done.stderr.decode()}")


def record_swaks(name: str, folder: Path) -> None:
    del folder
    (command := [helpers.program("swaks"), "--pipeline"]).extend(("-s", OWN, "-p", str(SMTP_PORT)))
    said = ("-f", "lan@client.example", "-h", "client.example", "-t", "an@own.harbour.example,lan@own.harbour.example")
    serve(name, [*command, *said, "-d", "-"], CONTENT)


def record_curl(name: str, folder: Path) -> None:
    """curl lets a bare LF onto the wire, as an attacker's program would."""
    del folder
    envelope = ["--mail-from", "lan@client.example", "--mail-rcpt", "an@own.harbour.example", "-T", "-"]
    serve(name, [helpers.program("curl"), "-s", f"smtp://{OWN}:{SMTP_PORT}/client.example", *envelope], SMUGGLED)


def record_mail_client(name: str, folder: Path) -> None:
    """A person's program submits: it encrypts first, then says who it is."""
    certificate = own_certificate(folder)
    rules = msgspec.structs.replace(RULES, tls=certificate, accounts=MemoryAccounts({"lan": Secret("hoa-sen")}))
    account = f"mta=submission://lan:hoa-sen@{OWN}:{SMTP_PORT}"
    settings = (account, "smtp-use-starttls", "smtp-auth=plain", "tls-verify=ignore", "hostname=client.example")
    options = [f"-S{setting}" for setting in (*settings, "smtp-hostname=client.example", "from=lan@client.example")]
    client = [helpers.program("s-nail"), "-:/", "-Sv15-compat", *options, "-s", "Xin chao"]
    serve(name, [*client, "an@own.harbour.example"], b"Hello!\n", rules)


def own_certificate(folder: Path) -> ServerTls:
    helpers.issue_certificate(trustme.CA(), "own.harbour.example", folder)
    return server_tls(folder / "cert.pem", folder / "key.pem")


def serve(name: str, client: list[str], content: bytes, rules: Rules = RULES) -> None:
    """Our own server's view of what a foreign client does."""
    records: list[Record] = []
    redactor = Redactor()
    journal = Journal(SystemClock().now, lambda record: records.append(redactor.redact(record)), keep=False)

    async def accept(arrival: Arrival) -> Reply:
        del arrival
        return make_reply(250, "Taken", enhanced="2.0.0")

    async def session() -> None:
        net = live_net()

        def make() -> TappedHandler:
            scope = journal.scope(node="own.harbour.example", hop=0, span="receive/1/127.0.0.1")
            return TappedHandler(Receiver(rules, net, scope, accept), scope)

        listening = await TcpListener().listen(OWN, SMTP_PORT, make)
        try:
            await asyncio.to_thread(subprocess.run, client, input=content, capture_output=True, check=False, timeout=30)
        finally:
            await listening.close()

    asyncio.run(session())
    capture_file.save((CAPTURES / name).with_suffix(".jsonl"), records)


class TappedHandler:
    """A handler whose bytes are told, plain also inside TLS."""

    def __init__(self, handler: Receiver, emit: Callable[[ev.Event], None]) -> None:
        self._handler = handler
        self._emit = emit
        self.secured = handler.secured
        self.drained = handler.drained
        self.ended = handler.ended

    def connected(self, wire: Wire) -> None:
        self._handler.connected(TappedWire(wire, self._emit))

    def received(self, data: bytes) -> None:
        self._emit(ev.BytesReceived(data))
        self._handler.received(data)


class TappedWire:
    def __init__(self, wire: Wire, emit: Callable[[ev.Event], None]) -> None:
        self._wire = wire
        self._emit = emit
        self.local: Endpoint = wire.local
        self.peer: Endpoint = wire.peer
        self.start_tls: Callable[[ServerTls], None] = wire.start_tls
        self.close, self.abort = wire.close, wire.abort
        self.pause, self.resume = wire.pause, wire.resume

    def write(self, data: bytes) -> None:
        self._emit(ev.BytesSent(data))
        self._wire.write(data)

    @property
    def unsent_octets(self) -> int:
        return self._wire.unsent_octets


def write_readme(names: list[str]) -> None:
    """One table a language, from the catalogues."""
    parts = []
    for language in LANGUAGES:
        texts = Texts(language)
        heads = " | ".join(texts(f"captures.head.{column}") for column in ("name", "shows", "made"))
        rows = [f"| `{name}` | {texts(f'capture.{name}.shows')} | {texts(f'capture.{name}.made')} |" for name in names]
        table = "\n".join([f"| {heads} |", "|---|---|---|", *rows])
        parts.append(f"# {texts('captures.title')}\n\n{texts('captures.intro')}\n\n{table}\n")
    (CAPTURES / "README.md").write_text("\n".join(parts))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
