"""The two themes, dark and light: one colour for each side of the dialogue, one for each kind of ending."""

from __future__ import annotations

from typing import Final

from textual.theme import Theme

DARK: Final = Theme(
    name="smtplab-dark",
    dark=True,
    primary="#5aa9e6",
    secondary="#7fd1ae",
    accent="#e0b050",
    foreground="#d6dde6",
    background="#10151c",
    surface="#151b24",
    panel="#1e2733",
    success="#7fd1ae",
    warning="#e0b050",
    error="#f07178",
    variables={
        "client": "#6cb8f5",
        "server": "#7fd1ae",
        "quiet": "#8494a7",
        "faint": "#4d5b6c",
        "chosen": "#24405c",
        "chosen-blurred": "#202b38",
        "found": "#6b5416",
        "block-cursor-background": "#24405c",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "none",
        "input-selection-background": "#5aa9e6 35%",
        "scrollbar": "#2b3745",
        "scrollbar-hover": "#3c4c5e",
        "scrollbar-active": "#5aa9e6",
        "scrollbar-background": "#151b24",
        "scrollbar-background-hover": "#151b24",
        "scrollbar-background-active": "#151b24",
    },
)

LIGHT: Final = Theme(
    name="smtplab-light",
    dark=False,
    primary="#0b63b0",
    secondary="#1a7349",
    accent="#8a5a00",
    foreground="#1f2933",
    background="#eef1f4",
    surface="#fbfcfd",
    panel="#e2e8ee",
    success="#1a7349",
    warning="#8a5a00",
    error="#b3261e",
    variables={
        "client": "#0b5cad",
        "server": "#17693f",
        "quiet": "#566472",
        "faint": "#a3afba",
        "chosen": "#cfe3f7",
        "chosen-blurred": "#e2e8ee",
        "found": "#ffe08a",
        "block-cursor-background": "#cfe3f7",
        "block-cursor-foreground": "#10202f",
        "block-cursor-text-style": "none",
        "input-selection-background": "#0b63b0 25%",
        "scrollbar": "#c3ced8",
        "scrollbar-hover": "#a3b4c4",
        "scrollbar-active": "#0b63b0",
        "scrollbar-background": "#fbfcfd",
        "scrollbar-background-hover": "#fbfcfd",
        "scrollbar-background-active": "#fbfcfd",
    },
)
