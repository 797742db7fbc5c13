"""`smtplab serve` hands mail on to Postfix, is killed meanwhile, and loses nothing and doubles nothing unsaid."""

import email
import email.policy
import re
from collections import Counter
from pathlib import Path

import pytest

from smtplab.mta.inbox.reader import visit_inbox
from tests.peers.conftest import Mta, wait_until
from tests.serve.served import Dialogue, Served

pytestmark = pytest.mark.peer

MESSAGES = 60
KILLS = 3


def test_what_postfix_takes_is_there_and_what_it_refuses_comes_back(tmp_path: Path, postfix: Mta) -> None:
    log = tmp_path / "serve.log"
    options = ("--domain", "home.example", "--relay-to", f"{postfix.address}:{postfix.port}", "--log", str(log))
    accepted = set()
    for life in range(KILLS):
        with Served(tmp_path / "home", *options) as served:
            with Dialogue(served.port) as client:
                client.ehlo()
                for number in range(MESSAGES // KILLS):
                    name = f"onward-{life}-{number}"
                    assert client.ask(b"MAIL FROM:<a@home.example>\r\n") == 250
                    for who in (f"{name}@real.net", "nobody@real.net"):
                        assert client.ask(f"RCPT TO:<{who}>\r\n".encode()) == 250
                    assert client.ask(b"DATA\r\n") == 354
                    assert client.ask(f"Subject: {name}\r\n\r\nbody\r\n.\r\n".encode()) == 250
                    accepted.add(name)
            served.process.kill()
            served.process.communicate()
    with Served(tmp_path / "home", *options) as served:
        wait_until(lambda: served.smtplab("queue", "list", "--json").stdout == b"[]\n", "an empty queue")
        wait_until(lambda: accepted <= set(_arrived(postfix)), "every message in the maildir")
        bounced = Counter(_failed(tmp_path / "home"))
        assert served.stop() == (0, b"", b"")
    doubts = Counter(re.findall(r' in-doubt queue="\w+" recipient="(onward-[\d-]+)@real.net"', log.read_text("ascii")))
    arrived = _arrived(postfix)
    assert {name for name, times in arrived.items() if times > 1 + doubts[name]} == set()
    assert set(bounced) == {"rfc822; nobody@real.net"}
    assert bounced.total() >= len(accepted)


def _arrived(postfix: Mta) -> Counter[str]:
    subjects = [
        re.search(rb"^Subject: (onward-[\d-]+)", path.read_bytes(), re.MULTILINE) for path in postfix.messages()
    ]
    return Counter(found[1].decode() for found in subjects if found)


def _failed(home: Path) -> list[str]:
    """Who is named by each notice in the inbox."""
    failed = []
    with visit_inbox(home / "inbox") as inbox:
        for row in inbox.messages():
            if row.sender == "":
                message = email.message_from_bytes(inbox.raw(row.id) or b"", policy=email.policy.SMTP)
                _, status, *_ = message.iter_parts()
                failed += [one["Final-Recipient"] for one in status.get_payload()[1:]]
    return failed
