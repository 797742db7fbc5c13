"""Every key that a screen or a widget binds does something: its action is there."""

import importlib
import inspect
import pkgutil

import pytest
from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen

import smtplab.ui.screens
import smtplab.ui.widgets
from smtplab.ui.app import SmtplabApp


def everything() -> list[type[DOMNode]]:
    found: list[type[DOMNode]] = [SmtplabApp]
    for package in (smtplab.ui.screens, smtplab.ui.widgets):
        for module in pkgutil.iter_modules(package.__path__):
            members = vars(importlib.import_module(f"{package.__name__}.{module.name}")).values()
            classes = (one for one in members if inspect.isclass(one) and issubclass(one, DOMNode))
            found += [one for one in classes if one.__module__.startswith("smtplab.")]
    return list(dict.fromkeys(found))


CLASSES = everything()
SCREENS = [one for one in CLASSES if issubclass(one, Screen)]


def has(kind: type[DOMNode], action: str) -> bool:
    return any(hasattr(kind, f"{prefix}{action}") for prefix in ("action_", "_action_"))


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_key_s_action_is_there(kind):
    for binding in kind.BINDINGS:
        assert isinstance(binding, Binding)
        where, _, action = binding.action.partition("(")[0].rpartition(".")
        if where == "app":
            assert has(SmtplabApp, action), binding
        elif where == "screen":
            assert any(has(screen, action) for screen in SCREENS), binding
        else:
            assert has(kind, action) or (issubclass(kind, App) and has(App, action)), binding
