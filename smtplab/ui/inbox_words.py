"""What the inbox says of itself: where it listens, how much is there, and how a first message gets in."""

from __future__ import annotations

from textual.content import Content

from smtplab.lab.mailroom import Counts
from smtplab.lab.serve_request import Place, shown
from smtplab.lab.served import Served
from smtplab.view.letter import Letter
from smtplab.view.texts import Texts

_ROOM_FOR_PLACES = 100


def where_it_listens(served: Served, texts: Texts, counts: Counts, cells: int) -> Content:
    """The server first, then what has come."""
    said = [texts("inbox.count", count=counts.messages)]
    if counts.unread:
        said.append(texts("inbox.unread", count=counts.unread))
    if counts.failed:
        said.append(texts("inbox.failed", count=counts.failed))
    return Content.assemble(_server(served, texts, cells), (f"  {' · '.join(said)}", "$quiet"))


def _server(served: Served, texts: Texts, cells: int) -> Content:
    match served.state:
        case "listening":
            places = [f"{place.protocol} {shown(place)}" for place in served.places]
            more = len(places) - 1
            said = ", ".join(places) if cells >= _ROOM_FOR_PLACES or not more else f"{places[0]} +{more}"
            token = f"  {texts('inbox.token', token=served.token)}" if served.token else ""
            running = Content.styled(f"● {said}{token}", "$success")
            if served.notice is None:
                return running
            return running + Content.styled(f"  {texts(served.notice.text, **served.notice.arguments)}", "$warning")
        case "starting":
            return Content.styled(texts("inbox.server.starting"), "$accent")
        case "ended":
            bad = served.refusal
            why = texts(bad.text, **bad.arguments) if bad is not None else texts("inbox.server.ended")
            return Content.styled(why, "$error")
        case _:
            return Content.styled(texts("inbox.server.none"), "$quiet")


def nothing_yet(served: Served, texts: Texts, *, filtered: bool) -> Content:
    """What to do about an empty list: the exact commands, with the port."""
    if filtered:
        return Content.styled(texts("inbox.none-found"), "$quiet")
    place = next((one for one in served.places if one.protocol in ("smtp", "submission")), None)
    if served.state != "listening" or place is None:
        return Content("\n").join(
            [
                Content.styled(texts("inbox.empty"), "bold"),
                Content(),
                Content(texts("inbox.empty.start")),
                Content.styled("  smtplab serve", "$client"),
            ]
        )
    return Content("\n").join(
        [
            Content.styled(texts("inbox.empty"), "bold"),
            Content(),
            Content(texts("inbox.empty.send")),
            *(Content.styled(f"  {command}", "$client") for command in commands_for(place)),
            Content(),
            Content.styled(texts("inbox.empty.live"), "$quiet"),
        ]
    )


def commands_for(place: Place) -> tuple[str, ...]:
    """That send a first message there."""
    server = shown(place).replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - shown, not listened on
    return (
        f"swaks -t student@hust.example -s {server}",
        f"smtplab send student@hust.example -s {server}",
    )


def text_of(letter: Letter, tab: str) -> str:
    """What is copied of it: the source where that is looked at, else what is read."""
    if tab == "source":
        return letter.raw.decode("utf-8", "replace")
    return "\n".join(line.text for line in (letter.html if tab == "html" else letter.readable))
