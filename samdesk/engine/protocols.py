"""Interfaces of the models: predictor and detector, their results, properties and errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from samdesk.base.errors import UserError
from samdesk.base.jobs import Pause, no_pause
from samdesk.domain.geometry.types import FloatArray, Frame, Region, RgbImage
from samdesk.domain.prompts import MaskCandidate, PointPrompt, PromptSet
from samdesk.engine.concepts.concept import Concept
from samdesk.engine.embedding import Embedding


class EngineError(UserError):
    """A model could not be loaded or failed.

    The message is for the user: what happened, to which file or on which device, and what to do next.
    """

    code = "engine"


class OutOfMemory(EngineError):  # noqa: N818 - the usual term
    """The device is out of memory for the model, an image or a prompt.

    The predictor stays usable. The caller can drop embeddings on the device, call
    ``engine.runtime.device.release()`` and try again, or load the model on the CPU (``info.path``).
    """

    code = "engine.out_of_memory"


class TextsUnavailable(EngineError):  # noqa: N818 - a state of the installation
    """A model cannot be prompted with words, as a file it needs for that is not on this machine.

    Exemplars do without it.
    """

    code = "engine.no_texts"


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
    """Properties of a loaded model.

    Attributes:
        name: Registry name or file name ("mobile_sam.pt").
        title: Display name ("MobileSAM", "Flint").
        device: Device it actually runs on ("cuda:0", "mps", "cpu").
        device_title: Display name of the device ("NVIDIA H100", "CPU, 2 threads").
        precision: "fp32", "fp16" or "bf16", as actually used.
        layers: Number of layers, as Ultralytics' ``model.info()`` counts them.
        parameters: Number of parameters.
        gflops: GFLOPs for one image at the model's input size; None if unknown.
        memory_bytes: Size of the parameters and buffers, bytes.
        path: Path of the checkpoint, or "".
        sha256: Content hash of the checkpoint (first 16 hex digits), part of an embedding's key.
        note: Remark for the user on how it runs; "" for none.
        views: Whether ``Predictor.encode`` can encode a view of an image.
        family: ``families.Family.id`` of its network; "" for none.
        answers: Kinds of prompts it takes; empty for a detector.
        package: Package and version of a plug-in ("samdesk-blobs 1.0"); "": it is samdesk's own.
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
    package: str = ""

    @property
    def key(self) -> str:
        """The model's identity in its embeddings: name and content hash."""
        return f"{self.name}:{self.sha256}"


def check_image(image: RgbImage) -> RgbImage:
    """Returns the image if it is (H, W, 3) uint8 and not empty. Raises ``EngineError`` otherwise."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise EngineError(f"Expected an 8-bit RGB image, got {image.dtype} {image.shape}.")
    return image


@dataclass(frozen=True)
class Detection:
    """An object found by a detector.

    Attributes:
        x0: Left edge, image pixels.
        y0: Top edge.
        x1: Right edge.
        y1: Bottom edge.
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
    """A promptable segmentation model. Stateless between calls; used by one thread at a time."""

    @property
    def info(self) -> ModelInfo:
        """Properties of the model."""

    def encode(self, image: RgbImage, *, view: Frame | None = None, pause: Pause = no_pause) -> Embedding:
        """Runs the image encoder.

        Args:
            image: (H, W, 3) uint8 RGB.
            view: Square part of the image to encode, in whole image pixels and clipped to the image; None for
                the whole image. Ignored by a predictor that crops by itself: ``Embedding.frame`` is the part
                that was encoded.
            pause: See ``Pause``.

        Raises:
            EngineError: The model failed; ``OutOfMemory`` is one.
            Cancelled: Raised by ``pause``.
        """

    def predict(
        self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True
    ) -> list[MaskCandidate]:
        """Decodes one object: up to three candidates, best predicted IoU first, or one without multimask.

        The predictor chooses how many candidates it returns and the frame of each.

        Raises:
            EngineError: A prompt is no place in an image (NaN), or the model failed.
        """

    def predict_boxes(self, embedding: Embedding, boxes: FloatArray) -> list[MaskCandidate]:
        """Decodes (N, 4) xyxy boxes in image pixels: one candidate per box, in the same order."""

    def predict_points(self, embedding: Embedding, points: FloatArray) -> Iterator[list[MaskCandidate]]:
        """Decodes (N, 2) positive points in image pixels, each an object of its own, in their order.

        Lazily, in batches of the fastest size for the device: points not iterated over are not decoded.
        """


def predict_each_point(
    predictor: Predictor, embedding: Embedding, points: FloatArray
) -> Iterator[list[MaskCandidate]]:
    """``Predictor.predict_points`` for a predictor that decodes one object at a time."""
    for x, y in points:
        yield predictor.predict(embedding, PromptSet((PointPrompt(float(x), float(y)),)))


@runtime_checkable
class Storable(Protocol):
    """A predictor whose embeddings can be stored in the disk cache."""

    def to_arrays(self, embedding: Embedding) -> tuple[NDArray[np.float16], ...]:
        """Returns the encoder's output, without tensors derived from it, as C-contiguous arrays.

        Raises:
            EngineError: A value does not fit fp16.
        """

    def from_arrays(
        self, arrays: Sequence[NDArray[np.float16]], image_hw: tuple[int, int], frame: Frame
    ) -> Embedding:
        """Restores an embedding from ``to_arrays`` on the model's device.

        Raises:
            OutOfMemory: The device is out of memory.
            EngineError: The arrays are not an embedding of this model.
        """


@runtime_checkable
class Replicable(Protocol):
    """A predictor that can be used by several threads at once, each with a replica of its own."""

    def replica(self, threads: int) -> Predictor:
        """Returns a predictor with the same weights, which are shared where that is possible.

        Args:
            threads: How many threads a CPU computes one of its operations with, where the model and not the
                calling thread says so (``runtime.device.use_threads``).
        """


@runtime_checkable
class BoxEncoder(Protocol):
    """A predictor whose embeddings for boxes cost less than those for any prompt."""

    def encode_for_boxes(self, image: RgbImage, *, pause: Pause = no_pause) -> Embedding:
        """As ``Predictor.encode``; the embedding is for ``Predictor.predict_boxes``."""


class Detector(Protocol):
    """An object detector: boxes with class and confidence."""

    @property
    def info(self) -> ModelInfo:
        """Properties of the model."""

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
        """Detects the objects of each image, highest score first.

        Args:
            images: (H, W, 3) uint8 RGB each.
            conf: Minimum confidence.
            iou: IoU threshold of non-maximum suppression.
            imgsz: Input size, pixels.
            max_det: Maximum number of detections per image.
            classes: Class ids to keep; None for all.

        Raises:
            EngineError: The model failed.
        """


@dataclass(frozen=True)
class DetectedMask:
    """An object found by a detector that draws masks.

    Attributes:
        detection: Its box, class and confidence.
        region: Its mask, image pixels; empty where the network draws none.
        stability: IoU of the masks at two thresholds, 0..1.
    """

    detection: Detection
    region: Region
    stability: float


@runtime_checkable
class MaskDetector(Detector, Protocol):
    """A detector that draws masks of its own: a segmentation model."""

    def segment(
        self,
        images: Sequence[RgbImage],
        *,
        conf: float = 0.25,
        iou: float = 0.45,
        imgsz: int = 640,
        max_det: int = 300,
        classes: Sequence[int] | None = None,
    ) -> list[list[DetectedMask]]:
        """``detect`` with the masks: the same objects in the same order."""


@runtime_checkable
class ConceptPredictor(Protocol):
    """A model with an open vocabulary: it finds the objects of any concept.

    Prompted with concepts, it is a detector, so a run, its dialog and its undo need not know of them. A model
    that takes its concepts with each image (SAM 3) has its place here, too.
    """

    @property
    def info(self) -> ModelInfo:
        """Properties of the model."""

    def find(self, concepts: Sequence[Concept], *, pause: Pause = no_pause) -> MaskDetector:
        """Returns a detector of the concepts; its classes are their labels, in their order.

        Several prompts of a concept are one class, and what is found for one label does not depend on the
        others.

        Args:
            concepts: With at least one text or exemplar each; no two of one label.
            pause: See ``Pause``; called between two exemplars.

        Raises:
            TextsUnavailable: Texts need a file that is not on this machine.
            EngineError: A concept has no prompt, or an exemplar cannot be read.
            Cancelled: Raised by ``pause``.
        """
