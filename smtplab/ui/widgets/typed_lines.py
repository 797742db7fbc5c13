"""Lines that lose nothing of what is typed in one breath: a key that comes after Enter belongs to what follows it."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.message import Message

from smtplab.ui.widgets.line_input import LineInput


class PromptInput(LineInput):
    """Is empty again as soon as its line is said."""

    @dataclass
    class Said(Message):
        line: str

    async def action_submit(self) -> None:
        said, self.value = self.value, ""
        self.post_message(self.Said(said))

    async def _on_key(self, event: events.Key) -> None:
        # As a binding Enter would take its turn only after the letters that were typed behind it.
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            await self.action_submit()
        else:
            await super()._on_key(event)


class FieldInput(LineInput):
    """Hands the focus on to the next field, where there is one that is empty, and else is submitted."""

    next_field = ""
    """Its id."""

    async def action_submit(self) -> None:
        following = self.screen.query_one(f"#{self.next_field}", LineInput) if self.next_field else None
        if following is not None and not following.value.strip():
            self.screen.set_focus(following)
        else:
            await super().action_submit()

    async def _on_key(self, event: events.Key) -> None:
        focused = self.screen.focused
        if focused is not None and focused is not self:
            # The app had sent it on its way here before the focus moved.
            event.stop()
            event.prevent_default()
            focused.post_message(events.Key(event.key, event.character))
        elif event.key == "enter":
            event.stop()
            event.prevent_default()
            await self.action_submit()
        else:
            await super()._on_key(event)
