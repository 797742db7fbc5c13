"""The documents that lessons cite: a citation of any other number is taken for a slip of the pen."""

from __future__ import annotations

import re
from collections.abc import Iterator

RFCS = frozenset(
    {
        # The protocol: 1982, 2001, 2008; its extensions; submission.
        821, 2821, 5321, 1425, 1651, 1869, 1870, 2920, 3030, 6152, 2034, 3463, 5248, 3207, 4954, 6409, 8314, 7504, 7505,
        2033, 2852, 3848, 4865, 8689, 1047, 3461, 3462, 3464, 3834, 6522, 6647, 5782, 1985,
        # The message: header, MIME, alphabets.
        561, 680, 733, 822, 2822, 5322, 1341, 2045, 2046, 2047, 2049, 2183, 2231, 6532, 3676, 5598, 7208, 6376, 8601,
        8617, 9989, 9990, 9991, 6530, 6531, 6533, 4155, 2076,
        # Names and addresses; mail's routing by them; collecting it.
        974, 1034, 1035, 1123, 2181, 2606, 3596, 5890, 6761, 7766, 1939, 2449, 2595, 9051, 3501,
        # The roads before: UUCP's form, X.400's gateways; TLS.
        976, 524, 772, 780, 788, 2156, 8446, 5280, 6125, 9525, 8461, 8460, 7672, 6698,
    }
)  # fmt: skip

_CITED = re.compile(r"\bRFC[\s ]?(\d{3,5})\b")


def unknown_citations(text: str) -> Iterator[int]:
    """The numbers after `RFC` that no document of the list has."""
    for found in _CITED.finditer(text):
        if int(found[1]) not in RFCS:
            yield int(found[1])
