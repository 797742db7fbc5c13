"""`smtplab serve --web`: from the options to the page beside the server; how the page works it does not know."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import click

from smtplab.cli import values as read
from smtplab.lab.bad_input import BadInput
from smtplab.view.texts import Texts

if TYPE_CHECKING:
    from smtplab.lab.house import House
    from smtplab.lab.serve_request import Place
    from smtplab.lab.webhook import Links
    from smtplab.net.ports import Endpoint
    from smtplab.told import Told
from smtplab.net.refusal import bind_refusal

TOKEN_VARIABLE = "SMTPLAB_WEB_TOKEN"  # noqa: S105 (its name, not its value)


class WebPage:
    """As it was asked for; `beside` opens it."""

    def __init__(self, place: tuple[str, int], token: str | None, told: str | None, names: tuple[str, ...]) -> None:
        self.told_token = told
        """Made here, so it has to be said once; None where the person knows it, or none is needed."""
        self._place = place
        self._token = token
        self._names = names
        self._texts: Texts | None = None

    def speaking(self, texts: Texts) -> WebPage:
        self._texts = texts
        return self

    def as_values(self) -> dict[str, Any]:
        """For another process, which makes the same of them by `page_from`."""
        language = "en" if self._texts is None else self._texts.language
        return {"place": self._place, "token": self._token, "names": self._names, "language": language}

    @asynccontextmanager
    async def beside(self, house: House) -> AsyncIterator[Place]:
        """As `serving.Beside`. Only where a page is wanted is anything of it imported."""
        from smtplab.lab.serve_request import Place, shown  # noqa: PLC0415
        from smtplab.net.ports import Endpoint  # noqa: PLC0415
        from smtplab.web.access import Access  # noqa: PLC0415
        from smtplab.web.request import PageRequest  # noqa: PLC0415
        from smtplab.web.running import page_at  # noqa: PLC0415

        assert self._texts is not None
        host, port = self._place
        relay = house.request.relay_to
        request = PageRequest(
            home=house.request.home,
            access=Access(frozenset({host.lower(), house.hostname.lower(), *self._names}), self._token),
            language=self._texts.language,
            release_to=None if relay is None else shown(Place("smtp", *relay)),
        )
        try:
            async with page_at(request, Endpoint(host, port), self._tell) as found:
                if house.webhook is not None:
                    house.webhook.links = _links_at(_seen_from(found, house.hostname))
                yield Place("http", found.address, found.port)
        except (OSError, OverflowError, UnicodeError) as trouble:
            place = shown(Place("http", host, port))
            raise BadInput("serve.cannot-listen", place=place, reason=bind_refusal(trouble)) from trouble

    def _tell(self, detail: str | Told) -> None:
        assert self._texts is not None
        click.echo(f"smtplab: {self._texts('serve.web-trouble', detail=detail)}", err=True)


def _seen_from(found: Endpoint, hostname: str) -> str:
    """The page's address for somebody else; what listens everywhere is reached under our name."""
    host = hostname if found.address in ("0.0.0.0", "::") else found.address  # noqa: S104 (compared, not bound)
    return f"http://[{host}]:{found.port}" if ":" in host else f"http://{host}:{found.port}"


def _links_at(base: str) -> Callable[[str], Links]:
    from smtplab.lab.webhook import Links  # noqa: PLC0415

    def links(name: str) -> Links:
        api = f"{base}/api/v1/messages/{name}"
        return Links(f"{base}/messages/{name}", api, f"{api}/raw")

    return links


def page_from(values: dict[str, Any]) -> WebPage:
    """Of `WebPage.as_values`."""
    host, port = values["place"]
    return WebPage((host, port), values["token"], None, tuple(values["names"])).speaking(Texts(values["language"]))


def page_of(values: dict[str, Any], texts: Texts) -> WebPage | None:
    """None where no page is asked for. Raises BadInput."""
    if values["web"] is None:
        return None
    from smtplab.web.access import TOKEN_CHARACTERS_MIN, is_loopback_host, new_token  # noqa: PLC0415

    given = values["web_token"] or os.environ.get(TOKEN_VARIABLE)
    token = read.password(given, "--web-token") if given else None
    if token is not None and (len(token) < TOKEN_CHARACTERS_MIN or not token.isascii() or not token.isprintable()):
        raise BadInput("serve.bad-token", option="--web-token", number=TOKEN_CHARACTERS_MIN)
    told = None
    if token is None and not is_loopback_host(values["web"][0]):
        token = told = new_token()
    names = tuple(name.lower() for name in values["web_names"])
    return WebPage(values["web"], token, told, names).speaking(texts)
