"""A task done with other programs, in the terminal: the lesson's world stands on loopback until Enter is pressed."""

from __future__ import annotations

import asyncio
import threading

from smtplab.cli.lesson_page import Page
from smtplab.journal import Record
from smtplab.lesson.goals import Goals
from smtplab.lesson.lesson import Action, Shown, Task
from smtplab.lesson.library import Opened
from smtplab.lesson.outside import Outside
from smtplab.lesson.running import Unplayable
from smtplab.lesson.shown import DIALOGUE, NEWS, shown_lines
from smtplab.view.texts import Texts


class Visit:
    """One world standing. It is heard in a thread of its own, since this one waits for the keyboard."""

    def __init__(self, opened: Opened, task: Task, page: Page, texts: Texts) -> None:
        self._opened = opened
        self._task = task
        self._page = page
        self._texts = texts
        self._records: list[Record] = []
        self._lines_seen = 0
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()

    def wait(self, goals: Goals) -> None:
        """Until Enter; what happens is shown, and goals tick, as it happens."""
        thread = threading.Thread(target=self._loop.run_until_complete, args=(self._hear(goals),))
        thread.start()
        try:
            self._page.ask("")
        finally:
            self._loop.call_soon_threadsafe(self._over.set)
            thread.join()
            self._loop.close()

    async def _hear(self, goals: Goals) -> None:
        outside = Outside(self._opened.folder)
        try:
            stood = await outside.open(self._task.id, Action())
            for line in stood.commands:
                self._page.plain(f"  {line}")
            self._page.say("lesson.outside", speed=f"{self._opened.lesson.speed:g}")
            async with asyncio.TaskGroup() as group:
                group.create_task(outside.read(lambda record: self._tell(record, goals)))
                await self._over.wait()
                await outside.close()
        except Unplayable as trouble:
            self._page.say("lesson.cannot-do", reason=trouble.told)
        finally:
            await outside.close()

    def _tell(self, record: Record, goals: Goals) -> None:
        before = set(goals.reached)
        self._records.append(record)
        goals.read(record)
        lines = list(shown_lines(self._records, Shown(pick=(*DIALOGUE, *NEWS)), self._texts))
        self._page.recording(lines[self._lines_seen :], close=False)
        self._lines_seen = len(lines)
        self._page.ticks(self._task, set(goals.reached) - before)
        if len(before) < len(goals.reached) == len(self._task.goals):
            self._page.say("lesson.outside-done")
