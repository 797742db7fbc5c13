"""A command of several: `smtplab inbox list`; what each of them does it does not know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from smtplab.cli.common import common_options, state_of
from smtplab.cli.wording import SpokenCommand
from smtplab.lab.exits import DONE
from smtplab.view.texts import Texts


class Part(SpokenCommand):
    """One of the several; `work` gets the home folder and its own values."""

    def __init__(
        self, texts: Texts, name: str, work: Callable[..., int], params: tuple[click.Parameter, ...] = ()
    ) -> None:
        group, _, own = name.partition(".")
        super().__init__(
            name=own,
            help=texts(f"{group}.help.{own}"),
            params=[*params, *common_options(texts)],
            callback=self._run,
        )
        self.texts = texts
        self._work = work

    def _run(self, **values: Any) -> int:
        return self._work(state_of(click.get_current_context(), values).home, **values)


class Several(SpokenCommand, click.Group):
    def __init__(
        self, texts: Texts, name: str, parts: tuple[Part, ...], *, alone: Callable[[Path], int] | None = None
    ) -> None:
        """`alone` works where no part is named; without it that is a mistake."""
        super().__init__(
            name=name,
            help=texts(f"{name}.help"),
            params=common_options(texts),
            callback=self._note,
            commands={str(part.name): part for part in parts},
            invoke_without_command=alone is not None,
            no_args_is_help=False,
        )
        self.texts = texts
        self.short_texts = f"{name}.short"
        self._alone = alone

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order given."""
        del ctx
        return list(self.commands)

    def _note(self, **values: Any) -> int:
        context = click.get_current_context()
        home = state_of(context, values).home
        return self._alone(home) if self._alone is not None and context.invoked_subcommand is None else DONE
