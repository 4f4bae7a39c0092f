"""The interactive predictor around any SAM network: explicit embeddings, many prompts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from samdesk.base.jobs import Pause, no_pause
from samdesk.domain.geometry.cells import shown
from samdesk.domain.geometry.types import FloatArray, Frame, RgbImage
from samdesk.domain.prompts import MaskCandidate, PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import EngineError, ModelInfo, OutOfMemory, checked_image
from samdesk.engine.runtime.device import errors_in_words
from samdesk.engine.sam.prompts import candidates, mask_on_frame, to_input

if TYPE_CHECKING:
    import torch

    from samdesk.engine.sam.decoder.decoder import Decoder, ImageSide

_OBJECTS_AT_ONCE = {"cuda": 32, "mps": 8}
_ON_CPU = 8
"""Their images are gone through one after the other: more at once only fill the memory."""


class NoNumbers(EngineError):  # noqa: N818 - named as what it is
    """The encoder's output is not finite in this precision."""


@dataclass(frozen=True, eq=False)
class PromptTensors:
    """Prompts of B objects, in pixels of the network's input square, float32, on the host.

    Attributes:
        count: B.
        points: (B, N, 2), or None.
        labels: (B, N): 1 positive, 0 negative; None with ``points``.
        boxes: (B, 4) xyxy, or None.
        masks: (B, 1, 256, 256) logits, or None.
    """

    count: int
    points: torch.Tensor | None = None
    labels: torch.Tensor | None = None
    boxes: torch.Tensor | None = None
    masks: torch.Tensor | None = None

    def together(self, boxes_first: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, S, 2) points and (B, S) labels: clicks, and boxes as two points each, labelled 2 and 3."""
        import torch

        parts = [(torch.empty((self.count, 0, 2)), torch.empty((self.count, 0)))]
        if self.points is not None and self.labels is not None:
            parts.append((self.points, self.labels))
        if self.boxes is not None:
            corners = self.boxes.reshape(-1, 2, 2), torch.tensor([[2.0, 3.0]]).expand(self.count, 2)
            parts.insert(0 if boxes_first else len(parts), corners)
        return torch.cat([xy for xy, _ in parts], 1), torch.cat([labels for _, labels in parts], 1)


def with_none(points: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """One more point, which is none (label -1)."""
    from torch.nn.functional import pad

    return pad(points, (0, 0, 0, 1)), pad(labels, (0, 1), value=-1.0)


class SamNetwork(Protocol):
    """What differs between SAM 1 and SAM 2."""

    most_logit: float | None
    """Logits are cut off at this; None: they are not."""

    @property
    def decoder(self) -> Decoder:
        """Its prompt encoder and mask decoder."""

    def frame(self, image_hw: tuple[int, int]) -> Frame:
        """What the network looks at, in image pixels."""

    def scale(self, image_hw: tuple[int, int]) -> tuple[float, float]:
        """Input pixels an image pixel, across and down."""

    def preprocess(self, image: RgbImage) -> torch.Tensor:
        """(1, 3, 1024, 1024) float32 on the CPU."""

    def encode(self, pixels: torch.Tensor, image_hw: tuple[int, int], pause: Pause) -> ImageSide:
        """What ``preprocess`` made of an image of this height and width, encoded."""

    def points(self, prompts: PromptTensors) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, S, 2) points and (B, S) labels as the decoder takes them; S is 0 for a mask alone."""


class SamPredictor:
    """A ``Predictor`` that answers as Meta's predictors do for equal weights and prompts.

    ``Embedding.data`` is a ``decoder.ImageSide``. Its tensors may lie on any device and in any float type:
    they are brought to the network's for a prompt, so a cache is free to keep them elsewhere.

    Args:
        network: Encoder and decoder.
        info: What is true of it.
        kind: The name of its ``architectures.SamArchitecture``; "" for none.
    """

    def __init__(self, network: SamNetwork, info: ModelInfo, kind: str = "") -> None:
        from samdesk.engine.sam.decoder.cuda_graphs import runner_for

        self.network = network
        self.kind = kind
        self._info = info
        self._run = runner_for(network.decoder)

    @property
    def info(self) -> ModelInfo:
        """What is true of this model; GFLOPs only in ``families.describe``."""
        return self._info

    @property
    def key(self) -> str:
        """What its embeddings are marked with."""
        return self._info.key

    @property
    def at_once(self) -> int:
        """How many objects are decoded together."""
        return _OBJECTS_AT_ONCE.get(self._info.device.split(":")[0], _ON_CPU)

    def encode(self, image: RgbImage, *, view: Frame | None = None, pause: Pause = no_pause) -> Embedding:
        """Runs the image encoder on an (H, W, 3) uint8 RGB photo, or on a part of it at full resolution.

        Raises:
            OutOfMemory: The device is full.
            EngineError: The network failed, or its output is no number in this precision.
        """
        height, width = checked_image(image).shape[:2]
        seen = image if view is None else cut_out(image, view)
        pixels = self.network.preprocess(seen)
        pause()
        return self.encode_pixels(pixels, (height, width), view, pause)

    def encode_pixels(
        self,
        pixels: torch.Tensor,
        image_hw: tuple[int, int],
        view: Frame | None = None,
        pause: Pause = no_pause,
    ) -> Embedding:
        """Runs the image encoder on ``network.preprocess``'s tensor of an image or of a view of it."""
        import torch

        seen_hw = _seen_hw(image_hw, view)
        with torch.inference_mode(), errors_in_words("Encoding the image", self._info.device):
            side = self.network.encode(pixels.to(self._info.device), seen_hw, pause)
            finite = all(bool(torch.isfinite(x).all()) for x in side.primary)
        if not finite:
            raise NoNumbers(
                f"{self._info.title} gave no usable numbers in {self._info.precision} "
                f"on {self._info.device}. Choose precision fp32 (or bf16)."
            )
        frame = self.network.frame(seen_hw)
        if view is not None:
            frame = replace(frame, x0=view.x0, y0=view.y0)
        return Embedding(self.key, image_hw, frame, side, side.nbytes)

    def to_arrays(self, embedding: Embedding) -> tuple[NDArray[np.float16], ...]:
        """The features in fp16, in the host's memory; ``EngineError`` if they do not fit."""
        import torch

        with torch.inference_mode(), errors_in_words("Keeping the encoded image", self._info.device):
            halves = [feature.half() for feature in embedding.data.primary]
            if not all(bool(torch.isfinite(half).all()) for half in halves):
                raise EngineError(f"What {self._info.title} says of this image does not fit fp16.")
            return tuple(np.ascontiguousarray(half.cpu().numpy()) for half in halves)

    def from_arrays(
        self, arrays: Sequence[NDArray[np.float16]], image_hw: tuple[int, int], frame: Frame
    ) -> Embedding:
        """The embedding of ``to_arrays``, on the model's device. Raises ``OutOfMemory``, ``EngineError``."""
        import torch

        with torch.inference_mode(), errors_in_words("Fetching the encoded image", self._info.device):
            primary = [torch.from_numpy(a).to(self._info.device) for a in arrays]
            side = self.network.decoder.from_primary(primary)
        return Embedding(self.key, image_hw, frame, side, side.nbytes)

    def predict(
        self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True
    ) -> list[MaskCandidate]:
        """Decodes one object: three candidates, best predicted IoU first, or one without multimask.

        No prompt, no candidates. Raises ``OutOfMemory`` and ``EngineError``.
        """
        if not prompts:
            return []
        logits, scores = self.raw(embedding, prompts, multimask)
        order = np.argsort(-scores, kind="stable")
        return candidates(logits[order], scores[order], embedding.frame, embedding.image_hw)

    def raw(
        self, embedding: Embedding, prompts: PromptSet, multimask: bool = True
    ) -> tuple[FloatArray, FloatArray]:
        """(N, 256, 256) float32 logits and (N,) predicted IoUs in the network's own order."""
        logits, scores = self._decode(embedding, self._tensors(embedding, prompts), multimask)
        return logits[0], scores[0]

    def predict_boxes(self, embedding: Embedding, boxes: FloatArray) -> list[MaskCandidate]:
        """Decodes (N, 4) xyxy boxes in image pixels: one candidate a box, in the boxes' order."""
        corners = self._to_input(embedding, boxes).reshape(-1, 4)
        found: list[MaskCandidate] = []
        at_once = self.at_once
        while len(found) < len(corners):
            chunk = corners[len(found) : len(found) + at_once]
            try:
                tensors = PromptTensors(len(chunk), boxes=self._tensor(chunk))
                logits, scores = self._decode(embedding, tensors, False)
            except OutOfMemory:
                if at_once == 1:
                    raise
                at_once = max(1, at_once // 2)
                continue
            found += candidates(logits[:, 0], scores[:, 0], embedding.frame, embedding.image_hw)
        return found

    def predict_points(self, embedding: Embedding, points: FloatArray) -> Iterator[list[MaskCandidate]]:
        """Decodes (N, 2) single positive points, each an object of its own: three candidates each."""
        xy = self._to_input(embedding, points)
        at_once = self.at_once
        for start in range(0, len(xy), at_once):
            chunk = self._tensor(xy[start : start + at_once, None, :])
            labels = self._tensor(np.ones(chunk.shape[:2], np.float32))
            prompts = PromptTensors(len(chunk), points=chunk, labels=labels)
            for logits, scores in zip(*self._decode(embedding, prompts, True), strict=True):
                yield candidates(logits, scores, embedding.frame, embedding.image_hw)

    def _tensors(self, embedding: Embedding, prompts: PromptSet) -> PromptTensors:
        points = labels = boxes = masks = None
        if prompts.points:
            points = self._tensor(self._to_input(embedding, [(p.x, p.y) for p in prompts.points])[None])
            labels = self._tensor(np.array([[p.positive for p in prompts.points]]))
        if prompts.box is not None:
            boxes = self._tensor(self._to_input(embedding, prompts.box.xyxy).reshape(1, 4))
        if prompts.mask is not None:
            masks = self._tensor(
                mask_on_frame(prompts.mask, embedding.frame, image_hw=embedding.image_hw)[None, None]
            )
        return PromptTensors(1, points, labels, boxes, masks)

    def _to_input(self, embedding: Embedding, xy: ArrayLike) -> FloatArray:
        """Any array of (x, y) pairs in image pixels to (N, 2) input pixels."""
        pairs = np.asarray(xy, np.float64).reshape(-1, 2)
        return to_input(
            pairs, embedding.frame, self.network.scale(_seen_hw(embedding.image_hw, embedding.frame))
        )

    @staticmethod
    def _tensor(array: NDArray[Any]) -> torch.Tensor:
        import torch

        return torch.from_numpy(np.ascontiguousarray(array, np.float32))

    def _decode(
        self, embedding: Embedding, prompts: PromptTensors, multimask: bool
    ) -> tuple[FloatArray, FloatArray]:
        import torch

        from samdesk.engine.sam.decoder.cuda_graphs import Prompted

        if embedding.model != self.key:
            raise EngineError(
                f"This image was encoded by {embedding.model}, not by {self.key}. Encode it again."
            )
        with torch.inference_mode(), errors_in_words("Decoding the mask", self._info.device):
            points, labels = self.network.points(prompts)
            asked = Prompted(points, labels, prompts.masks, multimask)
            logits, scores = (x.numpy() for x in self._run(embedding.data, asked))
        most = self.network.most_logit
        return (logits if most is None else logits.clip(-most, most)), scores


def cut_out(image: RgbImage, view: Frame) -> RgbImage:
    """The part of an image that a view shows. Raises ``EngineError`` if it shows none."""
    height, width = _seen_hw((image.shape[0], image.shape[1]), view)
    if height < 1 or width < 1 or view.x0 < 0 or view.y0 < 0:
        raise EngineError(f"The image of {image.shape[1]} x {image.shape[0]} pixels has no part at {view}.")
    top, left = int(view.y0), int(view.x0)
    return image[top : top + height, left : left + width]


def _seen_hw(image_hw: tuple[int, int], frame: Frame | None) -> tuple[int, int]:
    """Height and width of the part of an image inside a frame of whole pixels."""
    if frame is None:
        return image_hw
    height, width = shown(frame, image_hw)
    return int(height), int(width)
