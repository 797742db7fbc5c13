"""Whether anything that the inbox screen shows has changed: what came, how the server stands, why nothing is read."""

from __future__ import annotations

from collections.abc import Callable

from smtplab.lab.bad_input import BadInput
from smtplab.lab.served import Served
from smtplab.ui.letterbox import Letterbox


class Lookout:
    def __init__(self, box: Letterbox, served: Callable[[], Served]) -> None:
        self.problem: BadInput | None = None
        """Why the inbox could not be read, or written, when that was tried last."""
        self._box = box
        self._served = served
        self._known: tuple[object, ...] = ()
        """How everything but the messages stood at the last look."""

    async def look(self) -> bool:
        """True where there is something new to show."""
        try:
            changed = await self._box.look()
            self.problem = None
        except BadInput as bad:
            changed, self.problem = False, bad
        served = self._served()
        standing = (served.state, served.places, served.notice, self.problem and self.problem.text)
        changed = changed or standing != self._known
        self._known = standing
        return changed
