# ruff: noqa: INP001 - a script, no part of a package
"""Builds the compiled catalogues from their sources, and checks that sources and compiled ones agree.

    python tools/catalogues.py build
    python tools/catalogues.py check

The sources are `smtplab/locale/src/LANGUAGE/AREA.po`, one file an area, the same areas in every language. An entry's
msgid is a symbolic id (`stage.dns`); every language, English too, gives the text as its msgstr. An entry with a
msgid_plural (the same id again) has plural forms, which the argument `count` chooses.
"""

from __future__ import annotations

import io
import string
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALE = Path(__file__).resolve().parent.parent / "smtplab" / "locale"
LANGUAGES = ("en", "vi")
PLURAL_FORMS = {"en": 2, "vi": 1}


def main(arguments: list[str]) -> int:
    if arguments not in (["build"], ["check"]):
        print(__doc__, file=sys.stderr)
        return 2
    faults = source_faults()
    if arguments == ["build"] and not faults:
        for language in LANGUAGES:
            target = compiled_path(language)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(compiled(language))
    faults += stale_faults()
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def compiled_path(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / "smtplab.mo"


def compiled(language: str) -> bytes:
    """The bytes of the language's compiled catalogue; the same sources give the same bytes."""
    whole = Catalog(locale=language, domain="smtplab")
    # A header of its own would carry dates and versions; readers need these two lines of it.
    header = f"Content-Type: text/plain; charset=utf-8\nPlural-Forms: {whole.plural_forms}\n"
    messages = [message for area in areas(language).values() for message in area.values()]
    buffer = io.BytesIO()
    write_mo(buffer, _Entries([Message("", header), *messages]))
    return buffer.getvalue()


class _Entries(Catalog):
    """A catalogue that is written with the header given, not with one of its own making."""

    def __init__(self, messages: list[Message]) -> None:
        super().__init__()
        self._entries = messages

    def __iter__(self) -> Iterator[Message]:
        return iter(self._entries)


def areas(language: str) -> dict[str, dict[str, Message]]:
    """Area to id to message, in the order of the source."""
    return {path.stem: _read(path) for path in sorted((LOCALE / "src" / language).glob("*.po"))}


def _read(path: Path) -> dict[str, Message]:
    with path.open("rb") as file:
        return {_id(message): message for message in read_po(file, locale=path.parent.name) if message.id}


def _id(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def texts_of(message: Message) -> list[str]:
    """The forms of an entry: one, or one for each plural form."""
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def source_faults() -> list[str]:
    found = {language: areas(language) for language in LANGUAGES}
    faults = [fault for language in LANGUAGES for fault in _language_faults(language, found[language])]
    english, vietnamese = found["en"], found["vi"]
    for area in sorted(english.keys() | vietnamese.keys()):
        faults += _pair_faults(area, english.get(area, {}), vietnamese.get(area, {}))
    return faults


def _language_faults(language: str, found: dict[str, dict[str, Message]]) -> list[str]:
    faults: list[str] = []
    home: dict[str, str] = {}
    for area, messages in found.items():
        for text_id, message in messages.items():
            place = f"{language}/{area}.po: {text_id}"
            if text_id in home:
                faults.append(f"{place} stands in {home[text_id]}.po too")
            home[text_id] = area
            faults += [f"{place}: {fault}" for fault in _message_faults(language, message)]
    return faults


def _message_faults(language: str, message: Message) -> list[str]:
    faults = ["is marked fuzzy"] if message.fuzzy else []
    texts = texts_of(message)
    if message.pluralizable and len(texts) != PLURAL_FORMS[language]:
        faults.append(f"has {len(texts)} plural forms, not {PLURAL_FORMS[language]}")
    if message.pluralizable and message.id[0] != message.id[1]:
        faults.append("its msgid_plural is not the same id")
    for text in texts:
        if not text.strip():
            faults.append("is empty")
        if text != unicodedata.normalize("NFC", text):
            faults.append("is not in NFC")
        try:
            placeholders(text)
        except ValueError as problem:
            faults.append(f"can't be read as a format: {problem}")
    return faults


def _pair_faults(area: str, english: dict[str, Message], vietnamese: dict[str, Message]) -> list[str]:
    faults = [f"vi/{area}.po lacks {text_id}" for text_id in english if text_id not in vietnamese]
    faults += [f"en/{area}.po lacks {text_id}" for text_id in vietnamese if text_id not in english]
    for text_id in english.keys() & vietnamese.keys():
        needed = {name for text in texts_of(english[text_id]) for name in placeholders(text)}
        given = {name for text in texts_of(vietnamese[text_id]) for name in placeholders(text)}
        # English may leave a count out of its singular ("one host") but never out of all of its forms.
        if needed != given:
            faults.append(f"{area}.po: {text_id} has {sorted(needed)} in English and {sorted(given)} in Vietnamese")
    return faults


def stale_faults() -> list[str]:
    return [
        f"{compiled_path(language).relative_to(LOCALE)} is not what its sources give: run `make catalogues`"
        for language in LANGUAGES
        if not compiled_path(language).is_file() or compiled_path(language).read_bytes() != compiled(language)
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
