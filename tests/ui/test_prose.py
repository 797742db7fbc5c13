"""A lesson's Markdown on a page of some width."""

import pytest

from smtplab.ui.prose import blocks, laid_out, spans


@pytest.mark.parametrize(
    ("markdown", "page"),
    [
        ("One line\nand more.\n\nAnother.", "One line and more.\n\nAnother."),
        ("- one\n- two *terms*\n  go on", "• one\n• two terms go on"),
        ("Before:\n\n1. one\n2. two", "Before:\n\n1. one\n2. two"),
        ("- one\n  - inner\n- two", "• one\n  • inner\n• two"),
        ("> said", "│ said"),
        ("    code  stays", "  code  stays"),
        ("```\na\n  b\n```", "  a\n    b"),
        ("| a | bb |\n|---|---|\n| ccc | d |", "a    bb\nccc  d "),
        ("`<minh@away.example>` and **bold**", "<minh@away.example> and bold"),
    ],
)
def test_each_kind_of_block(markdown: str, page: str):
    assert laid_out(blocks(markdown), 60).plain == page


def test_an_item_that_goes_over_hangs_below_its_first_word():
    assert laid_out(blocks("- one two three four"), 12).plain == "• one two\n  three four"


def test_no_line_is_wider_than_the_page():
    text = "Từ " * 60 + "\n\n- " + "mục " * 40
    assert max(len(line.rstrip()) for line in laid_out(blocks(text), 40).plain.split("\n")) <= 40


def test_a_citation_leads_to_its_section():
    cited = spans("as in RFC 5321 4.1.1.2 and RFC 3463")
    links = [str(getattr(span.style, "link", "")) for span in cited.spans if getattr(span.style, "link", None)]
    assert links == ["https://www.rfc-editor.org/rfc/rfc5321#section-4.1.1.2", "https://www.rfc-editor.org/rfc/rfc3463"]
