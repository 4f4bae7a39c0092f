"""The operations that are measured beside busy processes. Each side runs in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from samdesk.bench.prompt_sampler import Interaction
from samdesk.bench.seeded import Checkpoint
from samdesk.bench.versus.images import BenchImage, read_images
from samdesk.bench.versus.reference import UltralyticsSide
from samdesk.bench.versus.samdesk_side import CANDIDATES, SamdeskSide
from samdesk.bench.versus.shapes import Shapes, shapes
from samdesk.bench.versus.timing import Clock, Timing
from samdesk.domain.prompts import PromptSet
from samdesk.engine import ultralytics
from samdesk.engine.flint.detector import build_yolo, read_yolo
from samdesk.engine.models.load import load_detector, load_predictor
from samdesk.engine.models.registry import FLINT
from samdesk.engine.models.weights import find
from samdesk.engine.protocols import Detector, EngineError

CLICK, HOVER, ENCODE, DETECT = "click", "hover", "encode", "detect"
_PROMPTS = 40


@dataclass(frozen=True)
class BusyInput:
    """What both sides process.

    Attributes:
        checkpoint: The SAM model.
        image: The image file.
        device: As returned by ``engine.runtime.device.resolve``.
        precision: samdesk's.
    """

    checkpoint: Checkpoint
    image: Path
    device: str
    precision: str

    @cached_property
    def read(self) -> BenchImage:
        """The image in memory."""
        return read_images([self.image])[0]

    @cached_property
    def shapes(self) -> Shapes:
        """Masks for the work after a network with random weights."""
        return shapes(self.image.parent)

    def prompts(self, operation: str, turn: int) -> PromptSet:
        """Returns the prompt of a turn: a click, or the next point of a moving mouse."""
        interactions = self._interactions
        path = [point for each in interactions for point in each.hover]
        points = path if operation == HOVER else [each.click for each in interactions]
        return PromptSet((points[turn % len(points)],))

    @cached_property
    def _interactions(self) -> tuple[Interaction, ...]:
        return self.read.sampler.sample(_PROMPTS).interactions


def time_samdesk(given: BusyInput, model: str, operation: str, turn: int) -> Timing:
    """Times one operation of samdesk with a model, in this process; the first call loads it."""
    given = _kept(given)
    image, side = given.read, _side(given, model)
    if operation == DETECT:
        detector = _detector(given)
        with Clock(given.device) as clock:
            detector.detect([image.rgb])
        return Timing(clock.ms)
    if operation == ENCODE:
        return side.encode(image)
    outlines = 1 if operation == HOVER else CANDIDATES
    return side.mask(side.embedding(image), given.prompts(operation, turn), turn, outlines)


def time_ultralytics(given: BusyInput, operation: str, turn: int) -> Timing:
    """Times one operation of Ultralytics as its user gets it, in this process; YOLO11n detects."""
    ultralytics.import_with_its_defaults()
    given = _kept(given)
    image = given.read
    if operation == DETECT:
        yolo = _yolo()
        with Clock(given.device) as clock:
            yolo.predict(image.bgr, device=given.device, verbose=False)
        return Timing(clock.ms)
    if operation == ENCODE:
        return _reference(given).encode(image)
    return _reference(given).mask(image, given.prompts(operation, turn), turn, multimask=operation != HOVER)


@cache
def _kept(given: BusyInput) -> BusyInput:
    """Returns the first of equal inputs, which holds the image."""
    return given


@cache
def _side(given: BusyInput, model: str) -> SamdeskSide:
    if model == FLINT:
        return SamdeskSide(load_predictor(FLINT, given.device), False, given.shapes)
    return SamdeskSide.load(given.checkpoint, given.device, given.precision, given.shapes)


@cache
def _detector(given: BusyInput) -> Detector:
    return load_detector(FLINT, given.device)


@cache
def _reference(given: BusyInput) -> UltralyticsSide:
    return UltralyticsSide(
        _weights(given.checkpoint.source), given.device, given.checkpoint.random, given.shapes
    )


@cache
def _yolo() -> Any:
    weights = _weights(FLINT)
    return build_yolo(read_yolo(weights), str(weights))


def _weights(name: str) -> Path:
    path = find(name)
    if path is None:
        raise EngineError(f"The weights of {name} are not on this machine.")
    return path
