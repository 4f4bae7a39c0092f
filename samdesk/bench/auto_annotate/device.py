"""Auto-annotate on a stand-in for a device: networks that hold it for a while, as a GPU's kernels do.

The device is a lock: one network holds it at a time, without Python's interpreter lock. All else is real:
files are read, regions made, label files written.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from samdesk.base.jobs import Pause, no_pause
from samdesk.batch.models import Loaders
from samdesk.bench.auto_annotate.sides import run_over
from samdesk.bench.plausible import ellipse_logits
from samdesk.domain.geometry.types import FloatArray, Frame, RgbImage
from samdesk.domain.prompts import MaskCandidate, PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import Detection, ModelInfo, predict_each_point

DETECTOR_MS, DECODER_MS = 8.0, 3.0
_OBJECTS = 5
_INFO = ModelInfo("stand-in", "Stand-in", "cuda:0", "Stand-in", "fp16")


@dataclass(frozen=True)
class DeviceTiming:
    """One run.

    Attributes:
        image_ms: Wall time for an image, milliseconds.
        busy: Share of the time in which a network held the device.
    """

    image_ms: float
    busy: float


def time_on_device(folder: Path, scratch: Path, encoder_ms: float, how: str) -> DeviceTiming:
    """Times a run over the images of a folder, in the pipeline or one image after another.

    Args:
        folder: The images.
        scratch: For the label files.
        encoder_ms: How long the encoder holds the device for an image.
        how: ``sides.PIPELINE`` or ``sides.LOOP``.
    """
    device = StandInDevice()
    detector, predictor = _HoldingDetector(device), _HoldingPredictor(device, encoder_ms)
    loaders = Loaders(lambda *_: detector, lambda *_: predictor, lambda: "", lambda: "")
    seconds, images = run_over(folder, scratch / f"device_{how}", loaders, how)
    return DeviceTiming(seconds * 1e3 / images, device.held_s / seconds)


class StandInDevice:
    """A device that one network uses at a time.

    Attributes:
        held_s: How long it was used, seconds.
    """

    def __init__(self) -> None:
        self.held_s = 0.0
        self._lock = Lock()

    def hold(self, ms: float) -> None:
        """Uses the device."""
        with self._lock:
            started = time.perf_counter()
            time.sleep(ms / 1e3)
            self.held_s += time.perf_counter() - started


class _HoldingDetector:
    names = tuple(f"class {i}" for i in range(80))
    info = _INFO

    def __init__(self, device: StandInDevice) -> None:
        self._device = device

    def detect(self, images: Sequence[RgbImage], **_options: Any) -> list[list[Detection]]:
        self._device.hold(DETECTOR_MS * len(images))
        return [_boxes(image) for image in images]


class _HoldingPredictor:
    info = _INFO

    def __init__(self, device: StandInDevice, encoder_ms: float) -> None:
        self._device, self._encoder_ms = device, encoder_ms

    def replica(self, threads: int) -> _HoldingPredictor:
        return _HoldingPredictor(self._device, self._encoder_ms)

    def encode(self, image: RgbImage, *, view: Frame | None = None, pause: Pause = no_pause) -> Embedding:
        self._device.hold(self._encoder_ms)
        height, width = image.shape[:2]
        return Embedding(_INFO.key, (height, width), Frame(0.0, 0.0, float(max(height, width))), None, 0)

    def predict_boxes(self, embedding: Embedding, boxes: FloatArray) -> list[MaskCandidate]:
        self._device.hold(DECODER_MS)
        frame, size = embedding.frame, embedding.image_hw
        logits = [ellipse_logits(frame.side, box) for box in boxes]
        return [MaskCandidate(x, frame, image_hw=size, score=0.9, stability=0.9) for x in logits]

    def predict(
        self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True
    ) -> list[MaskCandidate]:
        assert prompts.box is not None
        return self.predict_boxes(embedding, np.array([prompts.box.xyxy]))

    def predict_points(self, embedding: Embedding, points: FloatArray) -> Iterator[list[MaskCandidate]]:
        return predict_each_point(self, embedding, points)


def _boxes(image: RgbImage) -> list[Detection]:
    height, width = image.shape[:2]
    step = width / (_OBJECTS + 1)
    return [
        Detection(i * step, height * 0.2, (i + 1.5) * step, height * 0.8, 0.9, i) for i in range(_OBJECTS)
    ]
