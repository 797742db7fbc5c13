"""Every bundled capture, exported and read back by tshark: what it dissects agrees with the records."""

import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from smtplab import events as ev
from smtplab.capture.file import read
from smtplab.capture.library import bundled_folder
from smtplab.capture.pcap import export
from smtplab.capture.transcript import Explainer
from smtplab.journal import Journal, Record
from smtplab.view.journey import Journey
from smtplab.view.texts import Texts
from tests.peers.conftest import program

pytestmark = pytest.mark.peer

CAPTURES = sorted(bundled_folder().glob("*.jsonl"))
FIELDS = (
    *("frame.time_epoch", "tcp.stream", "tcp.dstport", "frame.protocols", "smtp.req.command", "smtp.response.code"),
    *("dns.qry.name", "frame.comment", "tls.app_data"),
    *("pop.request.command", "pop.response.indicator"),
    *("tcp.checksum.status", "udp.checksum.status", "ip.checksum.status"),
)
FAULTS = "_ws.malformed or tcp.analysis.flags or _ws.expert.severity == 0x00800000"
"""What tshark finds malformed, TCP that was lost or doubled, and anything of the severity error."""


class Frame(NamedTuple):
    time: str
    stream: str
    port: str
    protocols: list[str]
    commands: list[str]
    codes: list[str]
    question: str
    comment: str
    encrypted: str
    collecting: list[str]
    """Commands and responses of POP3."""
    checksums: set[str]


@pytest.fixture(scope="module")
def tshark() -> str:
    return program("tshark")


def frames(tshark: str, file: Path, *options: str) -> list[Frame]:
    fields = [part for field in FIELDS for part in ("-e", field)]
    checked = [part for layer in ("tcp", "udp", "ip") for part in ("-o", f"{layer}.check_checksum:TRUE")]
    command = [tshark, "-n", "-r", str(file), "-T", "fields", *fields, "-E", "aggregator=|", *checked, *options]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    return [_frame(line.split("\t")) for line in done.stdout.decode().splitlines()]


def _frame(row: list[str]) -> Frame:
    time, stream, port, protocols, commands, codes, question, comment, encrypted, asked, answered, *checksums = row
    split = [text.split("|") if text else [] for text in (commands, codes, asked or answered)]
    return Frame(
        *(time, stream, port, protocols.split(":"), *split[:2]),
        *(question, comment, encrypted, split[2], set(checksums) - {""}),
    )


def told(records: list[Record]) -> tuple[list[str], list[str]]:
    """Verbs and reply codes, from one side of each dialogue; the responses of an AUTH exchange are no commands."""
    verbs, codes = [], []
    journey = Journey()
    for record in records:
        journey.advance(record)
        if journey.tells_twice(record) or record.stage == "collect":
            continue
        match record.event:
            case ev.CommandSent(verb, line) | ev.CommandReceived(verb, line):
                # tshark takes the first four letters for the command.
                verbs += [verb[:4]] if line.upper().startswith(verb) else []
            case ev.ReplyReceived(code) | ev.ReplySent(code):
                codes.append(str(code))
            case _:
                pass
    return verbs, codes


def collected(records: list[Record]) -> list[str]:
    """Verbs and the first words of responses of POP3, as the reader's program tells them."""
    said = []
    for record in records:
        if record.stage == "collect" and record.span == "collect":
            match record.event:
                case ev.CommandSent(verb):
                    said.append(verb)
                case ev.ReplyReceived(lines=lines):
                    said.append(lines[0].partition(" ")[0])
                case _:
                    pass
    return said


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_what_tshark_reads_is_what_the_records_tell(tshark, tmp_path, path):
    records = list(read(path).records)
    file = tmp_path / "capture.pcapng"
    file.write_bytes(export(records, lambda record: ""))
    found = frames(tshark, file)
    verbs, codes = told(records)
    by_stream = sorted(found, key=lambda frame: int(frame.stream or -1))
    one_by_one = len({record.span for record in records if isinstance(record.event, ev.CommandSent)}) == 1
    put = list if one_by_one else sorted
    assert put(verb for frame in by_stream for verb in frame.commands) == put(verbs)
    assert put(code for frame in by_stream for code in frame.codes) == put(codes)
    assert [word for frame in by_stream for word in frame.collecting] == collected(records)
    assert {status for frame in found for status in frame.checksums} == {"1"}
    assert frames(tshark, file, "-Y", FAULTS) == []
    undecrypted = [frame for frame in found if frame.encrypted and not {"smtp", "imf", "pop"} & set(frame.protocols)]
    secure = any(isinstance(record.event, ev.TlsEstablished) for record in records)
    assert undecrypted == []
    assert any("tls" in frame.protocols and frame.commands for frame in found) is secure


def test_times_questions_ports_and_names_are_the_records(tshark, tmp_path):
    records = list(read(bundled_folder() / "plain-delivery.jsonl").records)
    file = tmp_path / "capture.pcapng"
    file.write_bytes(export(records, lambda record: ""))
    found = frames(tshark, file)
    asked = [record.event.name for record in records if isinstance(record.event, ev.DnsQueried)]
    assert [frame.question for frame in found if frame.question][::2] == asked
    starts = [record.time_us for record in records if isinstance(record.event, ev.ConnectStarted)]
    syn = next(frame for frame in found if frame.stream)
    assert (syn.time, syn.port, syn.comment) == (f"{starts[0] * 1000 / 1e9:.6f}000", "25", "tcp.port == 2525")
    hosts = subprocess.run([tshark, "-r", str(file), "-q", "-z", "hosts"], capture_output=True, check=True).stdout
    assert b"127.0.0.10\tmx.harbour.example" in hosts


def test_explanations_are_comments_in_the_readers_language(tshark, tmp_path):
    records = list(read(bundled_folder() / "refused-550.jsonl").records)
    file = tmp_path / "capture.pcapng"
    file.write_bytes(export(records, Explainer(Texts("vi"))))
    said = [frame.comment for frame in frames(tshark, file) if frame.commands == ["EHLO"]]
    assert "Máy khách xưng tên" in said[0]


def story(*events: ev.Event) -> list[Record]:
    moment = iter(range(1_795_395_600, 1_795_396_600))
    journal = Journal(lambda: float(next(moment)))
    scope = journal.scope(node="client.example", hop=0, span="deliver/1/mx.example")
    for event in events:
        scope(event)
    return journal.records


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_implicit_tls_over_ipv6_opens_decrypted_too(tshark, tmp_path, version):
    place = ("mx.example", "2001:db8:1::25", 2465)
    records = story(
        ev.ConnectStarted(*place),
        ev.Connected(*place, 1.0),
        ev.TlsStarted("mx.example"),
        ev.TlsEstablished(version, "", None, None),
        ev.ReplyReceived(220, None, ("mx.example",), 1.0),
        ev.CommandSent("EHLO", "EHLO client.example"),
        ev.ReplyReceived(250, None, ("mx.example", "SIZE"), 1.0, "EHLO"),
        ev.CommandSent("DATA", "DATA"),
        ev.ReplyReceived(354, None, ("go on",), 1.0, "DATA"),
        ev.MessageSent(200_000, "DATA"),
        ev.ReplyReceived(250, None, ("taken",), 1.0, "."),
        ev.CommandSent("QUIT", "QUIT"),
        ev.Disconnected("us", clean=True),
    )
    file = tmp_path / "capture.pcapng"
    file.write_bytes(export(records, lambda record: ""))
    found = frames(tshark, file)
    assert [frame.commands for frame in found if frame.commands] == [["EHLO"], ["DATA"], ["QUIT"]]
    assert found[0].port == "465"
    assert frames(tshark, file, "-Y", FAULTS) == []
