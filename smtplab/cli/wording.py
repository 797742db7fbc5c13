"""Click's commands and errors in the person's language; what the commands do it does not know."""

from __future__ import annotations

import re

import click

from smtplab.view.texts import Texts

TERM_WIDTH_MAX = 76
"""Of a terminal's 80 columns click leaves two at either side."""
WORD = "WORD"

_EXTRA = re.compile(r"Got unexpected extra arguments? \((.*)\)", re.DOTALL)
_NO_COMMAND = "Missing command."
"""Click has no class for these errors."""


class SpokenCommand(click.Command):
    """A command whose help has its headings from the catalogues."""

    texts: Texts
    short_texts = "cli.short"
    """Where a group finds the lines about its commands."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """`Usage: smtplab walk [OPTIONS] RECIPIENT`."""
        pieces = " ".join(self.collect_usage_pieces(ctx))
        formatter.write_usage(ctx.command_path, pieces, prefix=self.texts("cli.usage") + " ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options, then the commands of a group."""
        self._rename_help(ctx)
        options = [parameter for parameter in self.get_params(ctx) if isinstance(parameter, click.Option)]
        rows = [row for option in options if (row := help_row(option, ctx, self.texts)) is not None]
        with formatter.section(self.texts("cli.options")):
            formatter.write_dl(rows)
        if isinstance(self, click.Group):
            names = self.list_commands(ctx)
            with formatter.section(self.texts("cli.commands")):
                formatter.write_dl([(name, self.short_help_of(name)) for name in names])

    def short_help_of(self, name: str) -> str:
        """Of a group's command."""
        return self.texts(f"{self.short_texts}.{name}")

    def _rename_help(self, ctx: click.Context) -> None:
        option = self.get_help_option(ctx)
        if option is not None:
            option.help = self.texts("cli.help.help")


def help_row(option: click.Option, ctx: click.Context, texts: Texts) -> tuple[str, str] | None:
    """An option's names and its help; words that are too many for one line stand in the help instead."""
    row = option.get_help_record(ctx)
    if row is None or len(row[0]) <= TERM_WIDTH_MAX:
        return row
    names, _, words = row[0].partition(" [")
    shown = texts("cli.help.one-of", help=row[1], words=words.rstrip("]").replace("|", ", "))
    return (f"{names.removesuffix(' ')} {WORD}", shown) if words else row


def error_line(trouble: click.ClickException, texts: Texts) -> str:
    """What click found wrong, in one line that names the input."""
    match trouble:
        case click.NoSuchOption():
            return _with_guess(texts("cli.no-such-option", option=trouble.option_name), trouble.possibilities, texts)
        case click.BadOptionUsage():
            return texts("cli.bad-option-usage", option=trouble.option_name)
        case click.MissingParameter() if trouble.param is not None:
            return texts("cli.missing", name=trouble.param.human_readable_name.upper())
        case click.NoSuchCommand():
            return _with_guess(texts("cli.no-such-command", name=trouble.command_name), trouble.possibilities, texts)
        case click.UsageError() if trouble.message == _NO_COMMAND:
            return texts("cli.missing", name="COMMAND")
        case click.UsageError() if (extra := _EXTRA.fullmatch(trouble.message)) is not None:
            return texts("cli.too-many", words=" ".join(extra[1].split()))
        case _:
            return texts("cli.usage-error", detail=" ".join(trouble.format_message().split()))


def _with_guess(line: str, possibilities: list[str] | None, texts: Texts) -> str:
    return f"{line} {texts('cli.did-you-mean', name=possibilities[0])}" if possibilities else line
