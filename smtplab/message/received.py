"""The Received line: written by RFC 5321 4.4, and read as the servers of the world write it."""

from __future__ import annotations

import ipaddress
import re

import msgspec

from smtplab.message.dates import format_date, parse_date
from smtplab.message.header import Field

VALUE_CHARACTERS_MAX = 4096
"""Of a line that is looked at: longer ones exist only to hold up a reader."""

_UNSAFE = re.compile(r"[^\x21-\x27\x2a-\x3a\x3c-\x7e]")
"""What would end or comment out a word of the line: blanks, controls, parentheses, the semicolon."""

# Stamp       = From-domain By-domain Opt-info [CFWS] ";" FWS date-time               ; RFC 5321 4.4
# From-domain = "FROM" FWS Extended-Domain
# TCP-info    = address-literal / ( Domain FWS address-literal )
# Opt-info    = [Via] [With] [ID] [For] [Additional-Registered-Clauses]
_KEYWORDS = ("from", "by", "via", "with", "id", "for")
_TOKEN = re.compile(r'\((?:[^()\\]|\\.|\([^()]*\))*\)|"(?:[^"\\]|\\.)*"|<[^<>]*>|[^\s()<>"]+|.', re.DOTALL)
_LITERAL = re.compile(r"\[(?:IPv6:)?([0-9A-Fa-f:.]{2,45})\]", re.IGNORECASE)
_TLS = re.compile(r"\b(TLS ?v?1(?:[._][0-3])?|TLS1_[0-3]|SSLv3|TLS)\b", re.IGNORECASE)
_TLS_PROTOCOLS = re.compile(r"(?:UTF8)?(?:E?SMTP|LMTP)SA?", re.IGNORECASE)


class Received(msgspec.Struct, frozen=True):
    """One hop. What a line does not say is empty."""

    from_name: str = ""
    """What the client called itself."""
    from_address: str = ""
    """Its IP address as the server saw it, without brackets."""
    by: str = ""
    protocol: str = ""
    """`SMTP`, `ESMTPS` ... (RFC 3848)."""
    id: str = ""
    addressee: str = ""
    """Of the `for` clause, without angle brackets."""
    time: float | None = None
    """Seconds since the epoch."""
    tls: str = ""
    """What the line's comments say of TLS, or `yes` where only the protocol says so."""
    reverse_name: str = ""
    """The client's name by DNS, where the server wrote it into the comment."""


def format_received(received: Received) -> bytes:
    """Folded, with CR LF; `time` must be given. What a client called itself can neither end a word nor begin one."""
    assert received.time is not None, "a trace line without its time is none (RFC 5321 4.4)"
    address = f"IPv6:{received.from_address}" if ":" in received.from_address else received.from_address
    tls = f"\r\n\t({received.tls})" if received.tls else ""
    addressee = f"\r\n\tfor <{received.addressee}>" if received.addressee else ""
    line = (
        f"Received: from {_UNSAFE.sub('?', received.from_name) or 'unknown'} ([{address}]){tls}"
        f"\r\n\tby {received.by} with {received.protocol} id {received.id}{addressee};"
        f"\r\n\t{format_date(received.time)}\r\n"
    )
    return line.encode()


def parse_received(value: str) -> Received:
    """From the field's value. Never refuses: what cannot be made out is left empty."""
    text, _, date = value[:VALUE_CHARACTERS_MAX].rpartition(";")
    when = parse_date(date)
    clauses, comments = _clauses(text or date)
    name, address, reverse = _client(clauses.get("from", ""), comments.get("from", ""))
    protocol = clauses.get("with", "")
    return Received(
        from_name=name,
        from_address=address,
        by=clauses.get("by", ""),
        protocol=protocol,
        id=clauses.get("id", ""),
        addressee=clauses.get("for", "").strip("<>"),
        time=when,
        tls=_tls(" ".join(comments.values()), protocol),
        reverse_name=reverse,
    )


def received_of(fields: tuple[Field, ...]) -> tuple[Received, ...]:
    """The hops of a header, the newest first, as they stand."""
    return tuple(parse_received(field.value) for field in fields if field.name.lower() == "received")


def _clauses(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """The first word after each keyword, and the comments that follow it."""
    clauses: dict[str, str] = {}
    comments: dict[str, str] = {}
    keyword = ""
    for token in _TOKEN.findall(text):
        if token.isspace():
            continue
        if token.lower() in _KEYWORDS and token.lower() not in clauses and clauses.get(keyword, "-"):
            keyword = token.lower()
            clauses[keyword] = ""
        elif token.startswith("("):
            comments[keyword] = " ".join(filter(None, (comments.get(keyword, ""), token[1:].removesuffix(")"))))
        elif keyword and not clauses[keyword]:
            clauses[keyword] = token
    return clauses, comments


def _client(word: str, comment: str) -> tuple[str, str, str]:
    """`helo (reverse [address])` is Postfix' and Sendmail's way, `reverse ([address] helo=name)` is Exim's."""
    literal = _LITERAL.search(comment) or _LITERAL.search(word)
    address = literal[1] if literal and _is_address(literal[1]) else ""
    helo = re.search(r"\bhelo=(\S+)", comment, re.IGNORECASE)
    if helo:
        return helo[1].strip("()[]"), address or _bare_address(comment), word if not _LITERAL.match(word) else ""
    reverse = comment[: literal.start()].strip() if literal and literal.re is _LITERAL and literal[0] in comment else ""
    reverse = reverse.rpartition("@")[2] if re.fullmatch(r"[^\s\[\]]+", reverse) else ""
    return word, address or _bare_address(comment), "" if reverse.lower() == "unknown" else reverse


def _bare_address(comment: str) -> str:
    """Exchange writes `(10.0.0.1)`."""
    return next((word for word in comment.split() if _is_address(word)), "")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _tls(comments: str, protocol: str) -> str:
    found = _TLS.search(comments)
    if found:
        return found[1]
    return "yes" if _TLS_PROTOCOLS.fullmatch(protocol) else ""
