"""Both languages say everything, from compiled catalogues that are what their sources give."""

from __future__ import annotations

import ast
import functools
import importlib.util
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import get_args

import pytest

from smtplab.mta.behaviour.faults import Fault
from smtplab.smtp.rules import RFC_OF_RULE
from smtplab.smtp.states import STATES
from smtplab.view.texts import LANGUAGES, Language, Texts
from smtplab.wire.codes import ENHANCED_CODES, REPLY_CODES
from smtplab.wire.extension import KEYWORDS

ROOT = Path(__file__).resolve().parents[2]
RULE_MAKERS = {"Flaw", "_flaw", "broken", "RuleBroken", "Unreadable", "note"}
FORMATTED_RULES = {
    f"{part}-{fault}" for part in ("local", "domain") for fault in ("dot-first", "dot-last", "dots-together")
}
FORMATTED_RULES |= {"no-from", "no-to", "nul"}


@pytest.fixture(scope="module")
def catalogues() -> ModuleType:
    spec = importlib.util.spec_from_file_location("catalogues", ROOT / "tools" / "catalogues.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_sources_agree_in_ids_placeholders_and_plural_forms(catalogues: ModuleType) -> None:
    assert catalogues.source_faults() == []


def test_the_compiled_catalogues_are_what_their_sources_give(catalogues: ModuleType) -> None:
    assert catalogues.stale_faults() == []


def test_the_tool_tells_a_missing_id_a_missing_placeholder_and_decomposed_letters(
    catalogues: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decomposed = unicodedata.normalize("NFD", "có {name}")
    for language, entries in (
        ("en", {"a": "one {name}", "b": "two {name}", "c": "three"}),
        ("vi", {"a": decomposed, "b": "hai"}),
    ):
        folder = tmp_path / "src" / language
        folder.mkdir(parents=True)
        text = "".join(f'msgid "{key}"\nmsgstr "{value}"\n\n' for key, value in entries.items())
        (folder / "words.po").write_text(text, encoding="utf-8")
    monkeypatch.setattr(catalogues, "LOCALE", tmp_path)
    assert catalogues.source_faults() == [
        "vi/words.po: a: is not in NFC",
        "vi/words.po lacks c",
        "words.po: b has ['name'] in English and [] in Vietnamese",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rule_that_the_engine_can_name_has_a_text(language: Language) -> None:
    texts = Texts(language)
    rules = set(RFC_OF_RULE) | FORMATTED_RULES | set(_rules_in_code())
    assert len(rules) > 60
    assert [rule for rule in sorted(rules) if not texts.has(f"rule.{rule}")] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_registered_code_keyword_and_state_has_a_text(language: Language) -> None:
    texts = Texts(language)
    ids = [f"reply.{code}" for code in REPLY_CODES] + [f"status.{code}" for code in ENHANCED_CODES]
    ids += [f"state.{state}" for state in STATES] + [f"extension.{keyword.rstrip('=')}" for keyword in KEYWORDS]
    ids += [f"ability.{keyword.rstrip('=')}" for keyword in KEYWORDS]
    assert [text_id for text_id in ids if not texts.has(text_id)] == []


def test_every_id_that_the_code_names_exists() -> None:
    texts = Texts("en")
    named = set(_ids_in_code())
    assert len(named) > 200
    assert [text_id for text_id in sorted(named) if not texts.has(text_id)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_is_told_below_the_languages_has_its_words_and_their_arguments(language: Language) -> None:
    texts, seen = Texts(language), set[str]()
    for call in _calls_of("tell"):
        for text_id in _choices(call.args[0]):
            said = texts(text_id, **{keyword.arg: "x" for keyword in call.keywords if keyword.arg is not None})
            assert "⟦" not in said, f"{text_id}: {said}"
            seen.add(text_id)
    assert {"world.no-site", "behaviour.no-network", "flaw.missing"} <= seen
    assert len(seen) > 70


def _rules_in_code() -> Iterator[str]:
    """What stands as the first argument where a rule is told."""
    for call in _calls("wire", "smtp", "pop3", "mta"):
        if _name(call.func) in RULE_MAKERS and call.args:
            yield from _choices(call.args[0])


def _ids_in_code() -> Iterator[str]:
    for call in _calls("view", "ui", "cli"):
        name = _name(call.func)
        if name == "texts" or (name == "first" and "texts" in ast.dump(call.func)):
            yield from _constants(call)


def _constants(call: ast.Call) -> Iterator[str]:
    for argument in call.args[:1] if _name(call.func) == "texts" else call.args:
        yield from _choices(argument)


def _choices(argument: ast.expr) -> Iterator[str]:
    """The constants that an argument can be; what is put together at run time is not among them."""
    for choice in (argument.body, argument.orelse) if isinstance(argument, ast.IfExp) else (argument,):
        if isinstance(choice, ast.Constant) and isinstance(choice.value, str):
            yield choice.value


def _calls(*packages: str) -> Iterator[ast.Call]:
    for package in packages:
        for path in (ROOT / "smtplab" / package).rglob("*.py"):
            yield from _calls_in(path)


@functools.cache
def _calls_in(path: Path) -> tuple[ast.Call, ...]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return tuple(node for node in ast.walk(tree) if isinstance(node, ast.Call))


@pytest.fixture(scope="module", autouse=True)
def _read_once() -> Iterator[None]:
    """So many trees are in nobody's way after these tests."""
    yield
    _calls_in.cache_clear()


def _name(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.lstrip("_") if name.endswith("texts") else name
        case _:
            return ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_check_and_fault_that_the_engine_can_tell_has_its_own_words(language: Language) -> None:
    texts = Texts(language)
    checks = {str(call.args[0].value) for call in _calls_of("Judged") if isinstance(call.args[0], ast.Constant)}
    assert {"greylisting", "dnsbl", "delivery-in-doubt"} <= checks
    assert [check for check in sorted(checks) if not texts.has(f"explain.judged.{check}")] == []
    faults = {str(kind.__struct_config__.tag) for kind in get_args(Fault)}
    assert [fault for fault in sorted(faults) if not texts.has(f"fault.{fault}")] == []


def _calls_of(name: str) -> Iterator[ast.Call]:
    for path in (ROOT / "smtplab").rglob("*.py"):
        for call in _calls_in(path):
            if isinstance(call.func, ast.Name) and call.func.id == name and call.args:
                yield call
