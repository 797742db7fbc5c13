"""What announced EHLO keywords enable, in a few words or in a paragraph each; unknown ones are said to be unknown."""

from __future__ import annotations

from collections.abc import Sequence

from smtplab.view.texts import Texts
from smtplab.wire.extension import parse_extensions


def abilities(lines: Sequence[str], texts: Texts) -> list[str]:
    """A few words for each keyword that we know, in the server's order."""
    offered = parse_extensions(lines).offered
    return [_brief(keyword, parameters, texts) for keyword, parameters in offered.items() if _known(keyword, texts)]


def ability_facts(lines: Sequence[str], texts: Texts) -> tuple[tuple[str, str], ...]:
    """Each announced line and what it means."""
    found = []
    for line in lines:
        for keyword, parameters in parse_extensions([line]).offered.items():
            if _known(keyword, texts):
                found.append((line, texts(f"extension.{_id(keyword)}", parameters=_shown(keyword, parameters, texts))))
            else:
                found.append((line, texts("extension.unknown", keyword=keyword)))
    return tuple(found)


def _brief(keyword: str, parameters: tuple[str, ...], texts: Texts) -> str:
    return texts(f"ability.{_id(keyword)}", parameters=_shown(keyword, parameters, texts))


def _shown(keyword: str, parameters: tuple[str, ...], texts: Texts) -> str:
    if keyword == "SIZE":
        value = parameters[0] if parameters else ""
        return texts.octets(int(value)) if value.isdecimal() and int(value) else texts("extension.size-unlimited")
    return ", ".join(parameters) or texts("extension.no-parameters")


def _known(keyword: str, texts: Texts) -> bool:
    return texts.has(f"extension.{_id(keyword)}")


def _id(keyword: str) -> str:
    """`AUTH=` is the old way to write AUTH."""
    return keyword.rstrip("=")
