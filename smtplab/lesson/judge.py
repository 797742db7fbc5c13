"""Judges an answer, and finds the explanation that belongs to this very answer."""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from collections.abc import Iterable
from typing import assert_never

import msgspec

from smtplab.journal import Record
from smtplab.lesson.goals import reached_by
from smtplab.lesson.lesson import Choice, Order, Predict, Question, Short, Task
from smtplab.lesson.patterns import fits_any
from smtplab.lesson.prose import OTHER


class Judgement(msgspec.Struct, frozen=True):
    right: bool
    wrong: str = ""
    """The explanation's name in the prose."""


RIGHT = Judgement(right=True)


def judge(question: Question, answer: str) -> Judgement:
    """Case, spaces around and the form of letters (NFC, NFD) don't matter."""
    said = _plain(answer)
    match question:
        case Choice(choices=choices, right=right):
            if said == right:
                return RIGHT
            return Judgement(right=False, wrong=said if said in choices else OTHER)
        case Order(right=order):
            # `c a d b`, `c, a, d, b` and `cadb` are one answer.
            return RIGHT if tuple(re.findall(r"[a-z]", said)) == order else Judgement(right=False, wrong=OTHER)
        case Short(accept=accept, wrong=wrong) | Predict(accept=accept, wrong=wrong):
            if _is_one_of(said, accept):
                return RIGHT
            name = next((name for name, answers in wrong.items() if _is_one_of(said, answers)), OTHER)
            return Judgement(right=False, wrong=name)
        case _:
            assert_never(question)


def judge_found(task: Task, record: Record) -> Judgement:
    """Of the record that was pointed at."""
    if len(reached_by(task.goals, [record])) == len(task.goals):
        return RIGHT
    name = next((name for name, pattern in task.wrong.items() if fits_any(record, (pattern,))), OTHER)
    return Judgement(right=False, wrong=name)


def model_answer(question: Question) -> str:
    """One that is right."""
    match question:
        case Choice(right=right):
            return right
        case Order(right=order):
            return " ".join(order)
        case Short(accept=accept) | Predict(accept=accept):
            return accept[0]
        case _:
            assert_never(question)


def _plain(answer: str) -> str:
    return " ".join(unicodedata.normalize("NFC", answer).casefold().split())


def _is_one_of(said: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(said, _plain(pattern)) for pattern in patterns)
