"""The registries of reply codes and of enhanced status codes: an id and a document for each, no sentence."""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple


class Code(NamedTuple):
    id: str
    """The catalogues' key."""
    rfc: str


def _registry(rows: str) -> MappingProxyType[str, Code]:
    """Rows of code, id and RFC number; `-` for a code that no RFC defines."""
    split = (row.split() for row in rows.strip().splitlines())
    return MappingProxyType({code: Code(name, "" if rfc == "-" else f"RFC {rfc}") for code, name, rfc in split})


_REPLIES = _registry("""
    211 system-status                   5321
    214 help                            5321
    220 service-ready                   5321
    221 closing                         5321
    235 authenticated                   4954
    250 done                            5321
    251 will-forward                    5321
    252 cannot-verify                   5321
    253 pending-messages-started        1985
    334 auth-challenge                  4954
    354 start-content                   5321
    421 closing-unavailable             5321
    432 password-transition             4954
    450 mailbox-unavailable-now         5321
    451 local-error                     5321
    452 insufficient-storage            5321
    453 no-mail                         2645
    454 temporary-auth-or-tls-failure   4954
    455 parameters-not-accommodated     5321
    458 cannot-queue-for-node           1985
    459 node-not-allowed                1985
    500 syntax-error                    5321
    501 argument-syntax-error           5321
    502 not-implemented                 5321
    503 bad-sequence                    5321
    504 parameter-not-implemented       5321
    521 host-accepts-no-mail            7504
    523 encryption-needed               5248
    524 password-transition-needed      5248
    525 account-disabled                5248
    530 authentication-required         4954
    533 trust-relationship-required     5248
    534 mechanism-too-weak              4954
    535 credentials-invalid             4954
    538 encryption-required-for-auth    4954
    550 mailbox-unavailable             5321
    551 user-not-local                  5321
    552 storage-exceeded                5321
    553 mailbox-name-not-allowed        5321
    554 transaction-failed              5321
    555 parameters-not-recognised       5321
    556 domain-accepts-no-mail          7504
""")

REPLY_CODES = MappingProxyType({int(code): entry for code, entry in _REPLIES.items()})
"""RFC 5321 4.2.2 and 4.2.3, and what extensions added."""

SEVERITIES = _registry("""
    2 completed    5321
    3 intermediate 5321
    4 temporary    5321
    5 permanent    5321
""")
"""The first digit of a reply code (RFC 5321 4.2.1)."""

ENHANCED_CLASSES = _registry("""
    2 success            3463
    4 temporary-failure  3463
    5 permanent-failure  3463
""")

ENHANCED_SUBJECTS = _registry("""
    0 undefined 3463
    1 address   3463
    2 mailbox   3463
    3 system    3463
    4 network   3463
    5 protocol  3463
    6 content   3463
    7 security  3463
""")

ENHANCED_CODES = _registry("""
    0.0  other-undefined                      3463
    1.0  other-address                        3463
    1.1  bad-destination-mailbox              3463
    1.2  bad-destination-system               3463
    1.3  bad-destination-syntax               3463
    1.4  ambiguous-destination                3463
    1.5  destination-valid                    3463
    1.6  destination-moved                    3463
    1.7  bad-sender-syntax                    3463
    1.8  bad-sender-system                    3463
    1.9  relayed-to-non-compliant             3886
    1.10 recipient-null-mx                    7505
    2.0  other-mailbox                        3463
    2.1  mailbox-disabled                     3463
    2.2  mailbox-full                         3463
    2.3  message-exceeds-mailbox-limit        3463
    2.4  list-expansion-problem               3463
    3.0  other-system                         3463
    3.1  system-full                          3463
    3.2  system-not-accepting                 3463
    3.3  features-not-supported               3463
    3.4  message-too-big-for-system           3463
    3.5  system-misconfigured                 3463
    3.6  priority-changed                     6710
    4.0  other-network                        3463
    4.1  no-answer-from-host                  3463
    4.2  bad-connection                       3463
    4.3  directory-server-failure             3463
    4.4  unable-to-route                      3463
    4.5  congestion                           3463
    4.6  routing-loop                         3463
    4.7  delivery-time-expired                3463
    5.0  other-protocol                       3463
    5.1  invalid-command                      3463
    5.2  syntax-error                         3463
    5.3  too-many-recipients                  3463
    5.4  invalid-arguments                    3463
    5.5  wrong-protocol-version               3463
    5.6  auth-line-too-long                   4954
    6.0  other-content                        3463
    6.1  media-not-supported                  3463
    6.2  conversion-prohibited                3463
    6.3  conversion-unsupported               3463
    6.4  conversion-with-loss                 3463
    6.5  conversion-failed                    3463
    6.6  content-unavailable                  4468
    6.7  non-ascii-address-not-permitted      6531
    6.8  utf8-reply-required                  6531
    6.9  utf8-header-not-transferable         6531
    6.10 utf8-reply-required-duplicate        5336
    7.0  other-security                       3463
    7.1  not-authorised                       3463
    7.2  list-expansion-prohibited            3463
    7.3  security-conversion-required         3463
    7.4  security-features-unsupported        3463
    7.5  cryptographic-failure                3463
    7.6  cryptographic-algorithm-unsupported  3463
    7.7  message-integrity-failure            3463
    7.8  credentials-invalid                  4954
    7.9  mechanism-too-weak                   4954
    7.10 encryption-needed                    5248
    7.11 encryption-required-for-mechanism    4954
    7.12 password-transition-needed           4954
    7.13 account-disabled                     5248
    7.14 trust-relationship-required          5248
    7.15 priority-too-low                     6710
    7.16 too-big-for-priority                 6710
    7.17 mailbox-owner-changed                7293
    7.18 domain-owner-changed                 7293
    7.19 rrvs-cannot-be-tested                7293
    7.20 no-passing-dkim                      7372
    7.21 no-acceptable-dkim                   7372
    7.22 no-author-matched-dkim               7372
    7.23 spf-failed                           7372
    7.24 spf-error                            7372
    7.25 reverse-dns-failed                   7372
    7.26 multiple-authentication-failures     7372
    7.27 sender-null-mx                       7505
    7.28 mail-flood                           -
    7.29 arc-failed                           8617
    7.30 requiretls-needed                    8689
""")
"""Subject and detail, `7.1`, as registered with IANA (RFC 5248); the class goes before them."""


def find_enhanced(status: str) -> Code | None:
    """The registered meaning of `5.7.1`; None for a code that is not registered or is none."""
    first, _, rest = status.partition(".")
    return ENHANCED_CODES.get(rest) if first in ENHANCED_CLASSES else None
