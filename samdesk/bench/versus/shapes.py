"""Logits like those of a trained network: from COCO's masks where available, else from drawn shapes.

The masks of a network with random weights are noise with thousands of islands. The work after the network
(outlines, upscaling, thresholds) is therefore timed on these logits.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samdesk.base.cv import cv2
from samdesk.domain.geometry.cells import LOGITS_SIDE
from samdesk.domain.geometry.types import BoolArray, FloatArray, Frame

INSTANCES = "instances.json"
_OUTSIDE, _INSIDE = -10.0, 10.0
_DRAWN = 24
_CANVAS = (600, 800)
_MAX_MASKS = 240
_MIN_AREA_FRACTION = 0.004
"""Minimum area of an instance as a fraction of the image; smaller ones are skipped."""


class Shapes:
    """Masks and the logits made from them.

    Attributes:
        source: Description of the masks.
    """

    def __init__(self, masks: Sequence[BoolArray], source: str) -> None:
        self._masks = list(masks)
        self.source = source
        self._logits = lru_cache(maxsize=512)(self._make_logits)

    def some(self, start: int, count: int, frame: Frame, image_hw: tuple[int, int]) -> list[FloatArray]:
        """Returns ``count`` (256, 256) float32 logits over a frame, of the masks from index ``start`` on."""
        content = _content_size(frame, image_hw)
        return [self._logits((start + i) % len(self._masks), *content) for i in range(count)]

    def _make_logits(self, index: int, rows: int, columns: int) -> FloatArray:
        coverage = cv2.resize(
            self._masks[index].astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA
        )
        smooth = cv2.GaussianBlur(coverage, (0, 0), 0.8)  # a network's edges are soft
        logits = np.full((LOGITS_SIDE, LOGITS_SIDE), _OUTSIDE, np.float32)
        logits[:rows, :columns] = smooth * (_INSIDE - _OUTSIDE) + _OUTSIDE
        return logits


def shapes(images: Path | None) -> Shapes:
    """Returns COCO's masks if ``instances.json`` is in the images' folder or above it, else drawn ones."""
    places = [] if images is None else [images, images.parent, images.parent.parent]
    found = next((place / INSTANCES for place in places if (place / INSTANCES).is_file()), None)
    masks = [] if found is None else list(_coco_masks(found))
    if masks:
        return Shapes(masks, f"{len(masks)} masks of COCO")
    return Shapes(list(_draw_masks()), f"{_DRAWN} drawn shapes")


def padded(image_hw: tuple[int, int]) -> Frame:
    """Returns the frame of Ultralytics' predictors: the image padded to a square."""
    return Frame(0.0, 0.0, float(max(image_hw)))


def _content_size(frame: Frame, image_hw: tuple[int, int]) -> tuple[int, int]:
    """Returns how many rows and columns of a frame's grid cover the image."""
    rows, columns = image_hw[0] / frame.height * LOGITS_SIDE, image_hw[1] / frame.width * LOGITS_SIDE
    return min(max(round(rows), 1), LOGITS_SIDE), min(max(round(columns), 1), LOGITS_SIDE)


def _coco_masks(path: Path) -> Iterator[BoolArray]:
    data: dict[str, Any] = json.loads(path.read_text("utf-8"))
    images = {image["id"]: (image["height"], image["width"]) for image in data["images"]}
    found = 0
    for annotation in data["annotations"]:
        mask = _decode(annotation["segmentation"], *images[annotation["image_id"]])
        if mask.mean() >= _MIN_AREA_FRACTION:
            yield mask
            found += 1
        if found == _MAX_MASKS:
            return


def _decode(segmentation: Any, height: int, width: int) -> BoolArray:
    from pycocotools import mask as coco

    packed = coco.frPyObjects(segmentation, height, width)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pycocotools with numpy 2
        decoded = coco.decode(coco.merge(packed) if isinstance(segmentation, list) else packed)
    return np.asarray(decoded, dtype=np.bool_)


def _draw_masks() -> Iterator[BoolArray]:
    """Draws wavy blobs; some have a hole, some a second part."""
    random = np.random.default_rng(0)
    for i in range(_DRAWN):
        mask = np.zeros(_CANVAS, np.uint8)
        middle = random.uniform((200, 150), (600, 450))
        radii = random.uniform(40, 200, 2)
        cv2.fillPoly(mask, [_blob(middle, radii, random)], 1)
        if i % 3 == 1:
            cv2.fillPoly(mask, [_blob(middle, radii / 3, random)], 0)
        if i % 3 == 2:
            cv2.fillPoly(mask, [_blob(middle + radii * (1.2, 0.4), radii / 4, random)], 1)
        yield mask.astype(np.bool_)


def _blob(middle: FloatArray, radii: FloatArray, random: np.random.Generator) -> NDArray[np.int32]:
    """Returns the (N, 2) vertices of an ellipse with a wavy edge."""
    angle = np.linspace(0, 2 * np.pi, 256, endpoint=False)
    reach = np.ones(len(angle))
    for waves in (3, 7, 17):
        reach += random.uniform(0.02, 0.12) * np.sin(waves * angle + random.uniform(0, 6))
    points = np.stack([np.cos(angle), np.sin(angle)], 1) * reach[:, None] * radii + middle
    return np.asarray(points, np.int32)
