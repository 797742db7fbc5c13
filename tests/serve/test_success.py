"""Who asked to hear of it is told that a message lies in the inbox (RFC 3461)."""

from __future__ import annotations

import email
import email.policy
import json
import sys

import pytest

from tests.serve.served import Dialogue, Served

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the server's end is told by POSIX signals")

HERE = ("--domain", "hust.example", "--hostname", "mx.hust.example")


def send(client: Dialogue, sender: str, *recipients: str) -> None:
    """Each recipient with its parameters."""
    assert client.ask(f"MAIL FROM:<{sender}> ENVID=Q+2B1 RET=FULL\r\n".encode()) == 250
    for recipient in recipients:
        assert client.ask(f"RCPT TO:{recipient}\r\n".encode()) == 250
    assert client.ask(b"DATA\r\n") == 354
    assert client.ask(b"Subject: asked\r\n\r\nbody\r\n.\r\n") == 250


def notices(served: Served) -> list[dict[str, object]]:
    return [entry for entry in served.inbox() if entry["subject"] == "What became of your message"]


def test_a_sender_of_ours_finds_the_notice_in_the_inbox_as_soon_as_the_message_is_taken(tmp_path):
    with Served(tmp_path) as served, Dialogue(served.port) as client:
        client.ehlo()
        send(
            client,
            "app@client.example",
            "<bee@hust.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b+2Be@hust.example",
            "<quiet@hust.example>",
            "<never@hust.example> NOTIFY=NEVER",
            "<failure@hust.example> NOTIFY=FAILURE",
        )
        (entry,) = notices(served)
        raw = served.smtplab("inbox", "raw", str(entry["id"])).stdout
    assert (entry["sender"], entry["recipients"]) == ("", ["app@client.example"])
    assert raw.startswith(b"Return-Path: <>\r\n")
    said, status, returned = email.message_from_bytes(raw, policy=email.policy.SMTP).iter_parts()
    about, *recipients = status.get_payload()
    assert (about["Original-Envelope-Id"], about["Reporting-MTA"].split("; ")[0]) == ("Q+1", "dns")
    assert [
        (one["Final-Recipient"], one["Original-Recipient"], one["Action"], one["Status"]) for one in recipients
    ] == [("rfc822; bee@hust.example", "rfc822; b+e@hust.example", "delivered", "2.0.0")]
    assert "<bee@hust.example>" in said.get_content()
    assert returned.get_content_type() == "text/rfc822-headers"
    assert "by " in returned.get_content()
    assert "body" not in returned.get_content()


@pytest.mark.parametrize(
    ("language", "subject"), [("en", "What became of your message"), ("vi", "Kết quả phân phối thư của bạn")]
)
def test_a_notice_speaks_both_languages_and_lies_in_the_maildir_too(tmp_path, language, subject):
    folder = tmp_path / "mail"
    options = ("--listen", "127.0.0.1:0", "--maildir", str(folder), "--lang", language)
    with Served(tmp_path, *options) as served, Dialogue(served.port) as client:
        client.ehlo()
        send(client, "app@client.example", "<bee@hust.example> NOTIFY=SUCCESS")
    contents = [path.read_bytes() for path in (folder / "new").iterdir()]
    (notice,) = [content for content in contents if content.startswith(b"Return-Path: <>\n")]
    assert len(contents) == 2
    message = email.message_from_bytes(notice, policy=email.policy.default)
    said = next(message.iter_parts())
    assert message["Subject"].startswith(subject)
    assert said["Content-Language"] == {"en": "en, vi", "vi": "vi, en"}[language]


def test_the_null_sender_and_one_who_asks_for_nothing_are_told_nothing(tmp_path):
    with Served(tmp_path) as served, Dialogue(served.port) as client:
        client.ehlo()
        send(client, "", "<a@hust.example> NOTIFY=SUCCESS")
        send(client, "app@client.example", "<a@hust.example> ORCPT=rfc822;a@hust.example")
        assert len(served.inbox()) == 2


def test_without_a_way_out_a_sender_elsewhere_is_told_nothing(tmp_path):
    with Served(tmp_path, *HERE) as served, Dialogue(served.port) as client:
        client.ehlo()
        send(client, "app@elsewhere.example", "<a@hust.example> NOTIFY=SUCCESS")
        send(client, "app@hust.example", "<a@hust.example> NOTIFY=SUCCESS")
        assert [entry["recipients"] for entry in notices(served)] == [["app@hust.example"]]


def test_the_notice_goes_out_for_those_who_may_send_on_and_for_no_stranger(tmp_path):
    with Served(tmp_path, *HERE, "--relay-to", "127.0.0.1:9") as served, Dialogue(served.port) as client:
        client.ehlo()
        send(client, "app@elsewhere.example", "<a@hust.example> NOTIFY=SUCCESS")
        assert client.ask(b"XCLIENT ADDR=192.0.2.9\r\n") == 220
        client.ehlo()
        send(client, "forged@elsewhere.example", "<a@hust.example> NOTIFY=SUCCESS")
        assert notices(served) == []
        waiting = json.loads(served.smtplab("queue", "list", "--json").stdout)
    assert [(entry["sender"], entry["recipients"]) for entry in waiting] == [("", ["app@elsewhere.example"])]
