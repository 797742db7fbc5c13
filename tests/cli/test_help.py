"""What `--help` of every command looks like."""

import click
import pytest

from smtplab.cli.root import make_root
from smtplab.view.texts import LANGUAGES, Texts

COLUMNS = 80


def helps(command, context):
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            yield from helps(below, click.Context(below, info_name=name, parent=context))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_help_of_every_command_fits_a_terminal_and_has_no_text_missing(language, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    root = make_root(Texts(language))
    pages = dict(helps(root, click.Context(root, info_name="smtplab")))
    assert len(pages) > 35
    wide = [line for page in pages.values() for line in page.splitlines() if len(line) > COLUMNS]
    assert wide == []
    assert [path for path, page in pages.items() if "⟦" in page or "[default: " in page] == []


def test_words_that_are_too_many_for_a_line_stand_in_the_help():
    root = make_root(Texts("en"))
    pages = dict(helps(root, click.Context(root, info_name="smtplab")))
    page = " ".join(pages["smtplab send"].split())
    assert "--protocol WORD The dialect: HELO, EHLO or LHLO. One of smtp, ssmtp, smtps," in page
