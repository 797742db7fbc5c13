"""The inbox's first line: where the server listens and what has come, or why the inbox can't be read."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from smtplab.lab.bad_input import BadInput
from smtplab.lab.mailroom import Counts
from smtplab.lab.served import Served
from smtplab.ui.inbox_words import where_it_listens
from smtplab.view.texts import Texts


class InboxTitle(Static):
    def say(self, served: Served, counts: Counts, problem: BadInput | None, texts: Texts) -> None:
        """A problem first: what has come is not known then."""
        title = Content.assemble((" smtplab ", "bold $background on $primary"), (f" {texts('inbox.title')}  ", "bold"))
        if problem is not None:
            said = Content.styled(texts(problem.text, **problem.arguments), "$error")
        else:
            said = where_it_listens(served, texts, counts, self.size.width)
        self.update(title + said)
