"""Internationalised labels: what RFC 5890 calls a U-label, checked by the rules of RFC 5892 and RFC 5893."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

_LETTER_DIGITS = {"Ll", "Lu", "Lo", "Nd", "Lm", "Mn", "Mc"}  # RFC 5892 2.1

_ALLOWED = frozenset("\u00df\u03c2\u06fd\u06fe\u0f0b\u3007")  # RFC 5892 2.6, PVALID
_DISALLOWED = frozenset("\u0640\u07fa\u302e\u302f\u3031\u3032\u3033\u3034\u3035\u303b")  # RFC 5892 2.6

_OLD_HANGUL = re.compile("[\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7c6\ud7cb-\ud7fb]")  # RFC 5892 2.9

_VIRAMA = 9  # the canonical combining class of RFC 5892 A.1 and A.2


def is_u_label(label: str) -> bool:
    """One label with at least one character outside ASCII, in the one form that RFC 5890 2.3.2.1 allows."""
    return (
        not label.isascii()
        and unicodedata.is_normalized("NFC", label)
        and label[0] != "-"
        and label[-1] != "-"
        and label[2:4] != "--"
        and unicodedata.category(label[0]) not in ("Mn", "Mc", "Me")
        and all(_fits(label, at) for at in range(len(label)))
        and _obeys_bidi(label)
        and len(a_label(label)) <= 63
    )


def a_label(label: str) -> str:
    """`xn--` and the Punycode of a U-label (RFC 5891 4.4)."""
    return "xn--" + label.encode("punycode").decode("ascii")


def _fits(label: str, at: int) -> bool:
    """RFC 5892 3, in its order."""
    character = label[at]
    if character in _DISALLOWED:
        return False
    if character in _ALLOWED or character == "-":
        return True
    if character in _IN_CONTEXT:
        return _IN_CONTEXT[character](label, at)
    if unicodedata.name(character, "").startswith(("ARABIC-INDIC DIGIT", "EXTENDED ARABIC-INDIC DIGIT")):
        return not (re.search("[\u0660-\u0669]", label) and re.search("[\u06f0-\u06f9]", label))
    if _OLD_HANGUL.match(character):
        return False
    return unicodedata.category(character) in _LETTER_DIGITS and _is_stable(character)


def _is_stable(character: str) -> bool:
    """RFC 5892 2.2: what case folding or compatibility would change can't be told apart from what it changes to."""
    folded = unicodedata.normalize("NFKC", character).casefold()
    return unicodedata.normalize("NFKC", folded) == character


def _joins(label: str, at: int) -> bool:
    """RFC 5892 A.1 and A.2. Python knows no joining types, so a ZWNJ is also taken between any two letters."""
    if at and unicodedata.combining(label[at - 1]) == _VIRAMA:
        return True
    return label[at] == "\u200c" and 0 < at < len(label) - 1 and (label[at - 1] + label[at + 1]).isalpha()


def _in_script(character: str, *scripts: str) -> bool:
    return unicodedata.name(character, "").startswith(scripts)


_IN_CONTEXT: dict[str, Callable[[str, int], bool]] = {
    "\u200c": _joins,
    "\u200d": _joins,
    "\u00b7": lambda label, at: label[max(at - 1, 0) : at + 2] == "l·l",  # A.3, the Catalan l·l
    "\u0375": lambda label, at: at + 1 < len(label) and _in_script(label[at + 1], "GREEK"),  # A.4
    "\u05f3": lambda label, at: at > 0 and _in_script(label[at - 1], "HEBREW"),  # A.5
    "\u05f4": lambda label, at: at > 0 and _in_script(label[at - 1], "HEBREW"),  # A.6
    "\u30fb": lambda label, _: any(
        _in_script(each, "HIRAGANA", "KATAKANA LETTER", "CJK UNIFIED") for each in label
    ),  # A.7
}


def _obeys_bidi(label: str) -> bool:
    """RFC 5893 2, for labels that hold right-to-left characters; one label is looked at on its own."""
    kinds = [unicodedata.bidirectional(character) for character in label]
    if not {"R", "AL", "AN"} & set(kinds):
        return True
    if kinds[0] not in ("R", "AL"):
        return False
    last = next((kind for kind in reversed(kinds) if kind != "NSM"), "")
    return (
        set(kinds) <= {"R", "AL", "AN", "EN", "ES", "CS", "ET", "ON", "BN", "NSM"}
        and last in ("R", "AL", "EN", "AN")
        and not {"EN", "AN"} <= set(kinds)
    )
