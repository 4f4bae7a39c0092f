"""A simulated user who works on the real window without a pause."""

from __future__ import annotations

import random
from dataclasses import dataclass

from PySide6.QtCore import QObject, QTimer

from samdesk.app import Desk
from samdesk.demo.input_driver import InputDriver
from samdesk.workers.group import Workers
from samdesk.workers.inference.client import Prediction


@dataclass(frozen=True)
class ActionIntervals:
    """Intervals between the user's actions, in milliseconds.

    Attributes:
        move_ms: Between two mouse moves.
        action_ms: Between two prompts or accepted masks.
        page_ms: From an image being encoded to going to the next one.
    """

    move_ms: int = 8  # a mouse of 125 Hz
    action_ms: int = 900
    page_ms: int = 1500


DEFAULT_INTERVALS = ActionIntervals()


class WindowUser(QObject):
    """Hovers, clicks, drags boxes, accepts masks and goes from image to image until stopped.

    Where there are annotations, it carries them to the next image, and accepts what was carried there.

    Attributes:
        failures: Texts of all failures that the workers emitted.
        counts: What was done, by its name in the report.
    """

    def __init__(self, desk: Desk, intervals: ActionIntervals = DEFAULT_INTERVALS) -> None:
        super().__init__()
        self.failures: list[str] = []
        self.counts = dict.fromkeys(
            ("images", "encodes", "cache hits", "hover masks", "click masks", "carries", "saved"), 0
        )
        self._desk, self._input = desk, InputDriver(desk.view.canvas)
        self._random = random.Random(0)
        self._x, self._y, self._forward = 100.0, 100.0, True
        self._page = QTimer(self, interval=intervals.page_ms, singleShot=True)
        self._page.timeout.connect(self._turn_page)
        self._timers = [QTimer(self, interval=intervals.move_ms), QTimer(self, interval=intervals.action_ms)]
        for timer, action in zip(self._timers, (self._move, self._prompt_or_accept), strict=True):
            timer.timeout.connect(action)
        self._connect(desk.workers)

    def start(self) -> None:
        """Starts all actions."""
        self._page.start()
        for timer in self._timers:
            timer.start()

    @property
    def has_done_everything(self) -> bool:
        """Whether another image was opened, a mask was predicted from a prompt, and an edit was saved."""
        return all(self.counts[what] for what in ("images", "click masks", "saved"))

    def stop(self) -> None:
        """Stops all actions; pending requests are still answered."""
        for timer in [*self._timers, self._page]:
            timer.stop()

    def _connect(self, workers: Workers) -> None:
        inference, storage = workers.inference, workers.storage
        inference.predicted.connect(self._count_mask)
        inference.encoded.connect(self._count_encode)
        storage.history.saved.connect(lambda _seq: self._count("saved"))
        for signal in (
            inference.failed, inference.model_failed, workers.loader.failed,
            storage.history.save_failed, storage.failed, workers.batch.failed,
        ):  # fmt: skip
            signal.connect(lambda failure: self.failures.append(str(failure)))

    def _count(self, what: str) -> None:
        self.counts[what] += 1

    def _turn_page(self) -> None:
        before = self._desk.flows.navigate.key
        if self._forward and self._carry():
            return
        self._desk.view.actions.trigger("image.next" if self._forward else "image.previous")
        if self._desk.flows.navigate.key == before:
            self._forward = not self._forward
            self._page.start()
            return
        self._count("images")

    def _carry(self) -> bool:
        """Carries what the image has to the next one; False if it has nothing, or there is none."""
        before, document = self._desk.flows.navigate.key, self._desk.session.model.document
        if document is None or not document.annotations:
            return False
        self._desk.view.actions.trigger("carry.next")
        if self._desk.flows.navigate.key == before:
            return False
        self._count("images")
        self._count("carries")
        return True

    def _move(self) -> None:
        width, height = self._desk.view.canvas.image_size or (640, 480)
        self._x = min(max(self._x + self._random.gauss(0, 6), 1), width - 1)
        self._y = min(max(self._y + self._random.gauss(0, 6), 1), height - 1)
        self._input.move(self._x, self._y)

    def _prompt_or_accept(self) -> None:
        """Accepts the mask if there are prompts; otherwise clicks or drags a box."""
        if self._desk.flows.annotate.has_prompts:
            self._desk.view.actions.trigger("prompt.accept")
        elif self._desk.flows.data.carry.pending:
            self._desk.view.actions.trigger("carry.accept")
        elif self._random.random() < 0.5:
            self._input.click(self._x, self._y)
        else:
            self._input.drag((self._x - 40, self._y - 40), (self._x + 40, self._y + 40))

    def _count_mask(self, prediction: Prediction) -> None:
        self._count("hover masks" if prediction.hover else "click masks")

    def _count_encode(self, _key: str, _ms: float, cached: bool) -> None:
        self._count("cache hits" if cached else "encodes")
        self._page.start()
