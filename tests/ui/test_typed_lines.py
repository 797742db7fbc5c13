"""Keys that come in one burst end where a person would have typed them."""

import asyncio

from textual import events
from textual.app import App, ComposeResult

from smtplab.ui.widgets.typed_lines import FieldInput, PromptInput


class _Form(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def compose(self) -> ComposeResult:
        first = FieldInput(id="first")
        first.next_field = "second"
        yield first
        yield FieldInput(id="second")
        yield PromptInput(id="prompt")

    def on_prompt_input_said(self, said: PromptInput.Said) -> None:
        self.said.append(said.line)


def _burst(app: _Form, text: str) -> None:
    """As a terminal hands on what was pasted: all at once."""
    for letter in text:
        app.post_message(events.Key("enter", "\r") if letter == "\n" else events.Key(letter, letter))


def test_what_follows_enter_goes_to_the_next_field():
    async def scene() -> None:
        app = _Form()
        async with app.run_test() as pilot:
            await pilot.pause()
            _burst(app, "lan\nminh")
            await pilot.pause(0.1)
            assert [app.query_one(f"#{name}", FieldInput).value for name in ("first", "second")] == ["lan", "minh"]

    asyncio.run(scene())


def test_every_line_of_a_burst_is_said_as_it_was_typed():
    async def scene() -> None:
        app = _Form()
        async with app.run_test() as pilot:
            app.query_one(PromptInput).focus()
            await pilot.pause()
            _burst(app, "HELO\n\nx\n.\n")
            await pilot.pause(0.1)
            assert app.said == ["HELO", "", "x", "."]

    asyncio.run(scene())
