"""Wires the terminal UI: screens, themes, language and the feed of records; it knows nothing of mail itself."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Literal, Protocol, runtime_checkable

from textual import on
from textual.app import App
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.screen import Screen

from smtplab.lab.bad_input import BadInput
from smtplab.ui import garbage
from smtplab.ui.screens.home import HomeScreen
from smtplab.ui.theme import DARK, LIGHT
from smtplab.view.texts import LANGUAGES, Language, Texts

if TYPE_CHECKING:
    from smtplab.lab.conversation import Conversation
    from smtplab.lab.feed import Feed
    from smtplab.lab.request import WalkRequest
    from smtplab.lab.served import Served
    from smtplab.ui.screens.call import CallScreen
    from smtplab.ui.screens.captures import CapturesScreen
    from smtplab.ui.screens.compare import CompareScreen
    from smtplab.ui.screens.fault import FaultScreen
    from smtplab.ui.screens.inbox import InboxScreen
    from smtplab.ui.screens.lesson import LessonScreen
    from smtplab.ui.screens.lessons import LessonsScreen
    from smtplab.ui.screens.moments import MomentScreen
    from smtplab.ui.screens.session import SessionScreen
    from smtplab.ui.screens.world import WorldScreen
    from smtplab.ui.screens.worlds import WorldsScreen
    from smtplab.ui.world import WorldRun

WORLD: Final = "campus"
"""The bundled world in which a simulated walk takes place."""

EXAMPLES: Final = (
    "student@hust.example",
    "lecturer@neu.example",
    "full@hust.example",
    "suspended@neu.example",
    "nobody@hust.example",
)
"""Recipients in that world, each with an end of its own; reading the world's file would delay the first paint."""

INTERRUPTED: Final = 130
"""The exit code of SIGINT, as shells have it."""


@runtime_checkable
class Speaks(Protocol):
    """A screen that can change its language while it stands."""

    def speak(self, texts: Texts) -> None: ...


@runtime_checkable
class Refuses(Protocol):
    """A screen that can say why what a person asked for is not done."""

    def refuse(self, why: str) -> None: ...


@runtime_checkable
class Searches(Protocol):
    """A screen in which something can be looked for."""

    def drop_search(self) -> bool:
        """False where nothing is looked for."""
        ...


class SmtplabApp(App[None]):
    TITLE = "smtplab"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "help", "ui.key.help"),
        Binding("ctrl+p", "command_palette", "ui.key.palette"),
        Binding("l,f2", "language", "ui.key.language"),
        Binding("d,f3", "theme", "ui.key.theme"),
        Binding("q,escape", "back", "ui.key.back"),
        Binding("ctrl+c", "interrupt", "ui.key.quit", show=False, priority=True),
    ]

    def __init__(
        self,
        language: Language,
        captures: Path,
        opening: Feed | Path | Literal["inbox"] | None = None,
        make_feed: Callable[[WalkRequest], Feed] | None = None,
        make_world_feed: Callable[[str], Feed] | None = None,
        conversation: Conversation | None = None,
    ) -> None:
        """`opening` is a walk, the folder of a lesson, or the inbox. `make_feed` stands in for `lab.feed.feed_for`,
        `make_world_feed` for `lab.feed.feed_of_world`.
        """
        self.texts = Texts(language)
        self._captures = captures
        self._make_feed = make_feed
        self._make_world_feed = make_world_feed
        self._faulted: MomentScreen.FaultWanted | None = None
        self._said: Conversation | None = None
        self.given: Served | None = None
        """A server that runs already, or is about to."""
        self.terminated = False
        """SIGTERM came."""
        self._first = self._first_screen(opening, conversation)
        # Textual reads the sheets of a screen that is pushed, not those of the default one.
        super().__init__(css_path=self._first.CSS_PATH)
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = DARK.name

    def get_default_screen(self) -> Screen[None]:
        return self._first

    def on_mount(self) -> None:
        # Where the system has no such handlers the interpreter's own ends it.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._terminate)
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, partial(self.exit, return_code=INTERRUPTED))

    def _terminate(self) -> None:
        self.terminated = True
        self.exit()

    def served(self) -> Served:
        """The one server of this app; it may not have been started."""
        if self.given is None:
            from smtplab.lab.served import Served  # noqa: PLC0415 (not for the first paint)

            self.given = Served()
        return self.given

    def stop_serving(self) -> None:
        """What it accepted is on disk when this returns."""
        if self.given is not None:
            self.given.stop()

    @on(HomeScreen.WalkChosen)
    def _open_walk(self, chosen: HomeScreen.WalkChosen) -> None:
        # Imported when first needed: the engine is not wanted for the first paint.
        from smtplab.lab.feed import feed_for  # noqa: PLC0415
        from smtplab.lab.request import WalkRequest  # noqa: PLC0415

        live = chosen.place == "live"
        request = WalkRequest(recipient=chosen.recipient, sim=None if live else WORLD, live=live)
        try:
            feed = self._make_feed(request) if self._make_feed else feed_for(request, language=self.texts.language)
        except BadInput as bad:
            self._refuse(self.texts(bad.text, **bad.arguments))
        else:
            self.push_screen(self._walk_screen(feed))

    def action_inbox(self) -> None:
        self.push_screen(self._inbox_screen())

    def on_inbox_screen_wanted(self, wanted: InboxScreen.Wanted) -> None:
        from smtplab.ui.inbox_forms import Desk  # noqa: PLC0415 (as above)

        Desk(self, self.texts, self.served(), self._walk_screen).answer(wanted)

    def on_inbox_screen_session_opened(self, opened: InboxScreen.SessionOpened) -> None:
        from smtplab.lab.feed import RecordedFeed  # noqa: PLC0415 (as above)

        self.push_screen(self._walk_screen(RecordedFeed(opened.name, opened.read.opened.records)))

    def action_captures(self) -> None:
        from smtplab.ui.screens.captures import CapturesScreen  # noqa: PLC0415 (as above)

        self.push_screen(CapturesScreen(self.texts, self._captures.parent))

    def on_captures_screen_opened(self, opened: CapturesScreen.Opened) -> None:
        self._open_capture(opened)

    @on(HomeScreen.CaptureChosen)
    def _open_capture(self, chosen: HomeScreen.CaptureChosen | CapturesScreen.Opened) -> None:
        from smtplab.lab.feed import feed_from_capture  # noqa: PLC0415 (as above)

        self.push_screen(self._walk_screen(feed_from_capture(chosen.path)))

    @on(HomeScreen.SessionWanted)
    def _call(self) -> None:
        from smtplab.ui.screens.call import CallScreen  # noqa: PLC0415 (as above)

        self.push_screen(CallScreen(self.texts))

    def on_session_screen_replay_wanted(self, wanted: SessionScreen.ReplayWanted) -> None:
        from smtplab.ui.screens.call import CallScreen  # noqa: PLC0415 (as above)

        self._said = wanted.conversation
        self.push_screen(CallScreen(self.texts, again=True, server=wanted.host))

    def on_call_screen_chosen(self, chosen: CallScreen.Chosen) -> None:
        from smtplab.ui.calling import screen_of  # noqa: PLC0415

        try:
            screen = screen_of(chosen, self.texts, self._captures, self._said if chosen.again else None)
        except BadInput as bad:
            self._refuse(self.texts(bad.text, **bad.arguments))
        else:
            self.switch_screen(screen)

    @on(HomeScreen.WorldsWanted)
    def _open_worlds(self) -> None:
        from smtplab.ui.screens.worlds import WorldsScreen  # noqa: PLC0415 (as above)

        self.push_screen(WorldsScreen(self.texts, self._captures.parent / "worlds"))

    @on(HomeScreen.LessonsWanted)
    def _open_lessons(self) -> None:
        from smtplab.ui.screens.lessons import LessonsScreen  # noqa: PLC0415 (as above)

        self.push_screen(LessonsScreen(self.texts, self._captures.parent))

    def on_lessons_screen_chosen(self, chosen: LessonsScreen.Chosen) -> None:
        self.push_screen(self._lesson_screen(chosen.folder))

    def on_lesson_screen_run_opened(self, opened: LessonScreen.RunOpened) -> None:
        from smtplab.lab.feed import RecordsFeed  # noqa: PLC0415 (as above)

        self.push_screen(self._walk_screen(RecordsFeed(opened.records, opened.subject)))

    async def on_lesson_screen_finished(self) -> None:
        await self._leave()

    def on_worlds_screen_chosen(self, chosen: WorldsScreen.Chosen) -> None:
        self._open_world(chosen.world)

    def on_compare_screen_world_opened(self, opened: CompareScreen.WorldOpened) -> None:
        self._open_world(opened.world, opened.elapsed_us)

    def _open_world(self, world: str, elapsed_us: int | None = None) -> None:
        """A bundled world by its name, or any by its file; it stands at the moment where one is named."""
        from smtplab.lab.worlds import source_of  # noqa: PLC0415
        from smtplab.ui.screens.world import WorldScreen  # noqa: PLC0415

        try:
            source = source_of(world)
        except BadInput as bad:
            self.notify(self.texts(bad.text, **bad.arguments), severity="error", timeout=10, markup=False)
            return
        self.push_screen(WorldScreen(self.texts, self._world_feed(world), source, self._captures, elapsed_us))

    def on_world_screen_host_opened(self, opened: WorldScreen.HostOpened) -> None:
        from smtplab.ui.screens.host import HostScreen  # noqa: PLC0415 (as above)

        self.push_screen(HostScreen(self.texts, opened.run, opened.host, opened.source, self._captures))

    def on_moment_screen_fault_wanted(self, wanted: MomentScreen.FaultWanted) -> None:
        from smtplab.ui.faulting import kinds  # noqa: PLC0415 (as above)
        from smtplab.ui.screens.fault import FaultScreen  # noqa: PLC0415

        spot = next(spot for spot in wanted.run.plan.spots if spot.name == wanted.host)
        if not kinds(spot):
            self.notify(self.texts("ui.fault.none", host=spot.name), severity="warning", markup=False)
            return
        self._faulted = wanted
        self.push_screen(FaultScreen(self.texts, spot, wanted.run.now_us))

    def on_fault_screen_wanted(self, wanted: FaultScreen.Wanted) -> None:
        """The overlay is kept beside the captures; the world with it runs from its start."""
        from smtplab.lab.worlds import overlay  # noqa: PLC0415

        assert self._faulted is not None
        try:
            path = str(overlay(self._faulted.source.name, wanted.change, self._captures.parent / "worlds"))
        except BadInput as bad:
            self._refuse(self.texts(bad.text, **bad.arguments))
        except OSError as error:
            self._refuse(error.strerror or str(error))
        else:
            self.switch_screen(self._compared(self._faulted.run, path))

    def on_world_screen_run_wanted(self, wanted: WorldScreen.RunWanted) -> None:
        self.push_screen(self._compared(wanted.run, wanted.source.name))

    def _compared(self, run: WorldRun, world: str) -> Screen[None]:
        """That run beside a new one of the world's file."""
        from smtplab.ui.comparing import Worlds  # noqa: PLC0415
        from smtplab.ui.screens.compare import CompareScreen  # noqa: PLC0415

        feed = self._world_feed(world)
        return CompareScreen(self.texts, run.known, feed, Worlds(world), self._captures, is_whole=lambda: run.whole)

    def _world_feed(self, world: str) -> Feed:
        from smtplab.lab.feed import feed_of_world  # noqa: PLC0415 (as above)

        if self._make_world_feed is not None:
            return self._make_world_feed(world)
        return feed_of_world(world, language=self.texts.language)

    def on_walk_screen_taken_in(self) -> None:
        """What has been read stays, what another one had read before is gone."""
        garbage.look()

    def on_world_screen_taken_in(self) -> None:
        """As of a walk."""
        self.on_walk_screen_taken_in()

    async def action_back(self) -> None:
        """A search that stands goes first: nobody means to leave the walk who wants it out of sight."""
        if not (isinstance(self.screen, Searches) and self.screen.drop_search()):
            await self._leave()

    async def _leave(self) -> None:
        if len(self.screen_stack) > 1:
            await self.pop_screen()
        else:
            self.exit()

    def action_interrupt(self) -> None:
        """Ctrl-C copies what the mouse has marked, as terminals do, and else ends it all."""
        if marked := self.screen.get_selected_text():
            self.copy_to_clipboard(marked)
        else:
            self.exit(return_code=INTERRUPTED)

    def action_language(self) -> None:
        language = LANGUAGES[(LANGUAGES.index(self.texts.language) + 1) % len(LANGUAGES)]
        self.texts = Texts(language)
        for screen in self.screen_stack:
            if isinstance(screen, Speaks):
                screen.speak(self.texts)

    def action_theme(self) -> None:
        self.theme = LIGHT.name if self.theme == DARK.name else DARK.name

    def action_help(self) -> None:
        from smtplab.ui.screens.help import HelpScreen, help_of, keys_of  # noqa: PLC0415 (not for the first paint)

        self.push_screen(HelpScreen(help_of(self.screen), keys_of(self.screen), self.texts))

    def action_command_palette(self) -> None:
        """Every key that works where the focus is, to be found by its words."""
        commands: dict[str, tuple[str, Callable[[], object], str]] = {}
        for node, binding, enabled, _ in self.screen.active_bindings.values():
            if enabled and binding.description.startswith("ui.") and binding.action != "command_palette":
                said = self.texts(binding.description)
                commands.setdefault(said, (said, self._runner(binding.action, node), self.get_key_display(binding)))
        self.search_commands(list(commands.values()), self.texts("ui.palette.placeholder"))

    def _runner(self, action: str, node: DOMNode) -> Callable[[], object]:
        return lambda: self.call_later(self.run_action, action, node)

    def _refuse(self, why: str) -> None:
        if isinstance(self.screen, Refuses):
            self.screen.refuse(why)

    def _first_screen(
        self, opening: Feed | Path | Literal["inbox"] | None, conversation: Conversation | None
    ) -> Screen[None]:
        if opening == "inbox":
            return self._inbox_screen()
        if isinstance(opening, Path):
            return self._lesson_screen(opening)
        if conversation is not None:
            from smtplab.ui.screens.session import SessionScreen  # noqa: PLC0415 (as of a walk)

            return SessionScreen(self.texts, conversation, self._captures)
        return HomeScreen(self.texts, self._captures, EXAMPLES) if opening is None else self._walk_screen(opening)

    def _lesson_screen(self, folder: Path) -> Screen[None]:
        from smtplab.lesson.agreement import open_to_play  # noqa: PLC0415 (as above)
        from smtplab.ui.screens.lesson import LessonScreen  # noqa: PLC0415

        return LessonScreen(self.texts, open_to_play(folder), self._captures.parent)

    def _inbox_screen(self) -> Screen[None]:
        from smtplab.ui.screens.inbox import InboxScreen  # noqa: PLC0415 (not for the home screen's first paint)

        return InboxScreen(self.texts, self._captures.parent, self.served)

    def _walk_screen(self, feed: Feed) -> Screen[None]:
        from smtplab.ui.screens.walk import WalkScreen  # noqa: PLC0415 (its panes are not for the home screen's first paint)

        return WalkScreen(self.texts, feed, self._captures)
