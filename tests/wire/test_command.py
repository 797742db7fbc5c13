"""Command lines: what is read, what is noted, what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtplab.wire import command as cmd
from smtplab.wire import command_line
from smtplab.wire.address import DOMAIN, DOT_STRING, Mailbox
from smtplab.wire.command import Unknown, format_command
from smtplab.wire.command_line import Parsed, parse_command

ANNA = Mailbox("anna", "client.example")


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"HELO client.example", cmd.Helo("client.example")),
        (b"EHLO [IPv6:2001:db8::1]", cmd.Ehlo("[IPv6:2001:db8::1]")),
        (b"LHLO client.example", cmd.Lhlo("client.example")),
        (b"MAIL FROM:<>", cmd.Mail(None)),
        (b"MAIL FROM:<anna@client.example>", cmd.Mail(ANNA)),
        (
            b"MAIL FROM:<anna@client.example> SIZE=10 SMTPUTF8",
            cmd.Mail(ANNA, {"SIZE": "10", "SMTPUTF8": None}),
        ),
        (b"RCPT TO:<Postmaster>", cmd.Rcpt(Mailbox("Postmaster", ""))),
        (b'RCPT TO:<"a> b"@c.example> NOTIFY=NEVER', cmd.Rcpt(Mailbox("a> b", "c.example"), {"NOTIFY": "NEVER"})),
        (b"DATA", cmd.Data()),
        (b"BDAT 1000", cmd.Bdat(1000)),
        (b"BDAT 0 LAST", cmd.Bdat(0, last=True)),
        (b"RSET", cmd.Rset()),
        (b"NOOP", cmd.Noop()),
        (b"NOOP a b", cmd.Noop("a b")),
        (b"QUIT", cmd.Quit()),
        (b"VRFY anna", cmd.Vrfy("anna")),
        (b"EXPN list", cmd.Expn("list")),
        (b"HELP MAIL", cmd.Help("MAIL")),
        (b"STARTTLS", cmd.StartTls()),
        (b"AUTH LOGIN", cmd.Auth("LOGIN")),
        (b"AUTH PLAIN =", cmd.Auth("PLAIN", b"")),
        (b"AUTH PLAIN AGEAYg==", cmd.Auth("PLAIN", b"\0a\0b")),
        (b"ETRN @example.com", cmd.Etrn("@example.com")),
    ],
)
def test_a_good_line_is_read_and_written_as_it_was(line: bytes, command: cmd.Command) -> None:
    assert parse_command(line) == Parsed(command)
    assert format_command(command) == line


def test_every_verb_is_known_in_any_case() -> None:
    named = "AUTH BDAT DATA EHLO ETRN EXPN HELO HELP LHLO MAIL NOOP QUIT RCPT RSET STARTTLS VRFY XCLIENT XFORWARD"
    assert " ".join(sorted(cmd.VERBS)) == named
    assert parse_command(b"mAiL fRoM:<anna@client.example> size=1") == Parsed(cmd.Mail(ANNA, {"SIZE": "1"}))
    assert parse_command(b"quit").command == cmd.Quit()
    for verb in cmd.VERBS:
        rules = [flaw.rule for flaw in parse_command(verb.lower().encode()).flaws]
        assert "unknown-verb" not in rules


@pytest.mark.parametrize(
    ("line", "command", "rules"),
    [
        (b"MAIL FROM: <anna@client.example>", cmd.Mail(ANNA), ["space-after-colon"]),
        (b"RCPT TO:anna@client.example", cmd.Rcpt(ANNA), ["no-angle-brackets"]),
        (
            b"MAIL FROM: anna@client.example SIZE=1",
            cmd.Mail(ANNA, {"SIZE": "1"}),
            ["space-after-colon", "no-angle-brackets"],
        ),
        (b"MAIL FROM:<anna@client.example>SIZE=1", cmd.Mail(ANNA, {"SIZE": "1"}), ["no-space-before-parameter"]),
        (b"MAIL FROM:<anna@client.example>  SIZE=1", cmd.Mail(ANNA, {"SIZE": "1"}), ["extra-space"]),
        (b"MAIL FROM:<anna@client.example> SIZE=1 size=2", cmd.Mail(ANNA, {"SIZE": "1"}), ["duplicate-parameter"]),
        (b"MAIL FROM:<anna@client.example> ", cmd.Mail(ANNA), ["trailing-space"]),
        (b"QUIT \t", cmd.Quit(), ["trailing-space"]),
        (b"EHLO  client.example", cmd.Ehlo("client.example"), ["extra-space"]),
        (b"EHLO my_host", cmd.Ehlo("my_host"), ["domain-underscore"]),
        (b"DATA now", cmd.Data(), ["unexpected-argument"]),
        (b"RSET now", cmd.Rset(), ["unexpected-argument"]),
        (b"QUIT now", cmd.Quit(), ["unexpected-argument"]),
        (b"STARTTLS now", cmd.StartTls(), ["unexpected-argument"]),
        ("NOOP đ".encode(), cmd.Noop("đ"), ["utf8-without-smtputf8"]),
    ],
)
def test_a_sloppy_line_is_read_and_noted(line: bytes, command: cmd.Command, rules: list[str]) -> None:
    parsed = parse_command(line)
    assert parsed.command == command
    assert [flaw.rule for flaw in parsed.flaws] == rules


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (b"", "empty-command"),
        (b" QUIT", "leading-space"),
        (b"FOO", "unknown-verb"),
        (b"MAIL\tFROM", "no-from"),
        (b"MAIL", "missing-argument"),
        (b"MAIL FROM:", "missing-argument"),
        (b"RCPT FROM:<a@b>", "no-to"),
        (b"RCPT TO:<>", "null-path"),
        (b"RCPT TO:<a b@c>", "address-space"),
        (b"RCPT TO:<" + b"l" * 65 + b"@c>", "local-part-too-long"),
        (b"MAIL FROM:<a@b> =1", "bad-parameter"),
        (b"MAIL FROM:<a@b> SIZE=", "bad-parameter"),
        (b"EHLO", "missing-argument"),
        (b"VRFY", "missing-argument"),
        (b"BDAT", "missing-argument"),
        (b"BDAT x", "bad-chunk-size"),
        (b"BDAT -1", "bad-chunk-size"),
        (b"BDAT " + b"9" * 5000, "bad-chunk-size"),
        (b"BDAT 1 FIRST", "bad-chunk-size"),
        (b"AUTH", "missing-argument"),
        (b"AUTH PL@IN", "bad-mechanism"),
        (b"AUTH PLAIN hunter2!", "bad-base64"),
        (b"AUTH PLAIN AA== BB==", "unexpected-argument"),
        (b"NOOP\0", "nul"),
        (b"EHLO a\nMAIL FROM:<>", "bare-lf"),
        (b"EHLO a\rMAIL FROM:<>", "bare-cr"),
        (b"NOOP \xff", "not-utf8"),
        ("RCPT TO:<đ@c>".encode(), "utf8-without-smtputf8"),
    ],
)
def test_a_line_that_cannot_be_read_is_kept_as_it_came(line: bytes, rule: str) -> None:
    parsed = parse_command(line)
    assert parsed.command == Unknown(line)
    assert parsed.flaws[-1].rule == rule


def test_mail_allows_utf8_for_itself_by_its_parameter() -> None:
    line = "MAIL FROM:<đạt@thưđiệntử.vn> SMTPUTF8".encode()
    assert parse_command(line).command == cmd.Mail(Mailbox("đạt", "thưđiệntử.vn"), {"SMTPUTF8": None})
    rcpt = "RCPT TO:<đạt@thưđiệntử.vn>".encode()
    assert parse_command(rcpt, smtputf8=True) == Parsed(cmd.Rcpt(Mailbox("đạt", "thưđiệntử.vn")))


def test_no_flaw_of_auth_shows_what_was_sent() -> None:
    for line in (b"AUTH hunter2!", b"AUTH PLAIN hunter2!", b"AUTH PLAIN hunter2 hunter2"):
        assert all("hunter2" not in flaw.detail for flaw in parse_command(line).flaws)


@pytest.mark.parametrize(
    "command",
    [cmd.Noop("a\r\nQUIT"), cmd.Mail(Mailbox("a\nb", "c")), cmd.Unknown(b"a\rb"), cmd.Ehlo("a\n")],
)
def test_our_own_values_never_split_a_line(command: cmd.Command) -> None:
    with pytest.raises(ValueError, match="CR or LF"):
        format_command(command)


STARTS = st.sampled_from(
    [b"", b"MAIL FROM:", b"RCPT TO:<", b"MAIL FROM:<a@b> ", b"EHLO ", b"AUTH PLAIN ", b"BDAT ", b"VRFY ", b"DATA"]
)


@given(
    st.sampled_from(["MAIL FROM:", "rcpt to:", "RCPT TO:"]),
    st.from_regex(DOT_STRING, fullmatch=True) | st.text("a.@", max_size=70),
    st.from_regex(DOMAIN, fullmatch=True) | st.text("a.-", max_size=8),
    st.sampled_from(["", " SIZE=1", " SIZE=1 BODY=8BITMIME", " SIZE=1 SIZE=2", " X", " A=b=c", "  X"]),
)
def test_a_common_envelope_is_read_as_the_whole_grammar_reads_it(
    start: str, local: str, domain: str, parameters: str
) -> None:
    line = f"{start}<{local}@{domain}>{parameters}".encode()
    assert parse_command(line) == command_line._parse_slowly(line, smtputf8=False)


@given(STARTS, st.binary(max_size=60) | st.text(max_size=30).map(str.encode), st.booleans())
def test_any_bytes_never_raise(start: bytes, rest: bytes, smtputf8: bool) -> None:
    parsed = parse_command(start + rest, smtputf8=smtputf8)
    if isinstance(parsed.command, Unknown):
        assert parsed.command.line == start + rest
        assert parsed.flaws
    else:
        again = parse_command(format_command(parsed.command), smtputf8=smtputf8)
        assert again.command == parsed.command


def test_the_verb_of_an_unreadable_line_never_holds_what_follows_it():
    """Written with a tab, the credentials of AUTH would else be taken for a part of the verb."""
    assert parse_command(b"AUTH\tPLAIN\tAGxhbgBzZWNyZXQ=").command.verb == "AUTH"
    assert cmd.Unknown(b"\x00\xff").verb == ""
