"""Coloured blobs: an example of a detector and a mask model in a package of their own.

Install it with ``pip install ./samdesk-blobs``. Then ``samdesk doctor`` lists it, the window offers it in
Model > Choose model and in Auto-annotate, and ``samdesk annotate DATA --det-model blobs --sam-model
flood-fill`` uses it.

Both are OpenCV on the CPU. Models with a network look the same: load it in ``detector`` or ``predictor``, on
``device``, and keep its features in ``Embedding.data``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from samdesk.base.jobs import Pause, no_pause
from samdesk.domain.geometry.contours import stability_score
from samdesk.domain.geometry.types import BoolArray, FloatArray, Frame, RgbImage
from samdesk.domain.prompts import BoxPrompt, MaskCandidate, PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.engine.prompt_check import check_coordinates, check_prompts
from samdesk.engine.protocols import Detection, EngineError, ModelInfo, PromptKind, predict_each_point

_SIDE = 256
_LIKE = 24
"""How much a colour may differ from the one that was clicked, of 255."""


def detector(device: str, precision: str) -> BlobDetector:
    """The entry point of the group ``samdesk.detectors``."""
    return BlobDetector()


def predictor(device: str, precision: str) -> FloodFillPredictor:
    """The entry point of the group ``samdesk.predictors``."""
    return FloodFillPredictor()


class BlobDetector:
    """Finds what differs in colour from most of the image."""

    names = ("warm blob", "cold blob")
    info = ModelInfo("blobs", "Blobs", "cpu", "CPU", "fp32")

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
        """The score of a blob is how full its box is, times its contrast."""
        found = []
        for image in images:
            blobs = [blob for blob in _blobs(image, imgsz) if blob.score >= conf]
            blobs = [blob for blob in blobs if classes is None or blob.class_id in classes]
            found.append(sorted(blobs, key=lambda blob: -blob.score)[:max_det])
        return found


def _blobs(image: RgbImage, imgsz: int) -> Iterator[Detection]:
    height, width = image.shape[:2]
    scale = min(1.0, imgsz / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.medianBlur(cv2.resize(image, size, interpolation=cv2.INTER_AREA), 5).astype(np.int16)
    contrast = np.abs(small - np.median(small, axis=(0, 1))).max(axis=2)
    warm = small[..., 0] >= small[..., 2]
    for class_id, of_class in enumerate((warm, ~warm)):
        mask = ((contrast > _LIKE) & of_class).astype(np.uint8)
        count, _, boxes, _ = cv2.connectedComponentsWithStats(mask)
        for x, y, w, h, area in boxes[1:count].tolist():
            if area < 9:
                continue
            strongest = float(contrast[y : y + h, x : x + w].max()) / 255
            yield Detection(
                x * width / size[0],
                y * height / size[1],
                (x + w) * width / size[0],
                (y + h) * height / size[1],
                area / (w * h) * min(1.0, 2 * strongest),
                class_id,
            )


class FloodFillPredictor:
    """Fills from the clicked points as far as the colour is alike, within the box if there is one."""

    info = ModelInfo(
        "flood-fill",
        "Flood fill",
        "cpu",
        "CPU",
        "fp32",
        views=False,
        answers=frozenset({PromptKind.POINT, PromptKind.BOX}),
    )

    def encode(self, image: RgbImage, *, view: Frame | None = None, pause: Pause = no_pause) -> Embedding:
        """The image, softened. A network calls ``pause`` between its layers, so that clicks need not wait."""
        pause()
        height, width = image.shape[:2]
        soft = cv2.medianBlur(image, 3)
        frame = Frame(0.0, 0.0, float(max(height, width)))
        return Embedding(self.info.key, (height, width), frame, soft, soft.nbytes)

    def predict(
        self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True
    ) -> list[MaskCandidate]:
        """One candidate; three, from strict to generous, for a single point."""
        check_prompts(prompts)
        if embedding.model != self.info.key:
            raise EngineError(f"This image was encoded by {embedding.model}. Encode it again.")
        if not prompts:
            return []
        single = multimask and len(prompts.points) == 1 and prompts.box is None
        likes = (_LIKE, _LIKE // 2, 2 * _LIKE) if single else (_LIKE,)
        found = [self._candidate(embedding, prompts, like) for like in likes]
        return sorted(found, key=lambda one: -one.score)

    def predict_boxes(self, embedding: Embedding, boxes: FloatArray) -> list[MaskCandidate]:
        """One candidate a box."""
        check_coordinates(boxes, "box")
        prompts = [PromptSet(box=BoxPrompt(*map(float, box))) for box in boxes]
        return [self.predict(embedding, prompt, multimask=False)[0] for prompt in prompts]

    def predict_points(self, embedding: Embedding, points: FloatArray) -> Iterator[list[MaskCandidate]]:
        """Up to three candidates a point."""
        return predict_each_point(self, embedding, points)

    def _candidate(self, embedding: Embedding, prompts: PromptSet, like: int) -> MaskCandidate:
        mask = _filled(embedding.data, prompts, like)
        side = int(max(embedding.image_hw))
        padded = np.zeros((side, side), np.float32)
        padded[: mask.shape[0], : mask.shape[1]] = mask
        area = cv2.INTER_AREA if side > _SIDE else cv2.INTER_LINEAR
        logits = np.asarray(cv2.resize(padded, (_SIDE, _SIDE), interpolation=area) * 20 - 10, np.float32)
        stable = stability_score(logits)
        score = stable * (1 - like / 255)
        return MaskCandidate(
            logits, embedding.frame, image_hw=embedding.image_hw, score=score, stability=stable
        )


def _filled(image: RgbImage, prompts: PromptSet, like: int) -> BoolArray:
    """(H, W) bool."""
    height, width = image.shape[:2]
    mask = np.zeros((height, width), bool)
    for point in _seeds(prompts):
        x, y = int(point[0]), int(point[1])
        if 0 <= x < width and 0 <= y < height:
            filled = np.zeros((height + 2, width + 2), np.uint8)
            flags = 4 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | (1 << 8)
            cv2.floodFill(image.copy(), filled, (x, y), 0, (like,) * 3, (like,) * 3, flags)
            part = filled[1:-1, 1:-1] > 0
            mask = mask | part if point[2] else mask & ~part
    if prompts.box is not None:
        x0, y0, x1, y1 = (int(np.clip(v, 0, 1e6)) for v in prompts.box.xyxy)
        within = np.zeros_like(mask)
        within[y0 : y1 + 1, x0 : x1 + 1] = True
        mask &= within
    return mask


def _seeds(prompts: PromptSet) -> list[tuple[float, float, bool]]:
    """(x, y, positive), the positive ones first; the centre of the box if there is no positive point."""
    points = [(p.x, p.y, p.positive) for p in prompts.points]
    if prompts.box is not None and not any(p.positive for p in prompts.points):
        x0, y0, x1, y1 = prompts.box.xyxy
        points.append(((x0 + x1) / 2, (y0 + y1) / 2, True))
    return sorted(points, key=lambda point: not point[2])
