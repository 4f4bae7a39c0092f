"""A predictor that blocks at gates, so that tests control what happens while it is busy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Condition, Semaphore

import numpy as np
from PySide6.QtCore import QCoreApplication, QEventLoop, QTimer

from samdesk.base.jobs import Pause, no_pause
from samdesk.domain.geometry.types import FloatArray, Frame, RgbImage
from samdesk.domain.prompts import BoxPrompt, MaskCandidate, PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import EngineError, ModelInfo, predict_each_point

PATIENCE = 60.0  # seconds until a wait fails the test


class Gate:
    """A gate for threads: when open, they pass; when closed, they block until let through."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._open = True
        self._passes = 0
        self._arrived = Semaphore(0)

    def close(self) -> None:
        with self._changed:
            self._open = False

    def open(self) -> None:
        with self._changed:
            self._open = True
            self._changed.notify_all()

    def let_one_through(self) -> None:
        with self._changed:
            self._passes += 1
            self._changed.notify_all()

    def wait_for_arrival(self) -> None:
        """Waits until a thread blocks at the closed gate (each counts once)."""
        assert self._arrived.acquire(timeout=PATIENCE), "no thread arrived at the gate"

    def has_arrival(self) -> bool:
        """Returns whether a thread blocks at the closed gate (each counts once); does not wait."""
        return self._arrived.acquire(blocking=False)

    def pass_through(self) -> None:
        with self._changed:
            if self._open:
                return
            self._arrived.release()
            assert self._changed.wait_for(lambda: self._open or self._passes > 0, PATIENCE), (
                "never let through"
            )
            if not self._open:
                self._passes -= 1


class GatedPredictor:
    """Answers each prompt with a disc around its last point (or the middle of its box).

    An encode passes the gate ``encoding``, then ``layers`` times the gate ``layer``, with a pause after each.
    """

    def __init__(
        self, name: str = "gated.pt", radius: float = 10.0, device: str = "cpu", layers: int = 3
    ) -> None:
        self.name = name
        self.radius = radius
        self.device = device
        self.layers = layers
        self.looks_closer = True
        self.note = ""
        self.encoding = Gate()
        self.layer = Gate()
        self.decoding = Gate()
        self.encoded: list[RgbImage] = []
        self.views: list[Frame] = []  # the closer looks among them
        self.finished: list[RgbImage] = []  # those that came to their end
        self.finished_on: list[Frame] = []  # and what they looked at
        self.decoded: list[PromptSet] = []
        self.decoded_on: list[Frame] = []  # the look that each was answered from
        self.errors: list[Exception] = []  # for whatever is asked next
        self.view_errors: list[Exception] = []  # for the next closer look
        self.prompt_errors: list[Exception] = []  # for the next prompt
        self._changed = Condition()

    @property
    def info(self) -> ModelInfo:
        return ModelInfo(
            self.name,
            self.name,
            self.device,
            self.device,
            "fp32",
            sha256="0",
            note=self.note,
            views=self.looks_closer,
        )

    def encode(self, image: RgbImage, *, view: Frame | None = None, pause: Pause = no_pause) -> Embedding:
        self.encoded.append(image)
        if view is not None:
            self.views.append(view)
            if self.view_errors:
                raise self.view_errors.pop(0)
        self.encoding.pass_through()
        self._maybe_fail()
        for _ in range(self.layers):
            self.layer.pass_through()
            pause()
        self._maybe_fail()
        height, width = image.shape[:2]
        frame = view or Frame(0, 0, float(max(height, width)))
        with self._changed:
            self.finished.append(image)
            self.finished_on.append(frame)
            self._changed.notify_all()
        return Embedding(self.name, (height, width), frame, np.zeros(4), 32)

    def wait_until_finished(self, count: int) -> None:
        """Waits until this number of encodes has finished."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.finished) >= count, PATIENCE), "it never ended"

    def open(self) -> None:
        """Opens all gates."""
        for gate in (self.encoding, self.layer, self.decoding):
            gate.open()

    def predict(
        self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True
    ) -> list[MaskCandidate]:
        self.decoded.append(prompts)
        self.decoded_on.append(embedding.frame)
        self.decoding.pass_through()
        if self.prompt_errors:
            raise self.prompt_errors.pop(0)
        self._maybe_fail()
        assert embedding.model == self.name, "another model's embedding"
        count = 3 if multimask else 1
        return [self._disc(embedding, prompts, self.radius / (1 + i), 0.9 - i / 10) for i in range(count)]

    def predict_points(self, embedding: Embedding, points: FloatArray) -> Iterator[list[MaskCandidate]]:
        return predict_each_point(self, embedding, points)

    def predict_boxes(self, embedding: Embedding, boxes: FloatArray) -> list[MaskCandidate]:
        prompts = [PromptSet(box=BoxPrompt(*map(float, box))) for box in boxes]
        return [self.predict(embedding, one, multimask=False)[0] for one in prompts]

    def _maybe_fail(self) -> None:
        if self.errors:
            raise self.errors.pop(0)

    def _disc(self, embedding: Embedding, prompts: PromptSet, radius: float, score: float) -> MaskCandidate:
        if prompts.points:
            x, y = prompts.points[-1].x, prompts.points[-1].y
        else:
            assert prompts.box is not None
            x, y = (prompts.box.x0 + prompts.box.x1) / 2, (prompts.box.y0 + prompts.box.y1) / 2
        cell = embedding.frame.side / 256
        grid = (np.arange(256) + 0.5) * cell
        across, down = grid + embedding.frame.x0, grid + embedding.frame.y0
        logits = (radius - np.hypot(across[None, :] - x, down[:, None] - y)).astype(np.float32)
        return MaskCandidate(logits, embedding.frame, image_hw=embedding.image_hw, score=score, stability=1.0)


class Models:
    """A loader of given predictors; an unknown name raises ``EngineError``."""

    def __init__(self, *predictors: GatedPredictor) -> None:
        self.shelf = {(p.name, p.device): p for p in predictors}
        self.default = {p.name: p for p in reversed(predictors)}
        self.asked: list[tuple[str, str, str]] = []
        self.gate = Gate()

    def __call__(self, name: str, device: str, precision: str) -> GatedPredictor:
        self.asked.append((name, device, precision))
        self.gate.pass_through()
        found = self.shelf.get((name, device)) or (None if device else self.default.get(name))
        if found is None:
            raise EngineError(f"{name} is not a model")
        return found


def read_flat(path: Path) -> RgbImage:
    """A grey image of 256 x 256 pixels, whatever the file."""
    return np.full((256, 256, 3), 128, np.uint8)


def spin_until(done: Callable[[], bool]) -> None:
    """Processes events until ``done()`` is true; fails after ``PATIENCE``."""
    app = QCoreApplication.instance()
    assert app is not None
    late: list[bool] = []
    timer = QTimer()
    timer.setSingleShot(True)
    timer.timeout.connect(lambda: late.append(True))
    timer.start(int(PATIENCE * 1000))
    while not done():
        assert not late, "waited in vain"
        app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
    timer.stop()


def settle() -> None:
    """Processes all pending events."""
    app = QCoreApplication.instance()
    assert app is not None
    app.processEvents()
    app.processEvents()
