"""U-labels: the rules of IDNA 2008 that need a neighbour or a direction."""

from __future__ import annotations

import pytest

from smtplab.wire.label import a_label, is_u_label


@pytest.mark.parametrize(
    "label",
    ["bücher", "straße", "thưđiệntử", "例え", "कार्य", "क्\u200dष", "نام\u200cه", "שלום", "שלום1", "カ・カ", "α͵β", "א׳"],
)
def test_a_u_label_is_taken(label: str) -> None:
    assert is_u_label(label)


@pytest.mark.parametrize(
    "label", ["plain", "-ü", "a\u200db", "l·", "·", "a・b", "͵", "׳", "1שלום", "٠۰", "ᄀ", "ـ", "ab--ü", "ü" * 70]
)
def test_what_is_no_u_label_is_not(label: str) -> None:
    assert not is_u_label(label)


def test_its_a_label_is_its_punycode() -> None:
    assert a_label("bücher") == "xn--bcher-kva"
