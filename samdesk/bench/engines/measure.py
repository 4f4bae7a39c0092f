"""Engines side by side: each does what a hand asks for, by turns, while a clock runs.

The engines take turns at every step, each round in another order, so that a busy moment of the machine
hits all alike. A short round before the first is not counted: it warms everything up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

from samdesk.bench.engines.contestants import Engine
from samdesk.bench.objects import hands
from samdesk.bench.script import Gesture, Script
from samdesk.domain.geometry.types import FloatArray, RgbImage
from samdesk.domain.prompts import PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import Detector, ModelInfo, Predictor

GESTURES = 5
"""In each round: so often a box, a correction, a click and a hover; the rest once."""
_FEW = 8
LOAD, ENCODE, BOX, REGION, CORRECTION = "load", "encode", "box", "region", "correction"
CLICK, HOVER, BOXES, DETECT = "click", "hover", "boxes", "detect"
MEASURES = {
    LOAD: "load the model",
    ENCODE: "encode a photo",
    BOX: "first mask of a box",
    CORRECTION: "a correction (one more click on that mask)",
    CLICK: "a first click",
    HOVER: "a hover (a click a little on)",
    BOXES: "32 boxes at once",
    REGION: "mask -> region",
    DETECT: "detect objects",
}


@dataclass(frozen=True, eq=False)
class Row:
    """What came of one engine.

    Attributes:
        name: What it was asked for by.
        info: What is true of its model.
        random: Its weights are random.
        times_ms: By measure, all times taken, milliseconds; what it cannot do is not there.
    """

    name: str
    info: ModelInfo
    random: bool
    times_ms: dict[str, list[float]]


@dataclass(eq=False)
class _Bench:
    """An engine at work, and its clock."""

    engine: Engine
    times_ms: dict[str, list[float]] = field(default_factory=dict)
    predictor: Predictor | None = None
    detector: Detector | None = None
    embedding: Embedding | None = None

    @property
    def info(self) -> ModelInfo:
        model = self.predictor or self.detector
        assert model is not None
        return model.info

    def load(self) -> None:
        """The model that is asked for masks, or, where there is none, for boxes; in place of the last one."""
        load = self.engine.load
        self.predictor = self.embedding = None
        with self._timed(LOAD):
            if load is not None:
                self.predictor = load()
            else:
                self.detector = self._new_detector()
            self._settle()
        if self.detector is None and self.engine.load_detector is not None:
            self.detector = self._new_detector()

    def encode(self, photo: RgbImage) -> None:
        if self.predictor is not None:
            with self._timed(ENCODE):
                self.embedding = self.predictor.encode(photo)
                self._settle()

    def gesture(self, gesture: Gesture) -> None:
        """A box, its correction; then, elsewhere, a click and a hover."""
        if self.predictor is None or self.embedding is None:
            return
        prompts = PromptSet(box=gesture.box)
        with self._timed(BOX):
            shown = self.predictor.predict(self.embedding, prompts)[0]
        if not self.engine.random:  # the outline of noise has ten thousands of vertices
            with self._timed(REGION):
                shown.region()
        prompts = PromptSet((gesture.correction,), gesture.box, shown.as_prompt())
        with self._timed(CORRECTION):
            self.predictor.predict(self.embedding, prompts)
        with self._timed(CLICK):
            self.predictor.predict(self.embedding, PromptSet((gesture.click,)))
        self.predictor.predict(self.embedding, PromptSet(gesture.hover[:1]))
        for point in gesture.hover[1:]:
            with self._timed(HOVER):
                self.predictor.predict(self.embedding, PromptSet((point,)))

    def boxes(self, boxes: FloatArray) -> None:
        if self.predictor is not None and self.embedding is not None:
            with self._timed(BOXES):
                self.predictor.predict_boxes(self.embedding, boxes)

    def detect(self, photo: RgbImage) -> None:
        if self.detector is not None:
            with self._timed(DETECT):
                self.detector.detect([photo])

    def _new_detector(self) -> Detector:
        assert self.engine.load_detector is not None
        return self.engine.load_detector()

    @contextmanager
    def _timed(self, measure: str) -> Iterator[None]:
        started = perf_counter()
        yield
        self.times_ms.setdefault(measure, []).append((perf_counter() - started) * 1e3)

    def _settle(self) -> None:
        """Waits for what a GPU still has to do. A mask has come from there, and needs no waiting."""
        import torch

        device = self.info.device
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)
        elif device == "mps":
            torch.mps.synchronize()


def measure(
    engines: Sequence[Engine],
    photos: Sequence[RgbImage],
    rounds: int,
    on_step: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[Row, ...]:
    """Takes the times.

    Args:
        engines: Who takes part.
        photos: (H, W, 3) uint8 RGB; each round has the next one.
        rounds: How many rounds count.
        on_step: Called with (rounds done, all rounds).

    Raises:
        EngineError: A model cannot be had or fails; in words.
    """
    benches = [_Bench(engine) for engine in engines]
    for bench in benches:
        bench.load()  # who is not there is told at once
    by_photo = hands(photos)
    _round(benches, photos[0], by_photo[0].script(1, _FEW))
    for bench in benches:
        bench.times_ms.clear()
    for number in range(rounds):
        on_step(number, rounds)
        which, turn = number % len(photos), number % len(benches)
        for bench in benches:
            bench.load()
        _round([*benches[turn:], *benches[:turn]], photos[which], by_photo[which].script(GESTURES))
    on_step(rounds, rounds)
    return tuple(
        Row(b.engine.name, b.info, b.engine.random, {m: b.times_ms[m] for m in MEASURES if m in b.times_ms})
        for b in benches
    )


def _round(benches: Sequence[_Bench], photo: RgbImage, script: Script) -> None:
    for bench in benches:
        bench.encode(photo)
    for gesture in script.gestures:
        for bench in benches:
            bench.gesture(gesture)
    for bench in benches:
        bench.boxes(script.boxes)
    for bench in benches:
        bench.detect(photo)
