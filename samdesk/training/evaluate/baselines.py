"""Baselines that a network has to beat: the box itself as the mask, and OpenCV's GrabCut.

C. Rother, V. Kolmogorov, A. Blake: "GrabCut", SIGGRAPH 2004.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from samdesk.base.cv import cv2
from samdesk.base.jobs import Pause, no_pause
from samdesk.domain.geometry.cells import LOGITS_SIDE
from samdesk.domain.geometry.contours import stability_score
from samdesk.domain.geometry.types import BoolArray, FloatArray, Frame, RgbImage
from samdesk.domain.prompts import BoxPrompt, MaskCandidate, PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.engine.models.load import load_predictor
from samdesk.engine.prompt_check import check_prompts
from samdesk.engine.protocols import ModelInfo, Predictor, predict_each_point

_POINT_BOX = 0.1
"""Half the side of the square that replaces a single point, as a fraction of the image's longest side."""
_MAX_SIDE = 320
"""Longest side of the image that GrabCut works on, pixels."""


def load_model_or_baseline(name: str) -> Predictor:
    """Loads a predictor by name or path, or a baseline: "box" or "grabcut". Raises ``EngineError``."""
    if name in ("box", "grabcut"):
        return Baseline(cut=name == "grabcut")
    return load_predictor(name)


class Baseline:
    """A predictor without a network: fills the box, or runs GrabCut in it.

    A point is replaced by a square around it; GrabCut also takes points as certain foreground or background.
    """

    def __init__(self, cut: bool) -> None:
        self._cut = cut
        self._info = ModelInfo("grabcut" if cut else "box", "GrabCut" if cut else "Box", "cpu", "CPU", "-")

    @property
    def info(self) -> ModelInfo:
        """Name, title and device."""
        return self._info

    def encode(self, image: RgbImage, *, view: Frame | None = None, pause: Pause = no_pause) -> Embedding:
        """Returns an embedding that holds the image."""
        height, width = image.shape[:2]
        frame = Frame(0.0, 0.0, float(width), float(height))
        return Embedding(self._info.name, (height, width), frame, image, image.nbytes)

    def predict(
        self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True
    ) -> list[MaskCandidate]:
        """Returns one candidate."""
        check_prompts(prompts)
        x0, y0, x1, y1 = _box(embedding, prompts)
        height, width = embedding.image_hw
        across, down = (np.arange(n) + 0.5 for n in (width, height))
        inside = ((down >= y0) & (down < y1))[:, None] & ((across >= x0) & (across < x1))[None]
        mask = _grabcut(embedding.data, inside, prompts) if self._cut else inside
        soft = cv2.resize(mask.astype(np.float32), (LOGITS_SIDE, LOGITS_SIDE), interpolation=cv2.INTER_AREA)
        logits = np.asarray(soft * 20 - 10, np.float32)
        return [
            MaskCandidate(
                logits,
                embedding.frame,
                image_hw=embedding.image_hw,
                score=0.5,
                stability=stability_score(logits),
            )
        ]

    def predict_boxes(self, embedding: Embedding, boxes: FloatArray) -> list[MaskCandidate]:
        """Returns one candidate per box."""
        return [self.predict(embedding, PromptSet(box=BoxPrompt(*map(float, b))))[0] for b in boxes]

    def predict_points(self, embedding: Embedding, points: FloatArray) -> Iterator[list[MaskCandidate]]:
        """Yields one candidate per point."""
        return predict_each_point(self, embedding, points)


def _box(embedding: Embedding, prompts: PromptSet) -> tuple[float, float, float, float]:
    if prompts.box is not None:
        return prompts.box.xyxy
    half = _POINT_BOX * max(embedding.image_hw)
    xs = [p.x for p in prompts.points if p.positive]
    ys = [p.y for p in prompts.points if p.positive]
    return min(xs) - half, min(ys) - half, max(xs) + half, max(ys) + half


def _grabcut(image: RgbImage, inside: BoolArray, prompts: PromptSet) -> BoolArray:
    """(H, W) bool: GrabCut's mask, with everything outside the box as background."""
    scale = min(1.0, _MAX_SIDE / max(image.shape[:2]))
    size = (max(2, round(image.shape[1] * scale)), max(2, round(image.shape[0] * scale)))
    small = np.ascontiguousarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA)[..., ::-1])
    within = cv2.resize(inside.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    labels = np.where(within > 0, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    for point in prompts.points:
        at = (int(point.x * scale), int(point.y * scale))
        cv2.circle(labels, at, 2, cv2.GC_FGD if point.positive else cv2.GC_BGD, -1)
    if (labels & 1).any() and not (labels & 1).all():
        cv2.setRNGSeed(0)  # its colour models start at random
        cv2.grabCut(
            small, labels, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK
        )
    full = cv2.resize((labels & 1).astype(np.float32), inside.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(full > 0.5)
