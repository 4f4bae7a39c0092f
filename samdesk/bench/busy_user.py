"""Someone who never rests, on the real window."""

from __future__ import annotations

import random
from dataclasses import dataclass

from PySide6.QtCore import QObject, QTimer

from samdesk.app import Desk, Workers
from samdesk.demo.input_driver import Hands
from samdesk.workers.inference.client import Prediction


@dataclass(frozen=True)
class Pace:
    """How busy the user is.

    Attributes:
        move_ms: How long the mouse rests between two moves.
        act_ms: From one prompt, or kept mask, to the next.
        turn_ms: How long a photo is looked at once it is encoded.
    """

    move_ms: int = 8  # a mouse of 125 Hz
    act_ms: int = 900
    turn_ms: int = 1500


USUAL = Pace()


class User(QObject):
    """A user who never rests, on the real window: hovers, clicks, drags boxes, keeps masks, turns pages."""

    def __init__(self, desk: Desk, pace: Pace = USUAL) -> None:
        super().__init__()
        self.failures: list[str] = []
        self.counts = dict.fromkeys(
            ("photos", "encodes", "cache hits", "hover masks", "click masks", "saved"), 0
        )
        self._desk, self._hands = desk, Hands(desk.view.canvas)
        self._random = random.Random(0)
        self._x, self._y, self._forward = 100.0, 100.0, True
        self._page = QTimer(self, interval=pace.turn_ms, singleShot=True)
        self._page.timeout.connect(self._turn)
        self._timers = [QTimer(self, interval=pace.move_ms), QTimer(self, interval=pace.act_ms)]
        for timer, act in zip(self._timers, (self._move, self._act), strict=True):
            timer.timeout.connect(act)
        self._listen(desk.workers)

    def work(self) -> None:
        """Starts."""
        self._page.start()
        for timer in self._timers:
            timer.start()

    @property
    def has_worked(self) -> bool:
        """Whether a page was turned, a mask was drawn and one was kept."""
        return all(self.counts[what] for what in ("photos", "click masks", "saved"))

    def rest(self) -> None:
        """Stops moving; what was asked is still answered."""
        for timer in [*self._timers, self._page]:
            timer.stop()

    def _listen(self, workers: Workers) -> None:
        inference, storage = workers.inference, workers.storage
        inference.predicted.connect(self._take)
        inference.encoded.connect(self._note_encoded)
        storage.history.saved.connect(lambda _seq: self._count("saved"))
        for signal in (
            inference.failed, inference.model_failed, workers.loader.failed,
            storage.history.save_failed, storage.failed, workers.batch.failed,
        ):  # fmt: skip
            signal.connect(lambda failure: self.failures.append(str(failure)))

    def _count(self, what: str) -> None:
        self.counts[what] += 1

    def _turn(self) -> None:
        before = self._desk.flows.navigate.key
        self._desk.view.actions.trigger("image.next" if self._forward else "image.previous")
        if self._desk.flows.navigate.key == before:
            self._forward = not self._forward
            self._page.start()
            return
        self._count("photos")

    def _move(self) -> None:
        width, height = self._desk.view.canvas.image_size or (640, 480)
        self._x = min(max(self._x + self._random.gauss(0, 6), 1), width - 1)
        self._y = min(max(self._y + self._random.gauss(0, 6), 1), height - 1)
        self._hands.move(self._x, self._y)

    def _act(self) -> None:
        """By turns: prompts an object; keeps its mask and hovers."""
        if self._desk.flows.annotate.has_prompts:
            self._desk.view.actions.trigger("prompt.accept")
        elif self._random.random() < 0.5:
            self._hands.click(self._x, self._y)
        else:
            self._hands.drag((self._x - 40, self._y - 40), (self._x + 40, self._y + 40))

    def _take(self, prediction: Prediction) -> None:
        self._count("hover masks" if prediction.hover else "click masks")

    def _note_encoded(self, _key: str, _ms: float, cached: bool) -> None:
        self._count("cache hits" if cached else "encodes")
        self._page.start()
