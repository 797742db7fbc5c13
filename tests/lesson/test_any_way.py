"""A task may be done in any way that works: other words than the model solution's reach the same goals."""

import pytest

from smtplab.lesson.doing import attempt
from smtplab.lesson.goals import reached_by
from smtplab.lesson.lesson import Action, Task
from smtplab.lesson.library import find_lesson, open_lesson

SPOKEN = [
    (
        "02",
        "as-in-1982",
        (
            "helo tty.north.example\nmail from:<jones@north.example>\n"
            "rcpt to:<@north.example,@middle.example:smith@south.example>\ndata\n\nHello\n.\nquit\n"
        ),
    ),
    (
        "02",
        "as-in-1982",
        (
            "EHLO tty\nHELO tty.north.example\nMAIL FROM:<jones@north.example>\nRCPT TO:<green@south.example>\nRSET\n"
            "MAIL FROM:<jones@north.example>\nRCPT TO:<@middle.example:smith@south.example>\nDATA\n\nHello\n.\n"
        ),
    ),
    (
        "03",
        "speak",
        (
            "QUIET\nEHLO laptop.home.example\nMAIL FROM:<lan@home.example> SIZE=100\nRCPT TO:<hoa@away.example>\n"
            "RCPT TO:<minh@away.example>\nDATA\nHello\n.\nQUIT\n"
        ),
    ),
    (
        "04",
        "blind-copy",
        (
            "EHLO laptop.home.example\nMAIL FROM:<lan@home.example>\nRCPT TO:<hoa@away.example>\n"
            'RCPT TO:<minh@away.example>\nDATA\nto: "Minh" <minh@away.example>\n\nTo Hoa: hoa@away.example\n.\nQUIT\n'
        ),
    ),
    (
        "04",
        "disguise",
        (
            "EHLO laptop.home.example\nMAIL FROM:<lan@home.example>\nRCPT TO:<minh@away.example>\nDATA\n"
            'subject: hi\nFROM: "Head" <head@school.example>\n\nHello\n.\n'
        ),
    ),
    (
        "06",
        "a-false-past",
        (
            "EHLO laptop.home.example\nMAIL FROM:<lan@home.example>\nRCPT TO:<viet@company.example>\nDATA\n"
            "received: from vault.bank.example\n by mail.bank.example with ESMTP;\n Mon, 23 Nov 2026 00:30:00 +0000\n"
            "\nHello\n.\n"
        ),
    ),
    (
        "08",
        "write-a-subject",
        (
            "EHLO laptop.home.example\nMAIL FROM:<lan@home.example>\nRCPT TO:<minh@away.example>\nDATA\n"
            "subject: =?UTF-8?q?Ch=C3=A0o_Minh?=\n\nHello\n.\n"
        ),
    ),
    (
        "08",
        "ask-first",
        "EHLO laptop.home.example\nMAIL FROM:<lan@home.example> BODY=8BITMIME size=99999999\nRSET\nQUIT\n",
    ),
]


@pytest.mark.parametrize(("lesson", "step", "script"), SPOKEN)
def test_other_words_reach_every_goal(lesson: str, step: str, script: str):
    opened = open_lesson(find_lesson(lesson))
    task = opened.lesson.step(step)
    assert isinstance(task, Task)
    reached = reached_by(task.goals, attempt(opened.world, task, Action(script=script), 1))
    assert [goal.id for goal in task.goals if goal.id not in reached] == []
