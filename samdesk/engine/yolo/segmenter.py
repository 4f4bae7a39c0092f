"""Ultralytics segmentation models: a detector whose objects have masks of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from samdesk.domain.geometry.contours import logits_to_region, stability_score
from samdesk.domain.geometry.regions import EMPTY, clean
from samdesk.domain.geometry.types import Frame, Region, RgbImage
from samdesk.engine.protocols import DetectedMask, Detection
from samdesk.engine.runtime.device import translate_torch_errors
from samdesk.engine.yolo.detector import YoloDetector, by_size, detections
from samdesk.engine.yolo.letterbox import Letterbox

_OUTSIDE = -1e-3
"""The logit of cells away from an object's box, so that no outline is drawn there."""


class YoloSegmenter(YoloDetector):
    """A ``MaskDetector`` around Ultralytics' ``YOLO``. Used by one thread at a time."""

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
        """Detects the objects of each image with their masks; see ``detect``.

        The outlines are those of the network's own logits, a quarter of its input in size, interpolated; so
        they are as smooth in a large image as in a small one.
        """
        found: list[list[DetectedMask]] = [[] for _ in images]
        if classes is not None and not len(classes):
            return found
        for same in by_size(images):
            results = self._predict([images[i] for i in same], conf, iou, imgsz, max_det, classes)
            for i, result in zip(same, results, strict=True):
                with translate_torch_errors("Drawing masks", self.info.device):
                    found[i] = _masks(result, (images[i].shape[0], images[i].shape[1]))
        return found


def _masks(result: Any, image_hw: tuple[int, int]) -> list[DetectedMask]:
    found = detections(result)
    if not found:
        return []
    coefficients, prototypes, boxes, input_hw = result.masks_from
    by_score = sorted(
        range(len(coefficients)), key=lambda i: -float(result.boxes.conf[i])
    )  # as ``detections``
    return draw_masks(
        found, coefficients[by_score], prototypes, boxes[by_score], Letterbox(image_hw, input_hw)
    )


def draw_masks(
    found: Sequence[Detection], coefficients: Any, prototypes: Any, boxes: Any, letterbox: Letterbox
) -> list[DetectedMask]:
    """Makes the masks of detected objects of what a network gave for them.

    Args:
        found: The N objects.
        coefficients: (N, C) tensor.
        prototypes: (C, h, w) tensor, over the network's input.
        boxes: (N, 4) tensor, the objects' boxes in pixels of the input.
        letterbox: How the image lies in the input.
    """
    rows, columns = (int(n) for n in prototypes.shape[1:])
    logits = (coefficients.float() @ prototypes.float().flatten(1)).view(-1, rows, columns)
    values, corners = logits.cpu().numpy(), boxes.float().cpu().numpy()
    frame, (height, width) = letterbox.frame, letterbox.input_hw
    scale = np.array([columns / width, rows / height] * 2)
    return [
        DetectedMask(d, *_mask(values[i], corners[i] * scale, frame, letterbox.image_hw))
        for i, d in enumerate(found)
    ]


def _mask(
    logits: NDArray[np.float32], box: NDArray[np.float64], frame: Frame, image_hw: tuple[int, int]
) -> tuple[Region, float]:
    """The mask inside a box, given in cells, and its stability."""
    rows, columns = logits.shape
    x0, y0 = (max(math.floor(v) - 1, 0) for v in box[:2])
    x1, y1 = min(math.ceil(box[2]) + 1, columns), min(math.ceil(box[3]) + 1, rows)
    inside = logits[y0:y1, x0:x1]
    if not inside.size:
        return EMPTY, 0.0
    near = np.full_like(logits, min(_OUTSIDE, float(inside.min())))
    near[y0:y1, x0:x1] = inside
    whole = logits_to_region(near, frame, image_hw)
    across, down = frame.width / columns, frame.height / rows
    left, right = frame.x0 + box[[0, 2]] * across
    top, bottom = frame.y0 + box[[1, 3]] * down
    with np.errstate(all="ignore"):  # GEOS divides by what may be 0, and goes on
        region = clean(shapely.intersection(whole, shapely.box(left, top, right, bottom)))
    return region, stability_score(inside)
