"""The engine in the box: OpenCV's GrabCut behind the ``Predictor`` protocol.

It needs no weights and no network. It knows colours and edges only: a box or a few clicks around a
distinct object give a fair start, a busy scene does not, and its scores say so.

C. Rother, V. Kolmogorov, A. Blake: "GrabCut", SIGGRAPH 2004.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samdesk.domain.contours import stability_score
from samdesk.domain.cv import cv2
from samdesk.domain.geometry import BoolArray, FloatArray, Frame, RgbImage
from samdesk.domain.prompts import BoxPrompt, MaskCandidate, PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import EngineError, ModelInfo

_KEPT_SIDE = 512
"""Longest side of the copy an embedding keeps, pixels."""
_WORK_SIDE = 128
"""Longest side of the window GrabCut works on, pixels."""
_GRID = 256
_SCALES = (0.1, 0.25, 0.05)
"""Radius of the object around a click, as a share of the longest side; the first is the likeliest."""
_INFO = ModelInfo("grabcut", "Classic (GrabCut)", "cpu", "CPU", "-")
_BG, _FG, _MAYBE_BG, _MAYBE_FG = cv2.GC_BGD, cv2.GC_FGD, cv2.GC_PR_BGD, cv2.GC_PR_FGD
_Trimap = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class _Copy:
    """A photo made small: its pixels and how many of them an image pixel is."""

    pixels: RgbImage
    scale: float


class GrabCutPredictor:
    """A ``Predictor`` without a network. Any prompt gets an answer; an empty one gets none."""

    @property
    def info(self) -> ModelInfo:
        """What is true of it."""
        return _INFO

    def encode(self, image: RgbImage) -> Embedding:
        """Keeps a small copy of an (H, W, 3) uint8 RGB photo."""
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise EngineError(f"Expected an RGB image of 8 bits, got {image.dtype} {image.shape}.")
        height, width = image.shape[:2]
        scale = min(1.0, _KEPT_SIDE / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        pixels = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        frame = Frame(0.0, 0.0, float(max(height, width)))
        return Embedding(_INFO.name, (height, width), frame, _Copy(pixels, scale), pixels.nbytes)

    def predict(
        self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True
    ) -> list[MaskCandidate]:
        """One object: up to three candidates, best score first, or one without multimask."""
        copy = self._copy(embedding)
        if not prompts:
            return []
        trimaps = _trimaps(copy, embedding, prompts)
        found = [_candidate(copy, embedding, trimap, prompts) for trimap in trimaps[: 3 if multimask else 1]]
        return sorted(found, key=lambda c: -c.score)

    def predict_boxes(self, embedding: Embedding, boxes: FloatArray) -> list[MaskCandidate]:
        """(N, 4) xyxy boxes in image pixels: one candidate a box, in the boxes' order."""
        prompts = [PromptSet(box=BoxPrompt(*map(float, box))) for box in np.asarray(boxes).reshape(-1, 4)]
        return [self.predict(embedding, prompt, multimask=False)[0] for prompt in prompts]

    def _copy(self, embedding: Embedding) -> _Copy:
        if embedding.model != _INFO.name or not isinstance(embedding.data, _Copy):
            raise EngineError(f"This image was encoded by {embedding.model}, not by {_INFO.title}.")
        return embedding.data


def _trimaps(copy: _Copy, embedding: Embedding, prompts: PromptSet) -> list[_Trimap]:
    """What is surely, maybe and surely not the object, (h, w) of the copy: the likeliest reading first."""
    shape = copy.pixels.shape[:2]
    if prompts.mask is not None:
        near = _resampled(prompts.mask.logits, prompts.mask.frame, copy) > 0
        maps = [_around_mask(near)] if near.any() else [np.full(shape, _MAYBE_BG, np.uint8)]
    elif prompts.box is not None:
        maps = [_inside_box(shape, prompts.box, copy.scale)]
    else:
        positive = [(p.x * copy.scale, p.y * copy.scale) for p in prompts.points if p.positive]
        maps = [_around_points(shape, positive, scale * max(shape)) for scale in _SCALES]
    for trimap in maps:
        _mark_points(trimap, prompts, copy.scale)
    return maps


def _inside_box(shape: tuple[int, ...], box: BoxPrompt, scale: float) -> _Trimap:
    trimap = np.full(shape, _BG, np.uint8)
    x0, x1 = sorted((box.x0 * scale, box.x1 * scale))
    y0, y1 = sorted((box.y0 * scale, box.y1 * scale))
    left, top = _clamped(x0, shape[1] - 1), _clamped(y0, shape[0] - 1)
    right, bottom = max(left + 1, round(min(x1, shape[1]))), max(top + 1, round(min(y1, shape[0])))
    trimap[top:bottom, left:right] = _MAYBE_BG
    inside = np.zeros(shape, np.uint8)
    # Objects fill the middle of their box and leave its corners.
    for share, value in ((0.46, _MAYBE_FG), (0.26, _FG)):
        centre = (round((left + right - 1) / 2), round((top + bottom - 1) / 2))
        axes = (max(1, round((right - left) * share)), max(1, round((bottom - top) * share)))
        cv2.ellipse(inside, centre, axes, 0, 0, 360, value, -1)
    within = (inside > 0) & (trimap != _BG)
    trimap[within] = inside[within]
    return trimap


def _around_points(shape: tuple[int, ...], points: list[tuple[float, float]], radius: float) -> _Trimap:
    trimap = np.full(shape, _BG if points else _MAYBE_BG, np.uint8)
    for reach, value in ((2.5, _MAYBE_BG), (1.0, _MAYBE_FG)):
        for x, y in points:
            cv2.circle(trimap, (_pixel(x), _pixel(y)), max(2, round(radius * reach)), value, -1)
    return trimap


def _around_mask(near: BoolArray) -> _Trimap:
    reach = max(3, round(0.1 * float(np.sqrt(near.sum()))))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    mask = near.astype(np.uint8)
    trimap = np.full(near.shape, _BG, np.uint8)
    trimap[cv2.dilate(mask, kernel) > 0] = _MAYBE_BG
    trimap[near] = _MAYBE_FG
    trimap[cv2.erode(mask, kernel) > 0] = _FG
    return trimap


def _mark_points(trimap: _Trimap, prompts: PromptSet, scale: float) -> None:
    dot = max(2, round(0.008 * max(trimap.shape)))
    for point in sorted(prompts.points, key=lambda p: p.positive):
        at = (_pixel(point.x * scale), _pixel(point.y * scale))
        cv2.circle(trimap, at, dot, _FG if point.positive else _BG, -1)


def _candidate(copy: _Copy, embedding: Embedding, trimap: _Trimap, prompts: PromptSet) -> MaskCandidate:
    mask = _cut(copy.pixels, trimap)
    mask = _connected(mask, trimap == _FG)
    logits = _logits(mask, embedding, copy.scale)
    score = _score(copy.pixels, mask, trimap, prompts.box is not None)
    return MaskCandidate(
        logits, embedding.frame, image_hw=embedding.image_hw, score=score, stability=stability_score(logits)
    )


def _cut(pixels: RgbImage, trimap: _Trimap) -> BoolArray:
    """GrabCut in a window around what may be the object, at no more than ``_WORK_SIDE`` pixels."""
    rows, columns = np.nonzero(trimap != _BG)
    if not len(rows):
        return np.zeros(trimap.shape, np.bool_)
    margin = 4 + round(0.15 * max(np.ptp(rows), np.ptp(columns)))
    top, left = max(0, rows.min() - margin), max(0, columns.min() - margin)
    window = np.s_[top : rows.max() + margin + 1, left : columns.max() + margin + 1]
    part, hints = pixels[window], trimap[window]
    shrink = min(1.0, _WORK_SIDE / max(hints.shape))
    size = (max(2, round(hints.shape[1] * shrink)), max(2, round(hints.shape[0] * shrink)))
    small = np.ascontiguousarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA)[..., ::-1])
    labels = np.asarray(cv2.resize(hints, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    if (labels & 1).any() and (~labels & 1).any():  # else there is nothing to tell apart
        cv2.setRNGSeed(0)  # the colour models start at random: the same prompt gets the same mask
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(small, labels, (0, 0, 1, 1), *models, 2, cv2.GC_INIT_WITH_MASK)
    soft = cv2.resize((labels & 1).astype(np.float32), hints.shape[::-1], interpolation=cv2.INTER_LINEAR)
    mask = np.zeros(trimap.shape, np.bool_)
    mask[window] = soft > 0.5
    return mask


def _connected(mask: BoolArray, seeds: BoolArray) -> BoolArray:
    """The parts that hold a seed; without seeds those at least a fifth of the largest. Small holes close."""
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    count, parts, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    if count < 2:
        return mask
    keep = np.unique(parts[seeds & (closed > 0)])
    if not len(keep):
        areas = stats[1:, cv2.CC_STAT_AREA]
        keep = 1 + np.flatnonzero(areas >= 0.2 * areas.max())
    return np.asarray(np.isin(parts, keep) & (closed > 0), np.bool_)


def _logits(mask: BoolArray, embedding: Embedding, scale: float) -> FloatArray:
    """(256, 256) over the frame: antialiased coverage scaled to -10..10."""
    side = embedding.frame.side * scale
    step = side / _GRID
    soft = mask.astype(np.float32)
    if step < 1:  # a small photo: as smooth as its pixels allow
        soft = np.asarray(cv2.GaussianBlur(soft, (0, 0), 0.5), np.float32)
    fine = max(1, round(step * 2))
    at = (np.arange(_GRID * fine, dtype=np.float32) + 0.5) * (step / fine) - 0.5
    across, down = np.meshgrid(at, at)
    cover = cv2.remap(soft, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(cv2.resize(cover, (_GRID, _GRID), interpolation=cv2.INTER_AREA) * 20 - 10, np.float32)


def _resampled(logits: FloatArray, frame: Frame, copy: _Copy) -> FloatArray:
    """Logits over a frame at the copy's pixels."""
    height, width = copy.pixels.shape[:2]
    rows, columns = logits.shape
    x = ((np.arange(width) + 0.5) / copy.scale - frame.x0) / frame.width * columns - 0.5
    y = ((np.arange(height) + 0.5) / copy.scale - frame.y0) / frame.height * rows - 0.5
    across, down = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    source = np.ascontiguousarray(logits, np.float32)
    found = cv2.remap(
        source, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=-10.0
    )
    return np.asarray(found, np.float32)


def _score(pixels: RgbImage, mask: BoolArray, trimap: _Trimap, boxed: bool) -> float:
    """How far the colours in the mask differ from those around it, and how well it fills the box."""
    if not mask.any():
        return 0.0
    reach = max(3, round(0.25 * float(np.sqrt(mask.sum()))))
    wide = cv2.dilate(mask.astype(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8)) > 0
    ring = wide & ~mask
    bins = (pixels.astype(np.int32) >> 5) @ np.array([64, 8, 1])
    inside = np.bincount(bins[mask], minlength=512) / mask.sum()
    outside = np.bincount(bins[ring], minlength=512) / max(1, ring.sum())
    apart = 1.0 - float(np.sqrt(inside * outside).sum())
    if not boxed:
        return 0.9 * apart
    rows, columns = np.nonzero(mask)
    may = np.argwhere(trimap != _BG)
    (y0, x0), (y1, x1) = may.min(0), may.max(0) + 1
    extent = (np.ptp(rows) + 1) * (np.ptp(columns) + 1) / max(1, (y1 - y0) * (x1 - x0))
    return float(0.9 * np.sqrt(apart * min(1.0, extent)))


def _clamped(value: float, most: int) -> int:
    return int(min(max(round(value), 0), most))


def _pixel(value: float) -> int:
    """A pixel index that OpenCV can draw at, however far out the prompt is."""
    return int(min(max(value, -1e5), 1e5))
