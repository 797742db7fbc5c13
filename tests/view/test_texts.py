"""How a text is found, filled in and made harmless."""

from __future__ import annotations

import unicodedata

import pytest

from smtplab.flaws import in_file
from smtplab.told import tell
from smtplab.view.safe import safe, safe_bytes
from smtplab.view.texts import LANGUAGES, Language, Texts, choose_language


def test_a_missing_id_is_seen() -> None:
    assert Texts("en")("no.such-id", name="x") == "⟦no.such-id⟧"


def test_a_missing_argument_is_seen() -> None:
    assert Texts("en")("unit.ms") == "⟦value⟧ ms"


def test_a_peers_escape_sequence_reaches_no_terminal_through_an_argument() -> None:
    said = Texts("en")("say.rcpt.2", host="\x1b[31mmx", recipient="a\r\nb\u202ec\x9b")
    assert said.startswith(r"\x1b[31mmx is willing to take mail for a\r\nb\u202ec\x9b.")
    assert said.isprintable()


def test_braces_from_a_peer_are_no_placeholders() -> None:
    assert "{host}" in Texts("en")("say.rcpt.2", host="{host}", recipient="{0.__class__}")


def test_the_specific_text_comes_before_the_general_one() -> None:
    texts = Texts("en")
    assert texts.first("reply.250.NOSUCH", "reply.250") == texts("reply.250")


def test_a_count_chooses_the_plural_form() -> None:
    english, vietnamese = Texts("en"), Texts("vi")
    assert [english.octets(count) for count in (1, 2)] == ["1 octet", "2 octets"]
    assert [vietnamese.octets(count) for count in (1, 2)] == ["1 octet", "2 octet"]


@pytest.mark.parametrize(
    ("seconds", "english", "vietnamese"),
    [
        (0.00042, "0.4 ms", "0,4 ms"),
        (0.25, "250 ms", "250 ms"),
        (5.25, "5.2 s", "5,2 giây"),
        (125, "2 min 5 s", "2 phút 5 giây"),
        (3660 * 3, "3 h 3 min", "3 giờ 3 phút"),
        (432000, "5 d", "5 ngày"),
    ],
)
def test_a_duration_has_the_figures_that_matter(seconds: float, english: str, vietnamese: str) -> None:
    assert (Texts("en").duration(seconds), Texts("vi").duration(seconds)) == (english, vietnamese)


def test_a_listing_is_joined_as_the_language_does() -> None:
    assert Texts("en").listing(["a", "b", "c"]) == "a, b and c"
    assert Texts("vi").listing(["a", "b"]) == "a và b"
    assert Texts("en").listing([]) == ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_said_is_composed_letter_by_letter(language: Language) -> None:
    said = Texts(language)("say.delivered")
    assert said == unicodedata.normalize("NFC", said)


@pytest.mark.parametrize(
    ("option", "environ", "language"),
    [
        ("vi", {"SMTPLAB_LANG": "en"}, "vi"),
        (None, {"SMTPLAB_LANG": "VI", "LC_ALL": "en_US.UTF-8"}, "vi"),
        (None, {"SMTPLAB_LANG": "tlh", "LANG": "vi_VN.UTF-8"}, "vi"),
        (None, {"LC_ALL": "C", "LANG": "vi_VN.UTF-8"}, "en"),
        (None, {"LC_ALL": "", "LC_MESSAGES": "vi_VN", "LANG": "en_US"}, "vi"),
        (None, {"LANG": "vi"}, "vi"),
        (None, {"LANG": "vim_XX"}, "en"),
        (None, {}, "en"),
    ],
)
def test_the_option_then_the_variable_then_the_locale_choose_the_language(
    option: str | None, environ: dict[str, str], language: str
) -> None:
    assert choose_language(option, environ) == language


def test_harmless_letters_stay_as_they_are() -> None:
    text = "Trường Đại học Bách khoa – 你好 👩\u200d🎓"
    assert safe(text) == text


def test_everything_that_steers_is_written_out() -> None:
    assert safe("a\x00\x07\t\n\x7f\x85\u2028\u2066\ufeff\ud800") == r"a\x00\x07\t\n\x7f\x85\u2028\u2066\ufeff\ud800"


def test_bytes_that_are_no_utf8_are_written_out() -> None:
    assert safe_bytes(b"caf\xe9 \xc4\x91\x1b[0m") == r"caf\xe9 đ\x1b[0m"


@pytest.mark.parametrize(
    ("language", "line"),
    [("en", "a.toml: the field `x\\x1b` is missing - at `$.hosts[1]`"),
     ("vi", "a.toml: thiếu trường `x\\x1b` - tại `$.hosts[1]`")],
)  # fmt: skip
def test_what_is_told_within_something_told_is_said_in_the_same_language_and_safely(
    language: Language, line: str
) -> None:
    assert Texts(language).told(in_file("a.toml", tell("flaw.missing", field="x\x1b"), "$.hosts[1]")) == line
