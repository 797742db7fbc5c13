"""What `lesson validate` finds in a draft with one thing spoilt."""

import re
import unicodedata
from pathlib import Path

import pytest

from smtplab.lesson.agreement import open_to_play
from smtplab.lesson.library import LessonError, find_lesson, open_lesson
from smtplab.lesson.validate import validate
from smtplab.told import tell


def test_a_new_draft_stands_as_it_is(folder: Path):
    assert validate(open_lesson(folder)) == []


def test_a_step_that_one_language_lacks_is_named(spoil):
    assert spoil("vi.md", "{#which}", "{#what}") == [
        "vi.md: 'which' stands in one of lesson.toml and this file only - at `which`"
    ]


def test_steps_in_another_order_are_found(folder: Path):
    text = (folder / "en.md").read_text("utf-8")
    text = text.replace("{#which}", "{#x}").replace("{#send-it}", "{#which}").replace("{#x}", "{#send-it}")
    (folder / "en.md").write_text(text, "utf-8")
    assert validate(open_lesson(folder))[0].flaw == tell("lesson.flaw.other-order")


@pytest.mark.parametrize(
    ("file", "old", "new", "found"),
    [
        ("en.md", "RFC 5321 4.1.1.3", "RFC 53210 4.1.1.3", "en.md: no document RFC 53210 is known here"),
        ("en.md", "Look first", "Look [first](nowhere.md)", "en.md: the link nowhere.md leads nowhere"),
        (
            "en.md",
            "Look first",
            "Say MAIL FROM:<lan@home.example>",
            "en.md: <lan@home.example> loses its brackets in Markdown; put it between backquotes",
        ),
        ("en.md", "[[records]]", "", "en.md: one line [[records]] belongs into the text - at `watch`"),
        ("en.md", "- other: Type a or b.", "", "en.md: `wrong` lacks 'other' - at `which`"),
        ("vi.md", "- b: MAIL FROM", "- c: MAIL FROM", "vi.md: `choices` lacks 'b' - at `which`"),
        ("vi.md", "- arrives:", "- there:", "vi.md: `goals` lacks 'arrives' - at `send-it`"),
        (
            "lesson.toml",
            'event = "delivered"',
            'event = "deliverd"',
            "lesson.toml: no event is called 'deliverd' - at `$.steps[2].goals[0].event`",
        ),
        (
            "lesson.toml",
            "mailbox =",
            "mailbx =",
            "lesson.toml: delivered has no such key - at `$.steps[2].goals[0].where.mailbx`",
        ),
        (
            "lesson.toml",
            'event = "delivered"\nwhere = { mailbox = "minh@away.example" }',
            'event = "bounced"\ncount = 0',
            "lesson.toml: doing nothing reaches the goal 'arrives' - at `send-it`",
        ),
        (
            "lesson.toml",
            'id = "my-lesson"',
            'id = "your-lesson"',
            "lesson.toml: the folder of 'your-lesson' is called NN-your-lesson, not 09-my-lesson - at `$.id`",
        ),
        (
            "lesson.toml",
            "minutes = 10",
            'minutes = 10\nprerequisites = ["no-such"]',
            "lesson.toml: no other lesson is called 'no-such' - at `$.prerequisites[0]`",
        ),
        ("en.md", "Look first", "Look [first](#nowhere)", "en.md: the link #nowhere leads nowhere"),
        (
            "en.md",
            "Look first",
            "Look [first](https://www.rfc-editor.org/rfc/rfc53210)",
            "en.md: the link https://www.rfc-editor.org/rfc/rfc53210 leads nowhere",
        ),
        (
            "lesson.toml",
            'right = "b"',
            'right = "c"',
            "lesson.toml: 'c' is none of the choices - at `$.steps[1].right`",
        ),
        (
            "lesson.toml",
            'does = "send"',
            'does = "speak"\nclient = "laptop.home.example"\nserver = "mail.gone.example"',
            "lesson.toml: no host is called 'mail.gone.example' - at `$.steps[2].server`",
        ),
        (
            "lesson.toml",
            'does = "send"',
            'does = "mend"',
            "lesson.toml: missing: which zone - at `$.steps[2].zone`",
        ),
        (
            "lesson.toml",
            'does = "send"',
            'does = "configure"\nhost = "mail.gone.example"',
            "lesson.toml: no host is called 'mail.gone.example' - at `$.steps[2].host`",
        ),
        (
            "lesson.toml",
            'does = "send"',
            'does = "find"',
            "lesson.toml: missing: among which records it is to be found - at `$.steps[2].records`",
        ),
        (
            "wrong.toml",
            'misses = ["arrives"]',
            'misses = ["arrives", "there"]',
            "wrong.toml: the task has no goal 'there' - at `$.attempts[0].misses`",
        ),
        (
            "wrong.toml",
            'sender = "lan@home.example"',
            'sender = "stranger@home.example"',
            "wrong.toml: no program of a user to send from: 'stranger@home.example' - at `$.send[0].sender`",
        ),
        (
            "solution.toml",
            'which = "b"',
            'which = "a"',
            "solution.toml: the model answer is missing or not right - at `which`",
        ),
        ("solution.toml", "minh@", "nobody@", "solution.toml: misses the goal 'arrives' at seed 1 - at `send-it`"),
        (
            "wrong.toml",
            "nobody@",
            "minh@",
            "wrong.toml: reaches the goal 'arrives', which it should miss - at `$.attempts[0]`",
        ),
    ],
)
def test_what_is_spoilt_is_named_with_its_place(spoil, file: str, old: str, new: str, found: str):
    assert any(one.startswith(found) for one in spoil(file, old, new))


def test_letters_in_two_code_points_are_found(spoil):
    assert "vi.md: not in Unicode's form NFC" in spoil(
        "vi.md", "Một bài học", unicodedata.normalize("NFD", "Một bài học")
    )


def test_a_goal_without_a_wrong_attempt_is_found(folder: Path, english):
    (folder / "wrong.toml").write_text("", "utf-8")
    assert [english(one.told(Path())) for one in validate(open_lesson(folder))] == [
        "wrong.toml: no wrong attempt misses the goal 'arrives' - at `send-it`"
    ]


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("lesson.toml", "minutes = 10", "minutes = 0", "$.minutes"),
        ("lesson.toml", 'kind = "choice"', 'kind = "chance"', "$.steps[1].kind"),
        ("lesson.toml", "minutes = 10", "minutes = 10\nhours = 1", "hours"),
        ("lesson.toml", "first-mail", "last-mail", "no such world"),
        ("en.md", "### hints", "### tips", "no part is called 'tips'"),
        ("en.md", "# A new lesson", "A new lesson", "no title"),
        ("en.md", "{#which}", "", "a step's heading names its step"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(folder: Path, english, file: str, old: str, new: str, said: str):
    path = folder / file
    path.write_text(path.read_text("utf-8").replace(old, new, 1), "utf-8")
    with pytest.raises(LessonError) as trouble:
        open_lesson(folder)
    assert said in english(trouble.value.told)


@pytest.mark.parametrize("file", ["lesson.toml", "en.md", "vi.md"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", r"the field `id` is missing|no title"),
        (b"\xff\xfe\x00", "not UTF-8 at octet 0"),
        (b"#" * 1_000_001, "larger than 1000000 octets"),
        (b"a = " + b"[" * 100_000, r"nested too deeply|no title"),
        (None, "No such file"),
    ],
)
def test_a_file_that_is_damaged_is_named_in_one_line(
    folder: Path, english, file: str, content: bytes | None, said: str
):
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)
    with pytest.raises(LessonError) as trouble:
        open_to_play(folder)
    line = english(trouble.value.told)
    assert line.startswith(str(folder / file))
    assert re.search(said, line)
    assert "\n" not in line


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("lesson.toml", 'event = "delivered"', 'event = "deliverd"'),
        ("en.md", "{#which}", "{#what}"),
        ("vi.md", "- other: Bạn gõ a hoặc b.", ""),
    ],
)
def test_a_damaged_lesson_is_not_begun(folder: Path, english, file: str, old: str, new: str):
    path = folder / file
    path.write_text(path.read_text("utf-8").replace(old, new, 1), "utf-8")
    with pytest.raises(LessonError) as trouble:
        open_to_play(folder)
    assert english(trouble.value.told).startswith(f"{path}: ")


def test_a_lesson_is_found_by_number_by_id_and_by_folder(english):
    assert find_lesson("3") == find_lesson("03") == find_lesson("first-message-by-hand")
    assert find_lesson("03-first-message-by-hand").name == "03-first-message-by-hand"
    with pytest.raises(LessonError) as trouble:
        find_lesson("99")
    assert english(trouble.value.told).startswith("99: no such lesson; there is 01-")
