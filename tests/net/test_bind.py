"""The resolver against BIND."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from smtplab.events import DnsAnswered, Event
from smtplab.net.live import live_net
from smtplab.net.ports import Answer, Endpoint

NAMED = shutil.which("named", path="/usr/sbin:/usr/bin:/sbin:/bin")

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(NAMED is None, reason="BIND is not installed: there is no named"),
]

STRINGS = " ".join(f'"{"x" * 250}"' for _ in range(12))

ZONE = f"""\
$ORIGIN hust.example.
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 120
@ NS ns
ns A 127.0.0.1
@ MX 10 mx1
@ MX 20 mx2
mx1 A 192.0.2.1
mx1 AAAA 2001:db8::1
www CNAME mx1
deep CNAME www
away CNAME www.neu.example.
loop1 CNAME loop2
loop2 CNAME loop1
nullmx MX 0 .
_25._tcp.mx1 TLSA 3 1 1 {"ab" * 32}
big TXT {STRINGS}
"""


@pytest.fixture(scope="module")
def bind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    folder = tmp_path_factory.mktemp("bind")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    Path(folder, "zone").write_text(ZONE)
    Path(folder, "named.conf").write_text(
        f'options {{ directory "{folder}"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};'
        f' recursion no; pid-file "{folder}/pid"; session-keyfile none; }}; controls {{ }};'
        f' zone "hust.example" {{ type primary; file "{folder}/zone"; }};\n'
    )
    with Path(folder, "log").open("wb") as log:
        named = subprocess.Popen([str(NAMED), "-g", "-n", "1", "-c", f"{folder}/named.conf"], stderr=log)
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if time.monotonic() > deadline or named.poll() is not None:
                    pytest.fail(Path(folder, "log").read_text())
                time.sleep(0.05)
        yield Endpoint("127.0.0.1", port)
    finally:
        named.terminate()
        named.wait(10)


def ask(server: Endpoint, name: str, rrtype: str) -> tuple[Answer, list[Event]]:
    events: list[Event] = []
    answer = asyncio.run(live_net(dns=server).resolver.resolve(name, rrtype, events.append))
    return answer, events


@pytest.mark.parametrize(
    ("name", "rrtype", "kind", "records"),
    [
        ("hust.example", "MX", "found", {"10 mx1.hust.example.", "20 mx2.hust.example."}),
        ("mx1.hust.example", "A", "found", {"192.0.2.1"}),
        ("mx1.hust.example", "AAAA", "found", {"2001:db8::1"}),
        ("deep.hust.example", "A", "found", {"192.0.2.1"}),
        ("nullmx.hust.example", "MX", "found", {"0 ."}),
        ("_25._tcp.mx1.hust.example", "TLSA", "found", {"3 1 1 " + "ab" * 32}),
        ("hust.example", "NS", "found", {"ns.hust.example."}),
        ("mx1.hust.example", "MX", "nodata", set()),
        ("deep.hust.example", "MX", "nodata", set()),
        ("nobody.hust.example", "A", "nxdomain", set()),
        ("loop1.hust.example", "A", "cname-loop", set()),
        ("neu.example", "A", "servfail", set()),
        ("away.hust.example", "A", "servfail", set()),
    ],
)
def test_bind_and_the_resolver_understand_each_other(
    bind: Endpoint, name: str, rrtype: str, kind: str, records: set[str]
) -> None:
    answer, _ = ask(bind, name, rrtype)
    assert (answer.kind, set(answer.records)) == (kind, records)


def test_a_large_answer_comes_over_tcp(bind: Endpoint) -> None:
    answer, events = ask(bind, "big.hust.example", "TXT")
    assert answer.records[0].count("x") == 3000
    assert [type(event) for event in events][-1] is DnsAnswered


def test_a_denial_is_kept_as_long_as_the_soas_minimum(bind: Endpoint) -> None:
    assert ask(bind, "nobody.hust.example", "A")[0].ttl_s == 120
