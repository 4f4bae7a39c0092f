"""Flint's ``Predictor``: encodes an image once at low resolution, then crops of it at full resolution.

A single point is first decoded on the whole image (640 pixels). Its masks there are of several sizes: a
square crop of 1.5 times the size of each is encoded (320 pixels), and the best masks on these crops,
decoded once more with themselves as mask prompt, are the candidates. For a box, the crop around it is used
directly. A correction is decoded on the crop of the mask it corrects, whose embedding is cached.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from samdesk.base.cv import cv2
from samdesk.base.jobs import Pause, no_pause
from samdesk.domain.geometry.cells import LOGITS_SIDE
from samdesk.domain.geometry.contours import stability_score
from samdesk.domain.geometry.logits import bounds
from samdesk.domain.geometry.types import FloatArray, Frame, RgbImage
from samdesk.domain.prompts import BoxPrompt, MaskCandidate, MaskPrompt, PointPrompt, PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.engine.flint.candidates import (
    DUPLICATE_IOU,
    CropMask,
    bounds_around,
    distinct_crops,
    select_candidates,
)
from samdesk.engine.flint.crops import (
    CropPyramid,
    build_pyramid,
    can_reuse_crop,
    crop_around,
    crop_around_box,
    crop_around_mask,
    crop_image,
    square,
)
from samdesk.engine.flint.prompting import crop_prompts
from samdesk.engine.flint.runtime import FlintRuntime, Levels
from samdesk.engine.flint.specks import remove_specks
from samdesk.engine.prompt_check import check_coordinates, check_prompts
from samdesk.engine.protocols import EngineError, ModelInfo, check_image, predict_each_point

WHOLE_SIDE, CROP_SIDE = 640, 320
"""Input side for the whole image and for a crop, pixels."""
_STRIDE = 32
"""Coarsest stride of the encoder, pixels."""
_MAPS_STRIDE = 4
"""Stride of the coarse masks, pixels."""
_POINT_CROPS = 2
"""Number of crops for a single point."""
_CACHED_CROPS = 6
"""Number of crop embeddings cached with an image."""
_BATCH_SIZE = 8
_CROP_BYTES = 80 * 80 * 64 * 4 + 40 * 40 * 64 * 4 + 20 * 20 * 96 * 4 + 10 * 10 * 128 * 4


@dataclass(frozen=True, eq=False)
class FlintFeatures:
    """``Embedding.data`` of Flint.

    Attributes:
        pyramid: The image, for crops.
        whole: Embedding of the whole image; None: it was encoded for boxes, which do not need it.
        crops: Least-recently-used cache of crop embeddings; predictions do not depend on its content.
    """

    pyramid: CropPyramid
    whole: Levels | None
    crops: OrderedDict[Frame, Levels] = field(default_factory=OrderedDict, init=False)


class FlintPredictor:
    """A ``Predictor`` around Flint's networks. Used by one thread at a time."""

    def __init__(self, runtime: FlintRuntime, info: ModelInfo) -> None:
        self.runtime = runtime
        self._info = replace(info, views=False)  # each prompt is decoded on a crop of its own

    @property
    def info(self) -> ModelInfo:
        """Properties of the model."""
        return self._info

    @property
    def key(self) -> str:
        """The model's identity in its embeddings."""
        return self._info.key

    def encode(self, image: RgbImage, *, view: Frame | None = None, pause: Pause = no_pause) -> Embedding:
        """Encodes the whole of an (H, W, 3) uint8 RGB image; ``view`` is ignored.

        Raises:
            OutOfMemory: The device is out of memory.
            EngineError: The network failed, or the image is unsupported.
        """
        height, width = check_image(image).shape[:2]
        pyramid = build_pyramid(image)
        whole = self._encode_whole(pyramid, (height, width))
        nbytes = pyramid.nbytes + _CACHED_CROPS * _CROP_BYTES
        nbytes += sum(level.nbytes for level in whole)
        return self._embedding(FlintFeatures(pyramid, whole), (height, width), nbytes)

    def encode_for_boxes(self, image: RgbImage, *, pause: Pause = no_pause) -> Embedding:
        """See ``BoxEncoder``: boxes are decoded on crops only, so no network runs here."""
        height, width = check_image(image).shape[:2]
        pyramid = build_pyramid(image)
        return self._embedding(FlintFeatures(pyramid, None), (height, width), pyramid.nbytes)

    def replica(self, threads: int) -> FlintPredictor:
        """See ``Replicable``."""
        return FlintPredictor(self.runtime.replica(threads), self._info)

    def _encode_whole(self, pyramid: CropPyramid, image_hw: tuple[int, int]) -> Levels:
        frame = _square_around(image_hw)
        rows, columns = (max(_STRIDE, _round_up(n * WHOLE_SIDE / frame.side)) for n in image_hw)
        pixels = crop_image(pyramid, frame, WHOLE_SIDE)[:rows, :columns]
        with self.runtime.errors("Encoding the image"):
            return self.runtime.embed(pixels[None])

    def _embedding(self, features: FlintFeatures, image_hw: tuple[int, int], nbytes: int) -> Embedding:
        return Embedding(self.key, image_hw, _square_around(image_hw), features, nbytes)

    def predict(
        self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True
    ) -> list[MaskCandidate]:
        """Decodes one object: up to three candidates for a single point, best first, else one.

        An empty prompt set returns no candidates. Raises ``OutOfMemory`` and ``EngineError``.
        """
        check_prompts(prompts)
        features = self._features(embedding)
        prompts = _without_empty_mask(prompts)
        if not prompts:
            return []
        with self.runtime.errors("Decoding the mask"):
            if _is_single_point(prompts):
                masks = self._point_masks(embedding, features, prompts, _POINT_CROPS if multimask else 1)
                masks = masks[: None if multimask else 1]
                return [_candidate(m, embedding.image_hw, prompts.points) for m in masks]
            frame = self._crop_for(embedding, features, prompts)
            decoded = self._decode_crops(self._crop_embeddings(features, [frame]), [prompts], [frame])
        return [_candidate(decoded[0][0], embedding.image_hw, prompts.points)]

    def predict_boxes(self, embedding: Embedding, boxes: FloatArray) -> list[MaskCandidate]:
        """Decodes (N, 4) xyxy boxes in image pixels: one candidate per box, in the same order."""
        check_coordinates(boxes, "box")
        features = self._features(embedding)
        prompts = [PromptSet(box=BoxPrompt(*map(float, b))) for b in np.asarray(boxes).reshape(-1, 4)]
        found: list[MaskCandidate] = []
        for start in range(0, len(prompts), _BATCH_SIZE):
            batch = prompts[start : start + _BATCH_SIZE]
            frames = [crop_around_box(p) for p in batch]
            with self.runtime.errors("Decoding the masks"):
                decoded = self._decode_crops(self.runtime.embed(_crop_batch(features, frames)), batch, frames)
            found += [_candidate(masks[0], embedding.image_hw) for masks in decoded]
        return found

    def predict_points(self, embedding: Embedding, points: FloatArray) -> Iterator[list[MaskCandidate]]:
        """Decodes (N, 2) positive points in image pixels, one object each: up to three candidates each."""
        check_coordinates(points, "point")
        return predict_each_point(self, embedding, points)

    def _features(self, embedding: Embedding) -> FlintFeatures:
        if embedding.model != self.key or not isinstance(embedding.data, FlintFeatures):
            raise EngineError(
                f"This image was encoded by {embedding.model}, not by {self.key}. Encode it again."
            )
        return embedding.data

    # -- crops

    def _crop_for(self, embedding: Embedding, features: FlintFeatures, prompts: PromptSet) -> Frame:
        """Returns the crop to decode the prompts on."""
        if prompts.mask is not None and can_reuse_crop(prompts.mask.frame, embedding.frame, prompts):
            return prompts.mask.frame
        if prompts.mask is not None and (box := bounds(prompts.mask.logits, prompts.mask.frame)):
            return crop_around_mask(box, prompts)
        if prompts.box is not None:
            return crop_around_box(prompts)
        return self._coarse_crops(embedding, features, prompts)[0]

    def _point_masks(
        self, embedding: Embedding, features: FlintFeatures, prompts: PromptSet, crops: int
    ) -> list[CropMask]:
        """Returns the distinct masks for a single point, best first, from at most ``crops`` crops."""
        frames = distinct_crops(self._coarse_crops(embedding, features, prompts), crops)
        decoded = self._decode_crops(self._crop_embeddings(features, frames), [prompts] * len(frames), frames)
        selected = select_candidates([mask for masks in decoded for mask in masks])
        # Decoding again with the mask as prompt improves it, but then its predicted IoU is too optimistic.
        with_mask = [PromptSet(prompts.points, mask=MaskPrompt(m.logits, m.frame)) for m in selected]
        frames = [m.frame for m in selected]
        refined = self._decode_crops(self._crop_embeddings(features, frames), with_mask, frames)
        # Two masks may have become the same.
        rescored = [replace(masks[0], score=m.score) for masks, m in zip(refined, selected, strict=True)]
        return select_candidates(rescored, DUPLICATE_IOU)

    def _coarse_crops(self, embedding: Embedding, features: FlintFeatures, prompts: PromptSet) -> list[Frame]:
        """Returns crops around the masks that the points give on the whole image, best first."""
        points = PromptSet(prompts.points)
        whole = crop_prompts([points], [embedding.frame], WHOLE_SIDE)
        encoded = features.whole
        if encoded is None:
            encoded = self._encode_whole(features.pyramid, embedding.image_hw)
        logits, scores = self.runtime.decode(encoded, whole, fine=False)
        rows, columns = logits.shape[2:]
        # The input is cropped at the end of the image; its cells are those of the whole square.
        cell = embedding.frame.side / (WHOLE_SIDE // _MAPS_STRIDE)
        part = Frame(embedding.frame.x0, embedding.frame.y0, columns * cell, rows * cell)
        order = np.argsort(-scores[0], kind="stable") if _is_single_point(prompts) else [0]
        boxes = [bounds(logits[0, i], part) for i in order]
        fallback = bounds_around([(p.x, p.y) for p in prompts.points], embedding.frame.side / 16)
        return [crop_around_mask(b, prompts) for b in boxes if b is not None] or [crop_around(*fallback)]

    def _crop_embeddings(self, features: FlintFeatures, frames: Sequence[Frame]) -> Levels:
        """Returns the embeddings of crops, concatenated along the first axis, from the cache or computed."""
        new = [frame for frame in dict.fromkeys(frames) if frame not in features.crops]
        if new:
            levels = self.runtime.embed(_crop_batch(features, new))
            for row, frame in enumerate(new):
                features.crops[frame] = tuple(level[row : row + 1] for level in levels)
        for frame in frames:
            features.crops.move_to_end(frame)
        found = [features.crops[frame] for frame in frames]
        while len(features.crops) > _CACHED_CROPS:
            features.crops.popitem(last=False)
        return found[0] if len(found) == 1 else self.runtime.concatenate(found)

    def _decode_crops(
        self, embedding: Levels, prompts: Sequence[PromptSet], frames: Sequence[Frame]
    ) -> list[list[CropMask]]:
        """Returns all four masks of each object, each on its own crop."""
        logits, scores = self.runtime.decode(embedding, crop_prompts(prompts, frames, CROP_SIDE))
        return [
            [CropMask(mask, frame, float(score)) for mask, score in zip(*one, strict=True)]
            for frame, *one in zip(frames, logits, scores, strict=True)
        ]


def _without_empty_mask(prompts: PromptSet) -> PromptSet:
    """Drops the mask prompt if it is empty."""
    mask = prompts.mask
    if mask is None or bounds(mask.logits, mask.frame) is not None:
        return prompts
    return PromptSet(prompts.points, prompts.box)


def _is_single_point(prompts: PromptSet) -> bool:
    """Returns whether the prompt is one point and nothing else, which is ambiguous."""
    return prompts.box is None and prompts.mask is None and len(prompts.points) == 1


def _crop_batch(features: FlintFeatures, frames: Sequence[Frame]) -> NDArray[np.uint8]:
    """Returns the pixels of crops, (B, 320, 320, 3) uint8 RGB."""
    return np.stack([crop_image(features.pyramid, frame, CROP_SIDE) for frame in frames])


def _candidate(
    mask: CropMask, image_hw: tuple[int, int], points: Sequence[PointPrompt] = ()
) -> MaskCandidate:
    side = (LOGITS_SIDE, LOGITS_SIDE)
    grid = np.asarray(cv2.resize(mask.logits, side, interpolation=cv2.INTER_LINEAR), np.float32)
    stability = stability_score(grid)
    logits = remove_specks(grid, mask.frame, points)
    return MaskCandidate(logits, mask.frame, image_hw=image_hw, score=mask.score, stability=stability)


def _square_around(image_hw: tuple[int, int]) -> Frame:
    """The square that the encoder's input shows of an image: padded at its right or bottom."""
    return square(0.0, 0.0, float(max(image_hw)))


def _round_up(length: float) -> int:
    """Rounds up to a multiple of the encoder's coarsest stride."""
    return int(np.ceil(length / _STRIDE)) * _STRIDE
