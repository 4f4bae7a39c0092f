"""What a model looks like from outside, whatever network is behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from samdesk.base.errors import UserError
from samdesk.base.jobs import Pause, no_pause
from samdesk.domain.geometry.types import FloatArray, Frame, RgbImage
from samdesk.domain.prompts import MaskCandidate, PointPrompt, PromptSet
from samdesk.engine.embedding import Embedding


class EngineError(UserError):
    """A model could not be loaded or could not do its work.

    The message says what happened, to which file or device, and what to do next, for the user.
    """

    code = "engine"


class OutOfMemory(EngineError):  # noqa: N818 - named as what it is
    """The device has no memory left for the model, an image or a prompt.

    The predictor stays usable. Whoever holds embeddings on the device can drop them, call
    ``engine.runtime.device.release()`` and try again, or load the model anew on the CPU (``info.path``).
    """

    code = "engine.out_of_memory"


class PromptKind(Enum):
    """What a model can be prompted with."""

    POINT = "point"
    BOX = "box"
    MASK = "mask"
    TEXT = "text"
    EXEMPLAR = "exemplar"
    WHOLE_IMAGE = "whole image"


@dataclass(frozen=True)
class ModelInfo:
    """What is true of a loaded model.

    Attributes:
        name: Its registry name or file name ("mobile_sam.pt").
        title: What users see ("MobileSAM", "Flint").
        device: Where it really runs ("cuda:0", "mps", "cpu").
        device_title: In words ("NVIDIA H100", "CPU, 2 threads").
        precision: "fp32", "fp16" or "bf16" as really used.
        layers: Number of layers, as Ultralytics' ``model.info()`` counts them.
        parameters: Number of parameters.
        gflops: For one image at the model's input size; None where it cannot be had.
        memory_bytes: Of the parameters and buffers.
        path: The checkpoint, or "" where there is none.
        sha256: Content hash of the checkpoint (hex, first 16), part of an embedding's key.
        note: What the user should know of how it runs, in words; "" for nothing.
        views: Whether ``Predictor.encode`` can look at a part of an image.
        family: ``families.Family.id`` of its network; "" for one of none.
        answers: The kinds of prompts that it takes; none for a detector.
    """

    name: str
    title: str
    device: str
    device_title: str
    precision: str
    layers: int = 0
    parameters: int = 0
    gflops: float | None = None
    memory_bytes: int = 0
    path: str = ""
    sha256: str = ""
    note: str = ""
    views: bool = True
    family: str = ""
    answers: frozenset[PromptKind] = frozenset()

    @property
    def key(self) -> str:
        """What the embeddings of this model are marked with."""
        return f"{self.name}:{self.sha256}"


def checked_image(image: RgbImage) -> RgbImage:
    """The image, if a predictor can take it: (H, W, 3) uint8, not empty. Raises ``EngineError``."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise EngineError(f"Expected an RGB image of 8 bits, got {image.dtype} {image.shape}.")
    return image


@dataclass(frozen=True)
class Detection:
    """One object that a detector found.

    Attributes:
        x0: Left, image pixels; y0, x1, y1 likewise.
        score: Confidence, 0..1.
        class_id: Index into the detector's ``names``.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    score: float
    class_id: int


class Predictor(Protocol):
    """A promptable segmenter. Used by one thread at a time; it keeps no state between calls."""

    @property
    def info(self) -> ModelInfo:
        """What is true of this model."""

    def encode(self, image: RgbImage, *, view: Frame | None = None, pause: Pause = no_pause) -> Embedding:
        """Runs the image encoder.

        Args:
            image: (H, W, 3) uint8 RGB.
            view: The square of the image to look at, of whole image pixels and cut off at the image; None
                for all of it. A predictor that looks closer by itself takes no notice:
                ``Embedding.frame`` says what was looked at.
            pause: See ``Pause``.

        Raises:
            EngineError: In words; ``OutOfMemory`` is one.
            Cancelled: ``pause`` did.
        """

    def predict(
        self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True
    ) -> list[MaskCandidate]:
        """Decodes one object: up to three candidates, best predicted IoU first, or one without multimask.

        How many there are, and over which frame each lies, is the predictor's choice.
        """

    def predict_boxes(self, embedding: Embedding, boxes: FloatArray) -> list[MaskCandidate]:
        """Decodes (N, 4) xyxy boxes in image pixels: one candidate a box, in the boxes' order."""

    def predict_points(self, embedding: Embedding, points: FloatArray) -> Iterator[list[MaskCandidate]]:
        """Decodes (N, 2) positive points in image pixels, each an object of its own, in their order.

        Lazily, and as many together as the device is fastest with: what is not iterated over is not decoded.
        """


def predict_each_point(
    predictor: Predictor, embedding: Embedding, points: FloatArray
) -> Iterator[list[MaskCandidate]]:
    """``Predictor.predict_points`` for a predictor that decodes one object at a time."""
    for x, y in points:
        yield predictor.predict(embedding, PromptSet((PointPrompt(float(x), float(y)),)))


@runtime_checkable
class Storable(Protocol):
    """A predictor whose embeddings are worth keeping on the disk."""

    def to_arrays(self, embedding: Embedding) -> tuple[NDArray[np.float16], ...]:
        """What the encoder said, without what follows from it: in the host's memory, C order.

        Raises ``EngineError`` if it does not fit fp16.
        """

    def from_arrays(
        self, arrays: Sequence[NDArray[np.float16]], image_hw: tuple[int, int], frame: Frame
    ) -> Embedding:
        """The embedding again, on the model's device.

        Raises:
            OutOfMemory: The device is full.
            EngineError: These arrays are none of this model's.
        """


class Detector(Protocol):
    """Finds boxes and their classes."""

    @property
    def info(self) -> ModelInfo:
        """What is true of this model."""

    @property
    def names(self) -> tuple[str, ...]:
        """Class names by class id."""

    def detect(
        self,
        images: Sequence[RgbImage],
        *,
        conf: float = 0.25,
        iou: float = 0.45,
        imgsz: int = 640,
        max_det: int = 300,
        classes: Sequence[int] | None = None,
    ) -> list[list[Detection]]:
        """The objects of each image, highest score first. Raises ``EngineError``."""
