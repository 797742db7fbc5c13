"""The words of one language by id, from its compiled catalogue; what they are about it does not know."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from typing import Literal, cast

from smtplab.told import Told
from smtplab.view.safe import safe

Language = Literal["en", "vi"]

LANGUAGES: tuple[Language, ...] = ("en", "vi")


class Texts:
    """`texts("stage.dns")`, `texts("note.connected", host=host, port=25)`.

    The catalogue is opened at the first text. An argument named `count` chooses the plural form. Every argument that
    is a string goes through `safe`, so a peer's words can't steer the terminal; one that is `Told` is put in words
    first. An id that the catalogue does not hold shows as `⟦id⟧`, and so does an argument that was not given: a hole
    is seen, never hidden.
    """

    def __init__(self, language: Language) -> None:
        self.language: Language = language
        self._catalogue: Catalogue | None = None

    def __call__(self, text_id: str, /, **arguments: object) -> str:
        pattern = self._pattern(text_id, arguments.get("count"))
        if pattern is None:
            return f"⟦{safe(text_id)}⟧"
        if "{" not in pattern:
            return pattern
        return pattern.format_map(_Arguments(self._shown(arguments)))

    def told(self, what: Told) -> str:
        return self(what.text, **what.arguments)

    def has(self, text_id: str) -> bool:
        return self._pattern(text_id, None) is not None or self._pattern(text_id, 1) is not None

    def first(self, *text_ids: str, **arguments: object) -> str:
        """The text of the first id that exists: the specific before the general. The last must exist."""
        for text_id in text_ids:
            if self.has(text_id):
                return self(text_id, **arguments)
        return self(text_ids[-1], **arguments)

    def number(self, value: float, digits: int = 0) -> str:
        """`1,234.5` in English, `1.234,5` in Vietnamese."""
        english = f"{value:,.{digits}f}"
        return english if self.language == "en" else english.translate(_VIETNAMESE_MARKS)

    def duration(self, seconds: float) -> str:
        """Two figures that matter: `0.4 ms`, `12 ms`, `1.3 s`, `2 min 5 s`, `3 h 20 min`, `4 d 3 h`."""
        ms = seconds * 1000
        if ms < 10:
            return self("unit.ms", value=self.number(ms, 1))
        if ms < 1000:
            return self("unit.ms", value=self.number(ms))
        if seconds < 60:
            return self("unit.s", value=self.number(seconds, 1))
        return self._long_duration(round(seconds))

    def octets(self, count: int) -> str:
        return self("unit.octets", count=count, number=self.number(count))

    def _long_duration(self, seconds: int) -> str:
        minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
        if days:
            parts = ((days, "d"), (hours % 24, "h"))
        elif hours:
            parts = ((hours, "h"), (minutes % 60, "min"))
        else:
            parts = ((minutes, "min"), (seconds % 60, "s"))
        return " ".join(self(f"unit.{unit}", value=self.number(value)) for value, unit in parts if value)

    def listing(self, items: tuple[str, ...] | list[str]) -> str:
        """`a`, `a and b`, `a, b and c`, as the language joins them."""
        if len(items) < 2:
            return safe("".join(items))
        return self("list.last", most=", ".join(items[:-1]), last=items[-1])

    def _pattern(self, text_id: str, count: object) -> str | None:
        catalogue = self._catalogue
        if catalogue is None:
            catalogue = self._catalogue = _load(self.language)
        if isinstance(count, int) and (forms := catalogue.find(f"{text_id}\0{text_id}")) is not None:
            every = forms.split("\0")
            # English has a form for one and a form for all else; Vietnamese has one.
            return every[0] if count == 1 or len(every) == 1 else every[1]
        return catalogue.find(text_id)

    def _shown(self, arguments: Mapping[str, object]) -> dict[str, object]:
        return {name: self._argument(value) for name, value in arguments.items()}

    def _argument(self, value: object) -> object:
        match value:
            case str():
                return safe(value)
            case Told(text, arguments):
                return self(text, **arguments)
            case bool() | None:
                return str(value)
            case int():
                return value
            case float():
                return self.number(value, 1)
            case _:
                return safe(str(value))


class _Arguments(dict[str, object]):
    def __missing__(self, name: str) -> str:
        return f"⟦{name}⟧"


_VIETNAMESE_MARKS = str.maketrans(",.", ".,")


class Catalogue:
    """A compiled catalogue (gettext's .mo), in which each text is looked for when it is wanted: reading all of them,
    as `gettext` does, takes longer than most commands have."""

    def __init__(self, octets: bytes) -> None:
        """Raises ValueError for what is none, or is of the other byte order than ours are written in."""
        magic, _, self._count, self._ids, self._texts = struct.unpack_from("<5I", octets)
        if magic != MAGIC:
            raise ValueError("no catalogue of ours")
        self._octets = octets

    def find(self, text_id: str) -> str | None:
        """The text, its plural forms parted by NUL; the ids stand in their order."""
        wanted = text_id.encode()
        low, high = 0, self._count
        while low < high:
            middle = (low + high) // 2
            found = self._string(self._ids, middle)
            if found == wanted:
                return self._string(self._texts, middle).decode()
            if found < wanted:
                low = middle + 1
            else:
                high = middle
        return None

    def _string(self, table: int, number: int) -> bytes:
        length, start = struct.unpack_from("<2I", self._octets, table + 8 * number)
        return self._octets[start : start + length]


MAGIC = 0x950412DE
"""gettext's manual, The Format of GNU MO Files."""


def _load(language: Language) -> Catalogue:
    """A catalogue that is missing is a broken installation, which is a surprise and may raise OSError."""
    folder = os.path.join(os.path.dirname(os.path.dirname(__file__)), "locale")  # noqa: PTH118, PTH120 (pathlib costs start-up time)
    with open(os.path.join(folder, language, "LC_MESSAGES", "smtplab.mo"), "rb") as file:  # noqa: PTH118, PTH123
        return Catalogue(file.read())


def choose_language(option: str | None, environ: Mapping[str, str]) -> Language:
    """`--lang`, else SMTPLAB_LANG, else the locale as POSIX orders its variables (XBD 8.2), else English.

    A value of the environment that names no language of ours is passed over; judging the option is the caller's.
    """
    for wish in (option, environ.get("SMTPLAB_LANG")):
        if wish and wish.lower() in LANGUAGES:
            return cast(Language, wish.lower())
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environ.get(variable):
            return "vi" if value.lower().split(".")[0].split("_")[0] == "vi" else "en"
    return "en"
