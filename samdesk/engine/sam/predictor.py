"""SAM predictor for interactive use: image embeddings are explicit values, decoded for many prompts."""

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
from samdesk.engine.prompt_check import check_coordinates, check_prompts
from samdesk.engine.protocols import EngineError, ModelInfo, OutOfMemory, check_image
from samdesk.engine.runtime.device import translate_torch_errors
from samdesk.engine.sam.prompts import candidates, mask_on_frame, to_input

if TYPE_CHECKING:
    import torch

    from samdesk.engine.sam.decoder.decoder import Decoder, ImageFeatures

_BATCH_SIZE = {"cuda": 32, "mps": 8}
_CPU_BATCH_SIZE = 8
"""A CPU decodes one object after another: larger batches only take more memory."""


class NonFiniteEmbedding(EngineError):  # noqa: N818 - the usual term
    """The image encoder's output contains NaN or infinity in this precision."""


@dataclass(frozen=True, eq=False)
class PromptTensors:
    """Prompts of B objects as float32 tensors on the host, in pixels of the network's 1024 x 1024 input.

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

    def as_points(self, boxes_first: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns (B, S, 2) points and (B, S) labels, each box as two corner points labelled 2 and 3."""
        import torch

        parts = [(torch.empty((self.count, 0, 2)), torch.empty((self.count, 0)))]
        if self.points is not None and self.labels is not None:
            parts.append((self.points, self.labels))
        if self.boxes is not None:
            corners = self.boxes.reshape(-1, 2, 2), torch.tensor([[2.0, 3.0]]).expand(self.count, 2)
            parts.insert(0 if boxes_first else len(parts), corners)
        return torch.cat([xy for xy, _ in parts], 1), torch.cat([labels for _, labels in parts], 1)


def append_padding_point(points: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Appends a padding point (label -1) to the points of each object."""
    from torch.nn.functional import pad

    return pad(points, (0, 0, 0, 1)), pad(labels, (0, 1), value=-1.0)


class SamNetwork(Protocol):
    """A SAM network with its preprocessing: what differs between SAM 1 and SAM 2."""

    max_logit: float | None
    """Mask logits are clamped to plus and minus this; None: they are not."""

    @property
    def decoder(self) -> Decoder:
        """Prompt encoder and mask decoder."""

    def frame(self, image_hw: tuple[int, int]) -> Frame:
        """Returns the part of the image plane that the network's square input covers, in image pixels."""

    def scale(self, image_hw: tuple[int, int]) -> tuple[float, float]:
        """Returns input pixels per image pixel, horizontally and vertically."""

    def preprocess(self, image: RgbImage, device: str = "cpu") -> torch.Tensor:
        """Returns the network's input, (1, 3, 1024, 1024) float32 on the device."""

    def encode(self, pixels: torch.Tensor, image_hw: tuple[int, int], pause: Pause) -> ImageFeatures:
        """Encodes the output of ``preprocess`` for an image of this height and width."""

    def points(self, prompts: PromptTensors) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns (B, S, 2) points and (B, S) labels for the decoder; S is 0 for a mask prompt alone."""


class SamPredictor:
    """A ``Predictor`` for SAM; matches Meta's predictors for equal weights and prompts.

    ``Embedding.data`` is a ``decoder.ImageFeatures``. Its tensors may be on any device and of any float
    dtype, so a cache can keep them elsewhere: they are converted when a prompt is decoded.

    Args:
        network: Encoder and decoder.
        info: Properties of the model.
        kind: Name of its ``architectures.SamArchitecture``; "" for none.
    """

    def __init__(self, network: SamNetwork, info: ModelInfo, kind: str = "") -> None:
        from samdesk.engine.sam.decoder.cuda_graphs import runner_for

        self.network = network
        self.kind = kind
        self._info = info
        self._run_decoder = runner_for(network.decoder)

    @property
    def info(self) -> ModelInfo:
        """Properties of the model; GFLOPs are only counted by ``families.describe``."""
        return self._info

    @property
    def key(self) -> str:
        """The model's identity in its embeddings."""
        return self._info.key

    def replica(self, threads: int) -> SamPredictor:
        """See ``Replicable``: the network is shared, as nothing in it changes; the decoder's buffers not."""
        return SamPredictor(self.network, self._info, self.kind)

    @property
    def batch_size(self) -> int:
        """Number of objects decoded at once."""
        return _BATCH_SIZE.get(self._info.device.split(":")[0], _CPU_BATCH_SIZE)

    def encode(self, image: RgbImage, *, view: Frame | None = None, pause: Pause = no_pause) -> Embedding:
        """Runs the image encoder on an (H, W, 3) uint8 RGB image, or on a view of it at full resolution.

        Raises:
            OutOfMemory: The device is out of memory.
            EngineError: The network failed, or its output is not finite in this precision.
            Cancelled: Raised by ``pause``.
        """
        height, width = check_image(image).shape[:2]
        part = image if view is None else crop_to_view(image, view)
        with translate_torch_errors("Encoding the image", self._info.device):
            pixels = self.network.preprocess(part, self._info.device)
        pause()
        return self.encode_pixels(pixels, (height, width), view, pause)

    def encode_pixels(
        self,
        pixels: torch.Tensor,
        image_hw: tuple[int, int],
        view: Frame | None = None,
        pause: Pause = no_pause,
    ) -> Embedding:
        """Runs the image encoder on the output of ``network.preprocess`` for an image or a view of it."""
        import torch

        view_hw = _view_hw(image_hw, view)
        with torch.inference_mode(), translate_torch_errors("Encoding the image", self._info.device):
            features = self.network.encode(pixels.to(self._info.device), view_hw, pause)
            finite = all(bool(torch.isfinite(x).all()) for x in features.encoder_output)
        if not finite:
            raise NonFiniteEmbedding(
                f"{self._info.title} produced NaN or infinite values in {self._info.precision} "
                f"on {self._info.device}. Choose precision fp32 (or bf16)."
            )
        frame = self.network.frame(view_hw)
        if view is not None:
            frame = replace(frame, x0=view.x0, y0=view.y0)
        return Embedding(self.key, image_hw, frame, features, features.nbytes)

    def to_arrays(self, embedding: Embedding) -> tuple[NDArray[np.float16], ...]:
        """Converts the encoder's output to fp16 arrays in host memory. Raises ``EngineError`` on overflow."""
        import torch

        with torch.inference_mode(), translate_torch_errors("Storing the encoded image", self._info.device):
            halves = [feature.half() for feature in embedding.data.encoder_output]
            if not all(bool(torch.isfinite(half).all()) for half in halves):
                raise EngineError(f"{self._info.title}'s embedding of this image does not fit fp16.")
            return tuple(np.ascontiguousarray(half.cpu().numpy()) for half in halves)

    def from_arrays(
        self, arrays: Sequence[NDArray[np.float16]], image_hw: tuple[int, int], frame: Frame
    ) -> Embedding:
        """Restores an embedding from ``to_arrays``, on the model's device.

        Raises:
            OutOfMemory: The device is out of memory.
            EngineError: The arrays are not an embedding of this model.
        """
        import torch

        with torch.inference_mode(), translate_torch_errors("Loading the encoded image", self._info.device):
            tensors = [torch.from_numpy(a).to(self._info.device) for a in arrays]
            features = self.network.decoder.from_encoder_output(tensors)
        return Embedding(self.key, image_hw, frame, features, features.nbytes)

    def predict(
        self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True
    ) -> list[MaskCandidate]:
        """Decodes one object: three candidates, best predicted IoU first, or one without multimask.

        An empty prompt set returns no candidates. Raises ``OutOfMemory`` and ``EngineError``.
        """
        if not prompts:
            return []
        check_prompts(prompts)
        logits, scores = self.raw(embedding, prompts, multimask)
        order = np.argsort(-scores, kind="stable")
        return candidates(logits[order], scores[order], embedding.frame, embedding.image_hw)

    def raw(
        self, embedding: Embedding, prompts: PromptSet, multimask: bool = True
    ) -> tuple[FloatArray, FloatArray]:
        """Decodes one object: (N, 256, 256) float32 logits, (N,) predicted IoUs, in the network's order."""
        logits, scores = self._decode(embedding, self._tensors(embedding, prompts), multimask)
        return logits[0], scores[0]

    def predict_boxes(self, embedding: Embedding, boxes: FloatArray) -> list[MaskCandidate]:
        """Decodes (N, 4) xyxy boxes in image pixels: one candidate per box, in the same order."""
        check_coordinates(boxes, "box")
        corners = self._to_input(embedding, boxes).reshape(-1, 4)
        found: list[MaskCandidate] = []
        batch_size = self.batch_size
        while len(found) < len(corners):
            chunk = corners[len(found) : len(found) + batch_size]
            try:
                tensors = PromptTensors(len(chunk), boxes=self._tensor(chunk))
                logits, scores = self._decode(embedding, tensors, False)
            except OutOfMemory:
                if batch_size == 1:
                    raise
                batch_size = max(1, batch_size // 2)
                continue
            found += candidates(logits[:, 0], scores[:, 0], embedding.frame, embedding.image_hw)
        return found

    def predict_points(self, embedding: Embedding, points: FloatArray) -> Iterator[list[MaskCandidate]]:
        """Decodes (N, 2) positive points in image pixels, one object each: three candidates per point."""
        check_coordinates(points, "point")
        xy = self._to_input(embedding, points)
        batch_size = self.batch_size
        for start in range(0, len(xy), batch_size):
            chunk = self._tensor(xy[start : start + batch_size, None, :])
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
        """Maps an array of (x, y) pairs in image pixels to (N, 2) input pixels."""
        pairs = np.asarray(xy, np.float64).reshape(-1, 2)
        return to_input(
            pairs, embedding.frame, self.network.scale(_view_hw(embedding.image_hw, embedding.frame))
        )

    @staticmethod
    def _tensor(array: NDArray[Any]) -> torch.Tensor:
        import torch

        return torch.from_numpy(np.ascontiguousarray(array, np.float32))

    def _decode(
        self, embedding: Embedding, prompts: PromptTensors, multimask: bool
    ) -> tuple[FloatArray, FloatArray]:
        import torch

        from samdesk.engine.sam.decoder.cuda_graphs import DecoderInputs

        if embedding.model != self.key:
            raise EngineError(
                f"This image was encoded by {embedding.model}, not by {self.key}. Encode it again."
            )
        with torch.inference_mode(), translate_torch_errors("Decoding the mask", self._info.device):
            points, labels = self.network.points(prompts)
            inputs = DecoderInputs(points, labels, prompts.masks, multimask)
            logits, scores = (x.numpy() for x in self._run_decoder(embedding.data, inputs))
        limit = self.network.max_logit
        return (logits if limit is None else logits.clip(-limit, limit)), scores


def crop_to_view(image: RgbImage, view: Frame) -> RgbImage:
    """Returns the part of an image inside a view. Raises ``EngineError`` if the view is outside the image."""
    height, width = _view_hw((image.shape[0], image.shape[1]), view)
    if height < 1 or width < 1 or view.x0 < 0 or view.y0 < 0:
        raise EngineError(f"{view} is outside the image of {image.shape[1]} x {image.shape[0]} pixels.")
    top, left = int(view.y0), int(view.x0)
    return image[top : top + height, left : left + width]


def _view_hw(image_hw: tuple[int, int], frame: Frame | None) -> tuple[int, int]:
    """Returns height and width of the part of an image inside a frame of whole pixels."""
    if frame is None:
        return image_hw
    height, width = shown(frame, image_hw)
    return int(height), int(width)
