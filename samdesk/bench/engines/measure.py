"""Times the operations of interactive annotation for several engines, interleaved.

The engines take turns at every step, each round in another order, so that other load on the machine affects
all of them equally. A short warm-up round comes first and is not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

from samdesk.bench.engines.contestants import Engine
from samdesk.bench.object_prompts import prompt_samplers
from samdesk.bench.prompt_sampler import Interaction, SampledPrompts
from samdesk.domain.geometry.types import FloatArray, RgbImage
from samdesk.domain.prompts import PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import Detector, ModelInfo, Predictor

INTERACTIONS = 5
"""Boxes, corrections, clicks and hovers per round; everything else is done once per round."""
_WARM_UP_BOXES = 8
LOAD, ENCODE, BOX, REGION, CORRECTION = "load", "encode", "box", "region", "correction"
CLICK, HOVER, BOXES, DETECT = "click", "hover", "boxes", "detect"
MEASURES = {
    LOAD: "load the model",
    ENCODE: "encode an image",
    BOX: "first mask from a box",
    CORRECTION: "correction (one more point on that mask)",
    CLICK: "first click",
    HOVER: "hover (a point that moves a little)",
    BOXES: "batch of 32 boxes",
    REGION: "mask -> region",
    DETECT: "detect objects",
}


@dataclass(frozen=True, eq=False)
class EngineRow:
    """The times of one engine.

    Attributes:
        name: The name or path given by the user.
        info: Its model.
        random: Whether its weights are random.
        times_ms: All times of each measure, milliseconds; without the measures that it does not support.
    """

    name: str
    info: ModelInfo
    random: bool
    times_ms: dict[str, list[float]]


@dataclass(eq=False)
class _EngineTimer:
    """Runs and times the operations of one engine."""

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
        """Loads the predictor anew and times it; for an engine without a predictor, the detector."""
        load = self.engine.load
        self.predictor = self.embedding = None
        with self._timed(LOAD):
            if load is not None:
                self.predictor = load()
            else:
                self.detector = self._new_detector()
            self._synchronize()
        if self.detector is None and self.engine.load_detector is not None:
            self.detector = self._new_detector()

    def encode(self, image: RgbImage) -> None:
        if self.predictor is not None:
            with self._timed(ENCODE):
                self.embedding = self.predictor.encode(image)
                self._synchronize()

    def interaction(self, interaction: Interaction) -> None:
        """Predicts a box and its correction; then a click and a hover on other objects."""
        if self.predictor is None or self.embedding is None:
            return
        prompts = PromptSet(box=interaction.box)
        with self._timed(BOX):
            shown = self.predictor.predict(self.embedding, prompts)[0]
        if not self.engine.random:  # the outline of noise has tens of thousands of vertices
            with self._timed(REGION):
                shown.region()
        prompts = PromptSet((interaction.correction,), interaction.box, shown.as_prompt())
        with self._timed(CORRECTION):
            self.predictor.predict(self.embedding, prompts)
        with self._timed(CLICK):
            self.predictor.predict(self.embedding, PromptSet((interaction.click,)))
        self.predictor.predict(self.embedding, PromptSet(interaction.hover[:1]))
        for point in interaction.hover[1:]:
            with self._timed(HOVER):
                self.predictor.predict(self.embedding, PromptSet((point,)))

    def boxes(self, boxes: FloatArray) -> None:
        if self.predictor is not None and self.embedding is not None:
            with self._timed(BOXES):
                self.predictor.predict_boxes(self.embedding, boxes)

    def detect(self, image: RgbImage) -> None:
        if self.detector is not None:
            with self._timed(DETECT):
                self.detector.detect([image])

    def _new_detector(self) -> Detector:
        assert self.engine.load_detector is not None
        return self.engine.load_detector()

    @contextmanager
    def _timed(self, measure: str) -> Iterator[None]:
        started = perf_counter()
        yield
        self.times_ms.setdefault(measure, []).append((perf_counter() - started) * 1e3)

    def _synchronize(self) -> None:
        """Waits for pending GPU work; a prediction needs no wait, as its masks are copied to the host."""
        import torch

        device = self.info.device
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)
        elif device == "mps":
            torch.mps.synchronize()


def measure(
    engines: Sequence[Engine],
    images: Sequence[RgbImage],
    rounds: int,
    on_step: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[EngineRow, ...]:
    """Times all engines.

    Args:
        engines: The engines.
        images: (H, W, 3) uint8 RGB; each round uses the next one.
        rounds: Number of rounds that are counted.
        on_step: Called with (rounds done, all rounds).

    Raises:
        EngineError: A model cannot be loaded or fails.
    """
    timers = [_EngineTimer(engine) for engine in engines]
    for timer in timers:
        timer.load()  # a missing model raises before anything is measured
    samplers = prompt_samplers(images)
    _round(timers, images[0], samplers[0].sample(1, _WARM_UP_BOXES))
    for timer in timers:
        timer.times_ms.clear()
    for number in range(rounds):
        on_step(number, rounds)
        which, turn = number % len(images), number % len(timers)
        for timer in timers:
            timer.load()
        _round([*timers[turn:], *timers[:turn]], images[which], samplers[which].sample(INTERACTIONS))
    on_step(rounds, rounds)
    return tuple(
        EngineRow(
            b.engine.name, b.info, b.engine.random, {m: b.times_ms[m] for m in MEASURES if m in b.times_ms}
        )
        for b in timers
    )


def _round(timers: Sequence[_EngineTimer], image: RgbImage, prompts: SampledPrompts) -> None:
    for timer in timers:
        timer.encode(image)
    for interaction in prompts.interactions:
        for timer in timers:
            timer.interaction(interaction)
    for timer in timers:
        timer.boxes(prompts.boxes)
    for timer in timers:
        timer.detect(image)
