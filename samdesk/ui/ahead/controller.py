"""AheadController: has the next images annotated in the background, in the direction the user pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, QTimer, Signal

from samdesk.base.text import counted
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.domain.document import ImageKey
from samdesk.settings.table import ANNOTATE_AHEAD, Setting, Settings
from samdesk.ui.dataset.navigate import NavigateController
from samdesk.ui.editing.session import Session
from samdesk.ui.images.panel import ImagesPanel
from samdesk.ui.kit.messages import Messages
from samdesk.workers.batch.ahead import AheadClient, AheadResult
from samdesk.workers.failure import Failure

AHEAD = 3
"""Images that are annotated ahead."""
LOOKED_AT = 12
"""Images ahead among which those without annotations are looked for."""
START_MS = 250
"""After the user has gone to another image: someone who pages fast is not followed."""


@dataclass(frozen=True)
class AheadParts:
    """What annotating ahead needs of the window.

    Attributes:
        plan: Returns the plan of a run.
        run_active: Whether a run of the dataset is in progress, which comes first.
        drawing: Whether the user has something unfinished on the image on screen.
        show: Shows in the status bar what it does, and why.
    """

    plan: Callable[[], AutoAnnotatePlan]
    run_active: Callable[[], bool]
    drawing: Callable[[], bool]
    show: Callable[[str, str], object]


class AheadController(QObject):
    """Chooses the images, a few at a time: nothing waits in a queue, and paging changes what comes next.

    Signals:
        changed: It was turned on or off.
    """

    changed = Signal()

    def __init__(
        self,
        client: AheadClient,
        session: Session,
        navigate: NavigateController,
        images: ImagesPanel,
        settings: Settings,
        parts: AheadParts,
        messages: Messages,
    ) -> None:
        super().__init__(images)
        self._client, self._session, self._navigate, self._images = client, session, navigate, images
        self._settings, self._parts, self._messages = settings, parts, messages
        self._model_ready = False
        self._suspended = False  # after an error, until it is turned on again
        self._direction = 1
        self._here: ImageKey | None = None
        self._asked: tuple[ImageKey, ...] = ()
        self._left_alone: set[ImageKey] = set()
        self._annotated: set[ImageKey] = set()
        self._start_timer = self._timer(START_MS, self._start)
        client.may_store = self._may_store
        client.finished.connect(self._finish)
        client.failed.connect(self._fail)
        client.waiting_changed.connect(self._show)
        client.ended.connect(self._report)
        navigate.key_changed.connect(self._follow)
        settings.on_change(self._follow_settings)

    def _timer(self, ms: int, slot: Callable[[], object]) -> QTimer:
        timer = QTimer(self, singleShot=True, interval=ms)
        timer.timeout.connect(slot)
        return timer

    @property
    def wanted(self) -> bool:
        """Whether it is turned on."""
        return self._settings.get(ANNOTATE_AHEAD)

    def set_wanted(self, wanted: bool) -> None:
        """Turns it on or off."""
        self._settings.set(ANNOTATE_AHEAD, wanted)

    def note_model(self, _info: object = None) -> None:
        """The mask model is loaded: the plan names it."""
        self._model_ready = True
        self._start_timer.start()

    def note_run(self, running: bool) -> None:
        """A run of the dataset comes first."""
        if running:
            self._client.end()
        else:
            self._start_timer.start()
        self._show()

    def close_dataset(self) -> None:
        """Another dataset takes the place of this one."""
        self._client.end()
        self._start_timer.stop()
        self._left_alone.clear()
        self._annotated.clear()
        self._here, self._direction, self._suspended = None, 1, False

    def refresh_soon(self) -> None:
        """Chooses anew a moment later: the list of images has changed."""
        if self.wanted:
            self._start_timer.start()

    def _follow_settings(self, setting: Setting[object]) -> None:
        if setting.key != ANNOTATE_AHEAD.key:
            return
        self._suspended = False
        if self.wanted:
            self._start_timer.start()
        else:
            self._start_timer.stop()
            self._client.end()
            self._client.free_models()
        self._show()
        self.changed.emit()

    # -- which images

    def _follow(self, key: str) -> None:
        """Notes in which direction the user pages."""
        before, self._here = self._here, ImageKey(key) if key else None
        if before is not None and self._here is not None:
            back = self._images.steps_between(before, self._here) == -1
            self._direction = -1 if back else 1  # a jump is no paging
        if self.wanted:
            self._start_timer.start()
        self._show()

    def _next(self) -> list[ImageKey]:
        """The next images that were annotated ahead, or may have to be."""
        ahead = self._images.ahead(self._here, self._direction, LOOKED_AT)
        return [key for key in ahead if key not in self._left_alone][:AHEAD]

    def _plan(self) -> AutoAnnotatePlan:
        """That of a run; the boxes that are there are no source of objects for images without any."""
        plan = self._parts.plan()
        objects_from = "detector" if plan.objects_from == "boxes" else plan.objects_from
        return replace(plan, existing="skip", keys=None, objects_from=objects_from)

    def _start(self) -> None:
        """Has the next image annotated, unless that is being done or another run comes first."""
        idle = not (self._suspended or self._session.read_only or self._parts.run_active())
        if self.wanted and self._model_ready and idle and self._here is not None:
            wanted = self._next()
            if not self._client.busy:
                self._asked = tuple(key for key in wanted if key not in self._annotated)
                self._client.annotate(self._plan(), self._navigate.folder, self._asked, 1)
            elif not {*wanted, self._here}.intersection(self._asked):
                self._client.cancel()  # the user has gone elsewhere
        self._show()

    def _finish(self, result: AheadResult) -> None:
        self._annotated |= result.stored
        self._left_alone |= result.settled - result.stored
        self._start()

    def _fail(self, failure: Failure) -> None:
        self._suspended = True
        self._client.end()
        self._messages.warn(
            f"Annotating ahead has stopped. {failure.text}", key="ahead",
            actions=[("Try again", self._try_again)],
        )  # fmt: skip
        self._show()

    def _report(self, images: int) -> None:
        what = f"{counted(images, 'image')} {'was' if images == 1 else 'were'}"
        self._messages.info(f"{what} annotated ahead. Undo takes that back.", key="ahead", seconds=6)

    def _try_again(self) -> None:
        self._suspended = False
        self._start()

    def _may_store(self, key: ImageKey) -> bool:
        """Whether proposals may appear on an image: not while the user has something unfinished there."""
        on_screen = key in (self._here, self._session.model.key)
        return not (on_screen and self._parts.drawing())

    # -- what it says

    def _show(self) -> None:
        if not self.wanted or self._session.read_only:
            self._parts.show("", "")
        elif self._suspended:
            self._parts.show("Annotating ahead has stopped", "Turn it off and on to try again")
        elif self._client.waits_for is not None:
            self._parts.show(
                "Proposals are ready", "They appear when you have finished or discarded what you are drawing"
            )
        else:
            near = sum(key in self._annotated for key in self._next())
            text = f"{counted(near, 'image')} ahead {'is' if near == 1 else 'are'} annotated"
            busy = "Annotating ahead…" if self._client.busy else ""
            self._parts.show(
                text if near else busy,
                "Annotate > Annotate ahead turns this off; what it has done can be undone then",
            )
