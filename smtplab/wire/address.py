"""Mailboxes, paths, domains and address literals (RFC 5321 4.1.2, 4.1.3), on request with RFC 6531's alphabet.

Text is kept as given: whoever takes it from a person normalises it (NFC) before it comes here.
"""

from __future__ import annotations

import functools
import ipaddress
import re

import msgspec

from smtplab.wire.flaw import Flaw, shorten
from smtplab.wire.label import is_u_label

# Octets, RFC 5321 4.5.3.1.1 to 4.5.3.1.3; a path counts its angle brackets. A label: RFC 1035 2.3.4.
LOCAL_PART_OCTETS_MAX = 64
DOMAIN_OCTETS_MAX = 255
PATH_OCTETS_MAX = 256
LABEL_OCTETS_MAX = 63

# atext = ALPHA / DIGIT / "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "/" / "=" / "?" / "^" / "_" / "`" /
#         "{" / "|" / "}" / "~"                                                       ; RFC 5322 3.2.3
# atext =/ UTF8-non-ascii                                                             ; RFC 6531 3.3
# Dot-string = Atom *("."  Atom)                                                      ; RFC 5321 4.1.2
# Atom       = 1*atext                                                                ; RFC 5321 4.1.2
ATEXT = r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]"
# By what it leaves out, which is ASCII: a set of a million characters takes `re` milliseconds to build.
_ATEXT_UTF8 = r"[^\x00- \"(),.:;<>@\[\\\]\x7f]"
DOT_STRING = rf"{ATEXT}+(?:\.{ATEXT}+)*"
_DOT_STRING = re.compile(rf"{_ATEXT_UTF8}+(?:\.{_ATEXT_UTF8}+)*")

# Quoted-string    = DQUOTE *QcontentSMTP DQUOTE                                      ; RFC 5321 4.1.2
# QcontentSMTP     = qtextSMTP / quoted-pairSMTP                                      ; RFC 5321 4.1.2
# quoted-pairSMTP  = %d92 %d32-126
# qtextSMTP        = %d32-33 / %d35-91 / %d93-126
# qtextSMTP       =/ UTF8-non-ascii                                                   ; RFC 6531 3.3
_QUOTED_STRING = re.compile(r'"((?:[^\x00-\x1f"\\\x7f]|\\[ -~])*)"')

# sub-domain = Let-dig [Ldh-str]                                                      ; RFC 5321 4.1.2
# Let-dig    = ALPHA / DIGIT
# Ldh-str    = *( ALPHA / DIGIT / "-" ) Let-dig
# Domain     = sub-domain *("." sub-domain)
SUB_DOMAIN = r"[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?"
DOMAIN = rf"{SUB_DOMAIN}(?:\.{SUB_DOMAIN})*"
_DOMAIN = re.compile(DOMAIN)
_PLAIN_MAILBOX = re.compile(rf"({DOT_STRING})@({DOMAIN})")

# IPv4-address-literal = Snum 3("."  Snum)                                            ; RFC 5321 4.1.3
# Snum                 = 1*3DIGIT                       ; a decimal integer from 0 to 255
_IPV4 = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})")

# IPv6-address-literal    = "IPv6:" IPv6-addr                                         ; RFC 5321 4.1.3
# General-address-literal = Standardized-tag ":" 1*dcontent
# Standardized-tag        = Ldh-str
# dcontent                = %d33-90 / %d94-126
_TAGGED = re.compile(r"([A-Za-z0-9\-]*[A-Za-z0-9]):([!-Z^-~]+)")

# A-d-l     = At-domain *( "," At-domain )                                            ; RFC 5321 4.1.2
# At-domain = "@" Domain
_SOURCE_ROUTE = re.compile(rf"@(?:{DOMAIN}|\[[!-Z^-~]+\])(?:,@(?:{DOMAIN}|\[[!-Z^-~]+\]))*:")

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_SPACE = re.compile(r"[ \t]")


class Mailbox(msgspec.Struct, frozen=True, gc=False):
    """A local part, unquoted, and a domain or an address literal in brackets.

    `Mailbox("Postmaster", "")` is the bare `<Postmaster>` of RFC 5321 4.1.1.3.
    """

    local: str
    domain: str

    def __str__(self) -> str:
        """As it stands between the angle brackets: quoted where the grammar demands it."""
        return format_mailbox(self)

    @property
    def is_ascii(self) -> bool:
        """Outside it SMTPUTF8 is needed (RFC 6531)."""
        return self.local.isascii() and self.domain.isascii()

    @property
    def is_literal(self) -> bool:
        return self.domain.startswith("[")


def parse_mailbox(text: str, *, smtputf8: bool = False) -> Mailbox | Flaw:
    """`local@domain`, without brackets. At most 254 octets, so that it fits into a path."""
    if _octets(text) > PATH_OCTETS_MAX - 2:
        return Flaw("path-too-long", f"{_octets(text) + 2}", "RFC 5321 4.5.3.1.3")
    plain = _PLAIN_MAILBOX.fullmatch(text)
    if plain and len(plain[1]) <= LOCAL_PART_OCTETS_MAX:
        return Mailbox(plain[1], plain[2])
    parts = _split(text)
    if isinstance(parts, Flaw):
        return parts
    local = _parse_local_part(parts[0], smtputf8=smtputf8)
    if isinstance(local, Flaw):
        return local
    domain = parse_domain(parts[1], smtputf8=smtputf8)
    return domain if isinstance(domain, Flaw) else Mailbox(local, domain)


def parse_path(
    text: str, *, smtputf8: bool = False, null: bool = False, postmaster: bool = False
) -> Mailbox | Flaw | None:
    """`<local@domain>`; None for `<>` where `null` allows it. A source route is accepted and dropped (RFC 5321 C)."""
    if not (text.startswith("<") and text.endswith(">") and len(text) > 1):
        return _flaw("no-angle-brackets", text, "RFC 5321 4.1.2")
    inner = text[1:-1]
    if not inner:
        return None if null else Flaw("null-path", "", "RFC 5321 4.1.1.3")
    if _octets(text) > PATH_OCTETS_MAX:
        return Flaw("path-too-long", f"{_octets(text)}", "RFC 5321 4.5.3.1.3")
    if postmaster and inner.lower() == "postmaster":
        return Mailbox(inner, "")
    if inner.startswith("@"):
        route = _SOURCE_ROUTE.match(inner)
        if not route:
            return _flaw("source-route", inner, "RFC 5321 4.1.2")
        inner = inner[route.end() :]
    return parse_mailbox(inner, smtputf8=smtputf8)


def parse_domain(text: str, *, smtputf8: bool = False) -> str | Flaw:
    """A domain name or an address literal in brackets."""
    if _octets(text) > DOMAIN_OCTETS_MAX:
        return Flaw("domain-too-long", f"{_octets(text)}", "RFC 5321 4.5.3.1.2")
    if _DOMAIN.fullmatch(text):
        return text
    if text.startswith("["):
        return _literal_flaw(text) or text
    return _domain_flaw(text, smtputf8=smtputf8) or text


# The same addresses are written again and again: in commands, in trace lines, in the records.
@functools.lru_cache(maxsize=4096)
# Of a message's few addresses each is written a dozen times on its way.
@functools.lru_cache(maxsize=1024)
def format_mailbox(mailbox: Mailbox) -> str:
    """`local@domain`, the local part in quotes only where it is no Dot-string (RFC 5321 4.1.2: SHOULD NOT else)."""
    local = mailbox.local
    if not _DOT_STRING.fullmatch(local):
        local = '"' + re.sub(r'(["\\])', r"\\\1", local) + '"'
    return f"{local}@{mailbox.domain}" if mailbox.domain else local


def format_path(mailbox: Mailbox | None) -> str:
    """`<local@domain>` or `<>`."""
    return "<>" if mailbox is None else f"<{format_mailbox(mailbox)}>"


def literal_address(domain: str) -> str | None:
    """The IP address inside `[192.0.2.1]` or `[IPv6:2001:db8::1]`, as usually written; else None."""
    if not domain.startswith("[") or _literal_flaw(domain):
        return None
    inner = domain[1:-1]
    if _IPV4.fullmatch(inner):
        return ".".join(str(int(number)) for number in inner.split("."))
    return str(ipaddress.IPv6Address(inner[5:])) if inner[:5].lower() == "ipv6:" else None


def _split(text: str) -> tuple[str, str] | Flaw:
    """The local part as written and the domain; an @ inside quotes divides nothing."""
    if not text:
        return Flaw("address-empty", "", "RFC 5321 4.1.2")
    if text.startswith('"'):
        quoted = _QUOTED_STRING.match(text)
        if not quoted:
            return _character_flaw(text[1:]) or _flaw("quoted-string-open", text, "RFC 5321 4.1.2")
        local, rest = quoted[0], text[quoted.end() :]
        if rest and not rest.startswith("@"):
            return _flaw("after-quoted-string", rest, "RFC 5321 4.1.2")
        at, domain = rest[:1], rest[1:]
    else:
        local, at, domain = text.partition("@")
    if not at:
        return _flaw("no-domain", text, "RFC 5321 4.1.2")
    if not local:
        return _flaw("no-local-part", text, "RFC 5321 4.1.2")
    if "@" in domain:
        return _flaw("second-at", text, "RFC 5321 4.1.2")
    return local, domain


def _parse_local_part(text: str, *, smtputf8: bool) -> str | Flaw:
    """Unquoted, from its form on the wire, which is what the limit of 64 octets counts."""
    if _octets(text) > LOCAL_PART_OCTETS_MAX:
        return Flaw("local-part-too-long", f"{_octets(text)}", "RFC 5321 4.5.3.1.1")
    if not (text.isascii() or smtputf8):
        return _flaw("utf8-without-smtputf8", text, "RFC 6531 3.3")
    if control := _CONTROL.search(text):
        return _flaw("address-control", control[0], "RFC 5321 4.1.2")
    if quoted := _QUOTED_STRING.fullmatch(text):
        return re.sub(r"\\(.)", r"\1", quoted[1])
    if _DOT_STRING.fullmatch(text):
        return text
    return _dots_flaw("local", text) or _character_flaw(text) or _flaw("local-character", text, "RFC 5321 4.1.2")


def _domain_flaw(text: str, *, smtputf8: bool) -> Flaw | None:
    """What is wrong with a name that is no plain Domain; None for a good one with U-labels."""
    if not text:
        return Flaw("no-domain", "", "RFC 5321 4.1.2")
    if found := _dots_flaw("domain", text) or _character_flaw(text):
        return found
    if not (text.isascii() or smtputf8):
        return _flaw("utf8-without-smtputf8", text, "RFC 6531 3.3")
    return next((found for label in text.split(".") if (found := _label_flaw(label))), None)


def _label_flaw(label: str) -> Flaw | None:
    if not label.isascii():
        # sub-domain =/ U-label                                                       ; RFC 6531 3.3
        return None if is_u_label(label) else _flaw("domain-u-label", label, "RFC 5890 2.3.2.1")
    if _DOMAIN.fullmatch(label):
        return None
    if len(label) > LABEL_OCTETS_MAX:
        return _flaw("domain-label-too-long", label, "RFC 1035 2.3.4")
    if "_" in label:
        return _flaw("domain-underscore", label, "RFC 5321 4.1.2")
    if label.startswith("-") or label.endswith("-"):
        return _flaw("domain-hyphen", label, "RFC 5321 4.1.2")
    return _flaw("domain-character", label, "RFC 5321 4.1.2")


def _literal_flaw(text: str) -> Flaw | None:
    """RFC 5321 4.1.3."""
    inner = text[1:-1]
    if not text.endswith("]") or not inner:
        return _flaw("literal-open", text, "RFC 5321 4.1.3")
    if numbers := _IPV4.fullmatch(inner):
        small = all(int(number) <= 255 for number in numbers.groups())
        return None if small else _flaw("literal-ipv4", inner, "RFC 5321 4.1.3")
    if inner[:5].lower() == "ipv6:":
        return None if _is_ipv6(inner[5:]) else _flaw("literal-ipv6", inner, "RFC 5321 4.1.3")
    if _is_ipv6(inner):
        return _flaw("literal-ipv6-tag", inner, "RFC 5321 4.1.3")
    return None if _TAGGED.fullmatch(inner) else _flaw("literal-form", inner, "RFC 5321 4.1.3")


def _is_ipv6(text: str) -> bool:
    """As RFC 5321 4.1.3 has it: `::` stands for at least two groups, and there is no zone."""
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    groups = sum(2 if "." in group else 1 for group in text.split(":") if group)
    return "%" not in text and ("::" not in text or groups <= 6)


def _dots_flaw(part: str, text: str) -> Flaw | None:
    if text.startswith("."):
        return _flaw(f"{part}-dot-first", text, "RFC 5321 4.1.2")
    if text.endswith("."):
        return _flaw(f"{part}-dot-last", text, "RFC 5321 4.1.2")
    return _flaw(f"{part}-dots-together", text, "RFC 5321 4.1.2") if ".." in text else None


def _character_flaw(text: str) -> Flaw | None:
    """What stands nowhere in an address outside quotes."""
    if control := _CONTROL.search(text):
        return _flaw("address-control", control[0], "RFC 5321 4.1.2")
    return _flaw("address-space", text, "RFC 5321 4.1.2") if _SPACE.search(text) else None


def _octets(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _flaw(rule: str, detail: str, rfc: str) -> Flaw:
    return Flaw(rule, shorten(detail), rfc)
