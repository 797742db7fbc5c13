"""The tree of a message's parts: numbers, names, texts; and whatever a stranger sends stays a bounded tree."""

from __future__ import annotations

import time
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtplab.message.charset import codec_of, decode_text
from smtplab.message.file_name import OCTETS_MAX, safe_file_name
from smtplab.message.parts import (
    DEPTH_MAX,
    PARTS_MAX,
    TEXT_OCTETS_MAX,
    attachments_of,
    body_of,
    part_at,
    part_called,
    parts_of_message,
    walk,
)

S_MAX = 5.0
"""For rubbish: far above what an honest reading takes, and far below what a quadratic one would."""


def lines(*texts: str) -> bytes:
    return "".join(f"{text}\r\n" for text in texts).encode()


def letter() -> bytes:
    inner = EmailMessage()
    inner["Subject"] = "Chuyển tiếp"
    inner.set_content("inside")
    inner.add_alternative("<p>inside</p>", subtype="html")
    message = EmailMessage()
    message["Subject"] = "A tree"
    message.set_content("Xin chào\n")
    message.add_alternative("<p>Xin <img src='cid:logo'></p>", subtype="html")
    message.get_payload()[1].add_related(b"\x89PNG", "image", "png", cid="<logo>")
    message.add_attachment(inner)
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="báo cáo.pdf")
    return message.as_bytes().replace(b"\n", b"\r\n")


def test_the_parts_are_numbered_as_imap_numbers_them() -> None:
    found = [(depth, part.number, part.kind) for depth, part in walk(parts_of_message(letter()))]
    assert found == [
        (0, "0", "multipart/mixed"),
        (1, "1", "multipart/alternative"),
        (2, "1.1", "text/plain"),
        (2, "1.2", "multipart/related"),
        (3, "1.2.1", "text/html"),
        (3, "1.2.2", "image/png"),
        (1, "2", "message/rfc822"),
        (2, "2.0", "multipart/alternative"),
        (3, "2.1", "text/plain"),
        (3, "2.2", "text/html"),
        (1, "3", "application/pdf"),
    ]


def test_the_tenth_part_is_followed_by_its_own_parts() -> None:
    nested = lines("Content-Type: multipart/mixed; boundary=in", "", "--in", "", "one", "--in--")
    pieces = [b"--out\r\n\r\nx\r\n"] * 9 + [b"--out\r\n" + nested + b"\r\n", b"--out--\r\n"]
    root = parts_of_message(b"Content-Type: multipart/mixed; boundary=out\r\n\r\n" + b"".join(pieces))
    assert [part.number for _, part in walk(root)][-2:] == ["10", "10.1"]


def test_each_part_is_out_of_its_encoding_and_has_its_name() -> None:
    root = parts_of_message(letter())
    plain, picture, report = part_at(root, "1.1"), part_called(root, "logo"), part_at(root, "3")
    assert plain is not None
    assert plain.text == "Xin chào\n"
    assert picture is not None
    assert (picture.number, picture.content) == ("1.2.2", b"\x89PNG")
    assert report is not None
    assert (report.name, report.file_name, report.content) == ("báo cáo.pdf", "báo cáo.pdf", b"%PDF")
    assert part_at(root, "9") is None
    assert part_called(root, "") is None


def test_the_body_is_what_is_read_in_its_place_and_the_rest_is_attached() -> None:
    root = parts_of_message(letter())
    html = body_of(root, "text/html")
    assert html is not None
    assert html.number == "1.2.1"
    assert [part.number for part in attachments_of(root)] == ["1.2.2", "2", "3"]
    assert body_of(parts_of_message(b"Subject: x\r\n\r\nhello\r\n"), "text/html") is None


def test_a_message_without_any_structure_is_one_part() -> None:
    root = parts_of_message(b"hello")
    assert (root.number, root.kind, root.parts, root.flaws) == ("1", "text/plain", (), ())
    assert parts_of_message(b"").octets == 0


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Content-Disposition: attachment; filename*=UTF-8''b%C3%A1o.txt", "báo.txt"),
        ("Content-Disposition: attachment; filename*0=lon; filename*1=g.txt", "long.txt"),
        ("Content-Disposition: attachment; filename==?utf-8?B?YsOhby50eHQ=?=", "báo.txt"),
        ('Content-Disposition: attachment; filename="báo.txt"', "báo.txt"),
        ("Content-Disposition: attachment; filename*" + "9" * 5000 + "=x", ""),
        ("Content-Disposition: attachment; filename*=no-such-charset''x%FF", None),
        ("Content-Type: text/plain; name*=utf-7'''", None),
    ],
)
def test_file_names_are_read_in_every_way_that_people_write_them(header: str, name: str | None) -> None:
    found = parts_of_message(f"{header}\r\n\r\nx".encode())
    assert name is None or found.name == name
    assert found.file_name


@pytest.mark.parametrize(
    ("sent", "saved"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\win.ini", "win.ini"),
        ("..", "part-2.png"),
        (".bashrc", "bashrc"),
        ("-rf", "rf"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("a\x00b\r\nc.txt", "a_b__c.txt"),
        ("file.txt:stream", "file.txt_stream"),
        ("NUL.txt", "_NUL.txt"),
        ("con", "_con"),
        ("   ", "part-2.png"),
        ("", "part-2.png"),
        ("báo cáo.pdf", "báo cáo.pdf"),
        ("trailing. . ", "trailing"),
    ],
)
def test_no_name_leaves_its_folder(sent: str, saved: str) -> None:
    assert safe_file_name(sent, "2", "image/png") == saved


@given(st.text(max_size=400))
def test_any_name_becomes_one_that_any_system_takes(sent: str) -> None:
    saved = safe_file_name(sent, "1", "x/y")
    assert saved
    assert len(saved.encode()) <= OCTETS_MAX + 1
    assert not set(saved) & set('/\\:*?"<>|\0')
    assert not saved.startswith((".", "-", " "))


def test_a_long_name_keeps_its_extension() -> None:
    assert safe_file_name("á" * 300 + ".pdf", "1", "application/pdf").endswith("á.pdf")


@pytest.mark.parametrize("charset", ["punycode", "idna", "unicode_escape", "hex", "rot13", "base64", "\0", "x" * 5000])
def test_what_is_no_charset_decodes_nothing(charset: str) -> None:
    assert codec_of(charset) is None
    assert decode_text("chào".encode(), charset) == "chào"


def test_text_in_any_charset_is_text() -> None:
    assert decode_text(b"caf\xe9", "iso-8859-1") == "café"
    assert decode_text(b"caf\xe9", "") == "café"
    assert decode_text("chào".encode(), "us-ascii") == "chào"
    assert decode_text("chà".encode()[:-1], "", cut=True) == "ch"
    assert decode_text(b"x\xff", "utf-8") == "x\ufffd"


# Rubbish


@pytest.mark.parametrize(
    ("content", "flaw"),
    [
        (lines("Content-Type: multipart/mixed", "", "--x", "", "y"), "no-parts"),
        (lines("Content-Type: multipart/mixed; boundary=" + "b" * 80, "", "y"), "no-parts"),
        (lines("Content-Type: application/x; name=y", "Content-Transfer-Encoding: base64", "", "abcde"), "bad-base64"),
        (lines("Content-Transfer-Encoding: x-rot13", "", "y"), "encoding-unknown"),
        (lines("Content-Type: text/plain; charset=klingon", "", "y"), "charset-unknown"),
    ],
)
def test_what_is_wrong_is_said_and_the_octets_are_there(content: bytes, flaw: str) -> None:
    found = parts_of_message(content)
    assert flaw in found.flaws
    assert found.octets > 0


def test_a_tree_is_at_most_so_deep() -> None:
    content = b"Subject: in the end\r\n\r\nx"
    for _ in range(500):
        content = b"Content-Type: message/rfc822\r\n\r\n" + content
    found = list(walk(parts_of_message(content)))
    assert max(depth for depth, _ in found) == DEPTH_MAX
    assert found[-1][1].flaws == ("too-deep",)


def test_multiparts_in_multiparts_are_read_in_no_more_than_a_moment() -> None:
    content = b"x"
    for at in range(2000):
        content = b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (at, at) + content
    begun = time.process_time()
    assert len(list(walk(parts_of_message(content)))) == DEPTH_MAX + 1
    assert time.process_time() - begun < S_MAX


def test_a_tree_has_at_most_so_many_parts() -> None:
    root = parts_of_message(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 100_000)
    assert len(list(walk(root))) == PARTS_MAX
    assert root.flaws == ("too-many-parts",)


def test_of_a_huge_text_only_the_beginning_is_shown() -> None:
    found = parts_of_message(b"\r\n" + b"x" * (TEXT_OCTETS_MAX + 5))
    assert (len(found.text), found.is_cut, found.octets) == (TEXT_OCTETS_MAX, True, TEXT_OCTETS_MAX + 5)


@pytest.mark.parametrize(
    "header",
    [
        b"Content-Type: " + b"; a" * 200_000,
        b'Content-Type: text/plain; name="' + b"\\" * 500_000,
        b"Content-Disposition: attachment" + b";filename*1=a" * 50_000,
        b"Content-Type: multipart/mixed; boundary*=''%",
        b"Content-Type: \xff\xfe/\x00; charset=\xff",
        b"Content-Type: text/plain; charset*=x'y'%ZZ",
    ],
)
def test_no_header_makes_the_reader_think_for_long(header: bytes) -> None:
    begun = time.process_time()
    found = parts_of_message(header + b"\r\n\r\nbody")
    assert [*walk(found)]
    assert isinstance(found.text, str)
    assert time.process_time() - begun < S_MAX


_WORDS = b"""Content-Type: multipart/mixed; boundary=b|Content-Type: message/rfc822|--b|--b--|=|=?utf-8?B?/?=
|Content-Transfer-Encoding: base64|Content-Transfer-Encoding: quoted-printable
|Content-Type: text/html; charset*0=utf; charset*1=-8|Content-Disposition: attachment; filename*=|\r|\n|\r\n"""
_PIECES = st.sampled_from(_WORDS.split(b"|"))


@given(st.lists(st.one_of(_PIECES, st.binary(max_size=20)), max_size=40).map(b"\r\n".join))
def test_any_octets_make_a_tree(content: bytes) -> None:
    for _, part in walk(parts_of_message(content)):
        assert part.file_name
        assert isinstance(part.text, str)
        assert part.octets >= 0
