"""The draft that `lesson new` writes: small, whole and valid, so that an author changes it and never guesses."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from smtplab.flaws import in_file
from smtplab.lesson.library import LessonError
from smtplab.told import tell

_FOLDER = re.compile(r"\d\d+-(?P<id>[a-z0-9]([a-z0-9-]*[a-z0-9])?)")


def write_draft(folder: Path) -> None:
    """All of it or nothing. Raises LessonError where the name is no lesson's, OSError where it can't be written."""
    found = _FOLDER.fullmatch(folder.name)
    if found is None:
        raise LessonError(in_file(folder, tell("lesson.flaw.folder-name")))
    folder.mkdir(parents=True)
    try:
        for name, text in _FILES.items():
            (folder / name).write_text(text.replace("LESSON-ID", found["id"]), "utf-8")
    except OSError:
        # Half a draft would stand in the way of the next try.
        shutil.rmtree(folder, ignore_errors=True)
        raise


_LESSON = """\
id = "LESSON-ID"
minutes = 10
world = "first-mail" # a bundled world; write a world.toml of your own and leave this line out

[[steps]]
id = "watch"
kind = "show"

[steps.records]
pick = [{ event = "command_sent" }, { event = "reply_received" }]
mark = [{ event = "command_sent", where = { verb = "MAIL" } }]

[[steps]]
id = "which"
kind = "choice"
choices = ["a", "b"]
right = "b"

[[steps]]
id = "send-it"
kind = "task"
does = "send"

[[steps.goals]]
id = "arrives"
event = "delivered"
where = { mailbox = "minh@away.example" }
"""

_ENGLISH = """\
# A new lesson

What the student will be able to do afterwards.

## Look first {#watch}

This is a recording of the lesson's world. Look at the marked line.

[[records]]

## Which one? {#which}

Which command names the sender?

### choices
- a: RCPT TO
- b: MAIL FROM
### wrong
- a: RCPT TO names the recipient (RFC 5321 4.1.1.3).
- other: Type a or b.
### hints
- Look at the marked line again.
### right
MAIL FROM names the reverse-path (RFC 5321 4.1.1.2).

## Your turn {#send-it}

Send a message from lan@home.example to minh@away.example.

### goals
- arrives: The message lies in Minh's mailbox.
### hints
- A journey has a sender and recipients.
### right
It has arrived.
"""

_VIETNAMESE = """\
# Một bài học mới

Học xong bài này, bạn làm được gì.

## Quan sát trước đã {#watch}

Đây là bản ghi phiên của mô hình trong bài. Bạn hãy nhìn dòng được đánh dấu.

[[records]]

## Lệnh nào? {#which}

Lệnh nào nêu địa chỉ người gửi?

### choices
- a: RCPT TO
- b: MAIL FROM
### wrong
- a: RCPT TO nêu địa chỉ người nhận (RFC 5321 4.1.1.3).
- other: Bạn gõ a hoặc b.
### hints
- Bạn xem lại dòng được đánh dấu.
### right
MAIL FROM nêu địa chỉ gửi trên phong bì (RFC 5321 4.1.1.2).

## Đến lượt bạn {#send-it}

Bạn hãy gửi một bức thư từ lan@home.example tới minh@away.example.

### goals
- arrives: Thư nằm trong hộp thư của Minh.
### hints
- Một bức thư cần người gửi và người nhận.
### right
Thư đã tới nơi.
"""

_SOLUTION = """\
[answers]
which = "b"

[[actions.send-it.send]]
sender = "lan@home.example"
recipients = ["minh@away.example"]
"""

_WRONG = """\
[[attempts]]
step = "send-it"
misses = ["arrives"]

[[attempts.action.send]]
sender = "lan@home.example"
recipients = ["nobody@away.example"]
"""

_FILES = {
    "lesson.toml": _LESSON,
    "en.md": _ENGLISH,
    "vi.md": _VIETNAMESE,
    "solution.toml": _SOLUTION,
    "wrong.toml": _WRONG,
}
