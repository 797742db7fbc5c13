"""Lines become commands and commands lines."""

from __future__ import annotations

import pytest

from smtplab.pop3.command import (
    Apop,
    Auth,
    Capa,
    Command,
    Dele,
    List,
    Noop,
    Pass,
    Quit,
    Retr,
    Rset,
    Stat,
    Stls,
    Top,
    Uidl,
    Unknown,
    User,
    format_command,
    parse_command,
)

WRITTEN: list[tuple[bytes, Command]] = [
    (b"USER reader@neu.example", User("reader@neu.example")),
    (b"PASS  two  spaces ", Pass(" two  spaces ")),
    (b"APOP mrose c4c9334bac560ecc979e58001b3e22fb", Apop("mrose", "c4c9334bac560ecc979e58001b3e22fb")),
    (b"AUTH PLAIN", Auth("PLAIN")),
    (b"AUTH PLAIN =", Auth("PLAIN", b"")),
    (b"AUTH PLAIN AGEAYg==", Auth("PLAIN", b"\0a\0b")),
    (b"STLS", Stls()),
    (b"CAPA", Capa()),
    (b"STAT", Stat()),
    (b"LIST", List()),
    (b"LIST 12", List(12)),
    (b"UIDL", Uidl()),
    (b"UIDL 3", Uidl(3)),
    (b"RETR 1", Retr(1)),
    (b"TOP 1 10", Top(1, 10)),
    (b"DELE 2", Dele(2)),
    (b"NOOP", Noop()),
    (b"RSET", Rset()),
    (b"QUIT", Quit()),
]


@pytest.mark.parametrize(("line", "command"), WRITTEN, ids=lambda it: it.decode() if isinstance(it, bytes) else "")
def test_every_command_is_read_and_written(line: bytes, command: Command) -> None:
    assert parse_command(line).command == command
    assert parse_command(line).flaws == ()
    assert format_command(command) == line


@pytest.mark.parametrize(
    ("line", "rules"),
    [
        (b"", ["empty-command"]),
        (b" STAT", ["leading-space"]),
        (b"HELO me", ["unknown-verb"]),
        (b"STAT 1", ["unexpected-argument"]),
        (b"RETR", ["missing-argument"]),
        (b"RETR -1", ["bad-message-number"]),
        (b"RETR 1 2", ["unexpected-argument"]),
        (b"RETR 99999999999", ["bad-message-number"]),
        (b"RETR \xd9\xa1", ["bad-message-number"]),
        (b"TOP 1", ["missing-argument"]),
        (b"TOP 1 x", ["bad-message-number"]),
        (b"USER", ["missing-argument"]),
        (b"USER two names", ["unexpected-argument"]),
        (b"PASS ", ["missing-argument"]),
        (b"APOP only", ["missing-argument"]),
        (b"AUTH", ["missing-argument"]),
        (b"AUTH PLAIN no-base64", ["bad-base64"]),
        (b"AUTH PL/AIN", ["bad-mechanism"]),
        (b"NOOP\rQUIT", ["bare-cr"]),
        (b"NOOP\nQUIT", ["bare-lf"]),
        (b"NO\0OP", ["nul"]),
        (b"USER \xff", ["not-utf8"]),
    ],
)
def test_what_can_not_be_read_is_kept_as_it_came(line: bytes, rules: list[str]) -> None:
    parsed = parse_command(line)
    assert parsed.command == Unknown(line)
    assert [flaw.rule for flaw in parsed.flaws] == rules


@pytest.mark.parametrize(
    ("line", "command", "rules"),
    [
        (b"stat", Stat(), []),
        (b"Stat ", Stat(), ["trailing-space"]),
        (b"LIST  1 ", List(1), ["extra-space"]),
        ("USER độc giả".encode().replace(b" gi", b"-gi"), User("độc-giả"), ["command-not-ascii"]),
        ("PASS một".encode(), Pass("một"), ["command-not-ascii"]),
    ],
)
def test_what_can_be_read_is_read_with_its_flaws(line: bytes, command: Command, rules: list[str]) -> None:
    parsed = parse_command(line)
    assert (parsed.command, [flaw.rule for flaw in parsed.flaws]) == (command, rules)


@pytest.mark.parametrize("command", [User("a\r\nDELE 1"), Pass("a\nb"), Unknown(b"NOOP\r")])
def test_no_value_of_ours_splits_a_line(command: Command) -> None:
    with pytest.raises(ValueError, match="CR or LF"):
        format_command(command)


@pytest.mark.parametrize(
    ("line", "verb"), [(b"X-FOO bar", "X-FOO"), (b"pass\tsecret", "PASS"), (b"\xffPASS", "?"), (b"", "?")]
)
def test_the_verb_of_an_unknown_command_tells_no_more_than_its_keyword(line: bytes, verb: str) -> None:
    assert Unknown(line).verb == verb
