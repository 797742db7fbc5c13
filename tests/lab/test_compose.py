"""Messages made, and messages brought into form."""

from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtplab.lab.bad_input import BadInput
from smtplab.lab.compose import compose
from smtplab.lab.parts import Parts, crlf


def composed(**parts: object) -> bytes:
    given_parts = {
        "sender": "lan@here.net",
        "recipient": "an@real.net",
        "date": datetime(2026, 11, 23, 1, tzinfo=UTC),
        "token": "1a2b",
        "host": "here.net",
    }
    return compose(Parts(**{**given_parts, **parts}))


def test_the_same_parts_make_the_same_octets(tmp_path):
    (tmp_path / "a.bin").write_bytes(bytes(range(256)))
    parts = {"attachments": (str(tmp_path / "a.bin"),), "subject": "Xin chào", "body": "Đây là thư thử.\n.\n"}
    assert composed(**parts) == composed(**parts)


def test_a_message_has_the_fields_that_rfc_5322_wants_and_crlf_alone():
    octets = composed()
    message = message_from_bytes(octets, policy=policy.default)
    assert message["Message-ID"] == "<1a2b@here.net>"
    assert message["Date"] == "Mon, 23 Nov 2026 01:00:00 +0000"
    assert (message["From"], message["To"]) == ("lan@here.net", "an@real.net")
    assert octets.count(b"\n") == octets.count(b"\r\n") == octets.count(b"\r")


def test_what_a_person_wrote_arrives_whole(tmp_path):
    (tmp_path / "báo cáo.txt").write_bytes(b"bare\nlines\r\n")
    path = str(tmp_path / "báo cáo.txt")
    octets = composed(subject="Xin chào", body="Đây là\n.thư thử", headers=(("X-Lab", "7"),), attachments=(path,))
    assert octets.isascii()
    message = message_from_bytes(octets, policy=policy.default)
    attachment = next(iter(message.iter_attachments()))
    assert message["Subject"] == "Xin chào"
    assert message["X-Lab"] == "7"
    assert message.get_body().get_content().replace("\r\n", "\n") == "Đây là\n.thư thử\n"
    assert (attachment.get_filename(), attachment.get_content()) == ("báo cáo.txt", b"bare\nlines\r\n")


def test_a_header_of_the_persons_own_takes_the_place_of_ours():
    message = message_from_bytes(composed(headers=(("subject", "mine"), ("From", "other@here.net"))))
    assert message.get_all("Subject") == ["mine"]
    assert message.get_all("From") == ["other@here.net"]


@pytest.mark.parametrize(
    ("name", "value"), [("Bad Name", "x"), ("", "x"), ("X", "a\r\nBcc: b@c.d"), ("X:", "y"), ("Ẍ", "y")]
)
def test_a_header_that_can_not_stand_is_refused(name, value):
    with pytest.raises(BadInput) as caught:
        composed(headers=((name, value),))
    assert caught.value.text == "cli.bad-header"


def test_an_attachment_that_can_not_be_read_is_named():
    with pytest.raises(BadInput) as caught:
        composed(attachments=("/does/not/exist",))
    assert caught.value.arguments["file"] == "/does/not/exist"


@given(st.lists(st.sampled_from([b"a", b"\n", b"\r\n", b".", b"\xc4\x91"]), max_size=12).map(b"".join))
def test_every_line_ends_with_cr_lf_and_nothing_else_changes(text):
    ended = crlf(text)
    assert ended.count(b"\n") == ended.count(b"\r\n")
    assert ended.replace(b"\r\n", b"\n").rstrip(b"\n") == text.replace(b"\r\n", b"\n").rstrip(b"\n")
    assert not ended or ended.endswith(b"\r\n")
    assert crlf(ended) == ended


def test_a_bare_cr_stays_for_the_person_may_want_it():
    assert crlf(b"a\rb\n") == b"a\rb\r\n"
