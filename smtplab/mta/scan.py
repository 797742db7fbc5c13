"""One locked maildrop during a POP3 session: its messages by number, and the marks of those to be removed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from smtplab.mta.mailbox_port import Listed, Maildrop
from smtplab.pop3.command import Dele, List, Retr, Rset, Stat, Top, Uidl
from smtplab.pop3.response import Response, err, of_lines, ok

Answerable = Stat | List | Uidl | Dele | Rset
"""What can be answered without reading a message."""

_NO_SUCH = err("No such message")


class Scan:
    """Numbers stand for the session: what is marked keeps its own and is no longer there (RFC 1939 5)."""

    def __init__(self, maildrop: Maildrop) -> None:
        self.name = maildrop.name
        self._maildrop = maildrop
        self._marked: set[int] = set()

    @property
    def summary(self) -> str:
        """`2 messages (320 octets)`."""
        count, octets = self._total()
        return f"{count} message{'' if count == 1 else 's'} ({octets} octets)"

    def answer(self, command: Answerable) -> Response:
        match command:
            case Stat():
                return ok("{} {}".format(*self._total()))
            case List(number):
                return self._listing(number, self.summary, lambda letter: letter.octets)
            case Uidl(number):
                return self._listing(number, "Unique-ids follow", lambda letter: letter.uid)
            case Dele(number):
                if self._letter(number) is None:
                    return _NO_SUCH
                self._marked.add(number)
                return ok("Marked to be removed")
            case Rset():
                self._marked.clear()
                return ok(self.summary)

    async def read(self, command: Retr | Top) -> Response:
        letter = self._letter(command.number)
        if letter is None:
            return _NO_SUCH
        content = await self._maildrop.read(letter.uid)
        if content is None:
            return err("The message can't be read now", "SYS/TEMP")
        if isinstance(command, Top):
            return ok("The top of it follows", top(content, command.lines))
        return ok(f"{letter.octets} octets", content)

    async def update(self) -> Response:
        """QUIT: only now the marks are carried out (RFC 1939 6)."""
        uids = [self._maildrop.letters[number - 1].uid for number in sorted(self._marked)]
        removed = await self._maildrop.remove(uids) if uids else True
        self.release()
        return ok("Bye") if removed else err("Some messages were not removed", "SYS/TEMP")

    def release(self) -> None:
        self._maildrop.release()

    def _listing(self, number: int | None, text: str, told: Callable[[Listed], object]) -> Response:
        if number is None:
            return ok(text, of_lines(*(f"{at} {told(letter)}" for at, letter in self._present())))
        letter = self._letter(number)
        return ok(f"{number} {told(letter)}") if letter is not None else _NO_SUCH

    def _present(self) -> Iterator[tuple[int, Listed]]:
        numbered = enumerate(self._maildrop.letters, 1)
        return ((number, letter) for number, letter in numbered if number not in self._marked)

    def _letter(self, number: int) -> Listed | None:
        letters = self._maildrop.letters
        return letters[number - 1] if 0 < number <= len(letters) and number not in self._marked else None

    def _total(self) -> tuple[int, int]:
        sizes = [letter.octets for _, letter in self._present()]
        return len(sizes), sum(sizes)


def top(content: bytes, lines: int) -> bytes:
    """The header, the empty line behind it, and so many lines of the body (RFC 1939 7)."""
    at = content.find(b"\r\n\r\n")
    if at < 0:
        return content
    end = at + 4
    for _ in range(lines):
        at = content.find(b"\r\n", end)
        if at < 0:
            return content
        end = at + 2
    return content[:end]
