"""The grammar of addresses, good and bad, and the way there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtplab.wire.address import (
    Mailbox,
    format_mailbox,
    format_path,
    literal_address,
    parse_domain,
    parse_mailbox,
    parse_path,
)
from smtplab.wire.flaw import Flaw

LONG_NAME = ".".join(["d" * 61] * 4)


@pytest.mark.parametrize(
    "text",
    [
        "student@hust.example",
        "a@b",
        "first.last+tag@mail-1.example",
        "!#$%&'*+-/=?^_`{|}~@example.com",
        f"{'l' * 64}@example.com",
        f"a@{'d' * 63}.example",
        "a@1.2.3.4",
        '"two words"@example.com',
        '"a@b"@example.com',
        '""@example.com',
        "a@[192.0.2.1]",
        "a@[IPv6:2001:db8::1]",
        "a@[ipv6:::ffff:192.0.2.1]",
        "a@[x-tag:anything!]",
        "a@xn--bcher-kva.example",
    ],
)
def test_a_good_mailbox_is_read_and_written_as_it_was(text: str) -> None:
    mailbox = parse_mailbox(text)
    assert isinstance(mailbox, Mailbox)
    assert format_mailbox(mailbox) == text


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "address-empty"),
        ("student", "no-domain"),
        ("student@", "no-domain"),
        ("@example.com", "no-local-part"),
        ("a@b@c", "second-at"),
        (".a@b", "local-dot-first"),
        ("a.@b", "local-dot-last"),
        ("a..b@c", "local-dots-together"),
        ("a b@c", "address-space"),
        ("a@b c", "address-space"),
        ("a@b\t", "address-space"),
        ("a\x00@b", "address-control"),
        ('"a\x01"@b', "address-control"),
        ("a(b)@c", "local-character"),
        ("a<b@c", "local-character"),
        ('a"b"@c', "local-character"),
        ('"a@c', "quoted-string-open"),
        ('"a"b@c', "after-quoted-string"),
        (f"{'l' * 65}@example.com", "local-part-too-long"),
        (f"{'l' * 10}@{LONG_NAME}", "path-too-long"),
        (f"a@{'d' * 64}.example", "domain-label-too-long"),
        ("a@my_host.example", "domain-underscore"),
        ("a@-b.example", "domain-hyphen"),
        ("a@b-.example", "domain-hyphen"),
        ("a@b..example", "domain-dots-together"),
        ("a@.example", "domain-dot-first"),
        ("a@example.", "domain-dot-last"),
        ("a@ex!ample", "domain-character"),
        ("a@[192.0.2.256]", "literal-ipv4"),
        ("a@[192.0.2.1", "literal-open"),
        ("a@[]", "literal-open"),
        ("a@[2001:db8::1]", "literal-ipv6-tag"),
        ("a@[IPv6:2001:db8::1%eth0]", "literal-ipv6"),
        ("a@[IPv6:1:2:3:4:5:6:7::]", "literal-ipv6"),
        ("a@[IPv6:12345::]", "literal-ipv6"),
        ("a@[hello world]", "literal-form"),
        ("đạt@example.com", "utf8-without-smtputf8"),
        ("dat@thưđiệntử.vn", "utf8-without-smtputf8"),
    ],
)
def test_a_bad_mailbox_says_what_is_wrong(text: str, rule: str) -> None:
    found = parse_mailbox(text)
    assert isinstance(found, Flaw)
    assert found.rule == rule


@pytest.mark.parametrize(
    "text", ["đạt@thưđiệntử.vn", "用户@例え.テスト", "pelé@example.com", "a@l·la.example", '"đ t"@bücher.example']
)
def test_smtputf8_widens_the_alphabet(text: str) -> None:
    mailbox = parse_mailbox(text, smtputf8=True)
    assert isinstance(mailbox, Mailbox)
    assert format_mailbox(mailbox) == text


@pytest.mark.parametrize(
    "domain",
    [
        "Bücher.example",
        "bu\u0308cher.example",
        "ü-.example",
        "☃.example",
        "a·b.example",
        "ü_.example",
        "אa.example",
        "\u0301u.example",
    ],
)
def test_a_label_that_is_no_u_label_is_refused(domain: str) -> None:
    found = parse_domain(domain, smtputf8=True)
    assert isinstance(found, Flaw)
    assert found.rule == "domain-u-label"


def test_limits_count_octets_and_not_characters() -> None:
    assert isinstance(parse_mailbox(f"{'đ' * 32}@example.com", smtputf8=True), Mailbox)
    assert parse_mailbox(f"{'đ' * 33}@example.com", smtputf8=True) == Flaw(
        "local-part-too-long", "66", "RFC 5321 4.5.3.1.1"
    )


def test_a_domain_may_have_255_octets() -> None:
    name = ".".join(["d" * 63] * 4)
    assert parse_domain(name) == name
    assert parse_domain("d." + name) == Flaw("domain-too-long", "257", "RFC 5321 4.5.3.1.2")


def test_a_source_route_is_accepted_and_dropped() -> None:
    assert parse_path("<@a.example,@[192.0.2.1]:student@hust.example>") == Mailbox("student", "hust.example")
    broken = parse_path("<@a.example student@hust.example>")
    assert isinstance(broken, Flaw)
    assert broken.rule == "source-route"


def test_the_null_path_and_postmaster_stand_only_where_they_may() -> None:
    assert parse_path("<>", null=True) is None
    assert parse_path("<>") == Flaw("null-path", "", "RFC 5321 4.1.1.3")
    assert parse_path("<postMaster>", postmaster=True) == Mailbox("postMaster", "")
    assert isinstance(parse_path("<postmaster>"), Flaw)
    assert format_path(None) == "<>"
    assert format_path(Mailbox("Postmaster", "")) == "<Postmaster>"


def test_a_path_needs_its_brackets() -> None:
    for text in ("a@b", "<a@b", "a@b>", "<", ""):
        found = parse_path(text)
        assert isinstance(found, Flaw)
        assert found.rule == "no-angle-brackets"


def test_literals_give_their_address() -> None:
    assert literal_address("[192.0.2.001]") == "192.0.2.1"
    assert literal_address("[IPv6:2001:DB8::1]") == "2001:db8::1"
    assert literal_address("[192.0.2.300]") is None
    assert literal_address("[x-tag:1]") is None
    assert literal_address("192.0.2.1") is None


def test_a_detail_never_moves_the_cursor() -> None:
    found = parse_mailbox("a\x1b[2J@" + "b" * 200)
    assert isinstance(found, Flaw)
    assert found.detail.isprintable()


@given(st.text(max_size=80), st.booleans())
def test_no_text_raises_and_what_is_read_is_read_again(text: str, smtputf8: bool) -> None:
    found = parse_mailbox(text, smtputf8=smtputf8)
    parse_path(text, smtputf8=smtputf8)
    if isinstance(found, Mailbox):
        assert parse_mailbox(str(found), smtputf8=smtputf8) == found


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30))
def test_any_printable_local_part_survives_its_quotes(local: str) -> None:
    mailbox = Mailbox(local, "example.com")
    assert parse_mailbox(format_mailbox(mailbox)) == mailbox
