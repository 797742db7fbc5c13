"""What is thrown where a person gave something that can't be used; it is light, for every command's start needs it."""

from __future__ import annotations


class BadInput(Exception):  # noqa: N818 (the input is in error, not the program)
    """A text's id and its arguments: one line when said, which names the input and the mend."""

    def __init__(self, text: str, **arguments: str | int) -> None:
        super().__init__(text)
        self.text = text
        """An id of the catalogues, `cli.not-an-address`."""
        self.arguments = arguments
