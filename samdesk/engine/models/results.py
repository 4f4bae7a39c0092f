"""What a detector or a predictor may return. Each function names the first fault of a value, "" for none.

A model of another package is held to it whenever it is used, and its author tries it with
``samdesk.testing``.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from numbers import Integral, Real

import numpy as np
from shapely.geometry import MultiPolygon

from samdesk.domain.geometry.cells import LOGITS_SIDE
from samdesk.domain.geometry.types import Frame, RgbImage
from samdesk.domain.prompts import MaskCandidate
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import DetectedMask, Detection, ModelInfo, PromptKind

MOST_CANDIDATES = 3
"""Of one object."""
TOLERANCE = 1.0
"""How far a box may lie outside its image, pixels."""
_SCORE_TOLERANCE = 0.1
"""A predicted IoU is a regression: it may be a little less than 0 or more than 1."""
_MOST_NAMES = 100_000
_TEXTS = ("name", "title", "device", "device_title", "precision", "sha256", "note")
_COUNTS = ("layers", "parameters", "memory_bytes")


def info_fault(info: object) -> str:
    """Checks ``info``."""
    if not isinstance(info, ModelInfo):
        return f"its info is {_kind(info)}, not ModelInfo"
    for field in _TEXTS:
        if not isinstance(getattr(info, field), str):
            return f"{field} of its info is {_kind(getattr(info, field))}, not text"
    for field in _COUNTS:
        if not _is_count(getattr(info, field)):
            return f"{field} of its info is {getattr(info, field)!r}, not a number of them"
    if info.gflops is not None and not _is_number(info.gflops):
        return f"gflops of its info is {info.gflops!r}, not a number"
    if not info.device:
        return "its info does not name the device it runs on"
    if not all(isinstance(kind, PromptKind) for kind in info.answers):
        return "answers of its info are not kinds of prompts"
    return ""


def names_fault(names: object) -> str:
    """Checks a detector's class names."""
    if not isinstance(names, list | tuple):
        return f"its class names are {_kind(names)}, not a tuple"
    if not names:
        return "it has no class names"
    if len(names) > _MOST_NAMES:
        return f"it has {len(names)} class names"
    wrong = next((name for name in names if not isinstance(name, str) or not name.strip()), None)
    return "" if wrong is None else f"a class name is {wrong!r}"


def detections_fault(
    found: object, images: Sequence[RgbImage], names: Sequence[str], tolerance: float = TOLERANCE
) -> str:
    """Checks what ``Detector.detect`` returned for images; ``tolerance`` as in ``detection_fault``."""
    return _lists_fault(found, images) or next(
        (
            fault
            for some, image in zip(found, images, strict=True)  # type: ignore[call-overload]
            for one in some
            if (fault := detection_fault(one, image, names, tolerance))
        ),
        "",
    )


def masks_fault(
    found: object, images: Sequence[RgbImage], names: Sequence[str], tolerance: float = TOLERANCE
) -> str:
    """Checks what ``MaskDetector.segment`` returned for images; ``tolerance`` as in ``detection_fault``."""
    fault = _lists_fault(found, images)
    if fault:
        return fault
    for some, image in zip(found, images, strict=True):  # type: ignore[call-overload]
        for one in some:
            if not isinstance(one, DetectedMask):
                return f"it found {_kind(one)}, not DetectedMask"
            fault = detection_fault(one.detection, image, names, tolerance)
            fault = fault or region_fault(one.region, image, tolerance)
            if not fault and not _is_share(one.stability):
                fault = f"the stability of a mask is {one.stability!r}, not 0..1"
            if fault:
                return fault
    return ""


def detection_fault(one: object, image: RgbImage, names: Sequence[str], tolerance: float = TOLERANCE) -> str:
    """Checks one detection in an image.

    Args:
        one: The detection.
        image: (H, W, 3).
        names: The class names.
        tolerance: How far a box may lie outside the image, pixels.
    """
    if not isinstance(one, Detection):
        return f"it found {_kind(one)}, not Detection"
    box = (one.x0, one.y0, one.x1, one.y1)
    if not all(map(_is_number, box)):
        return f"a box is {_numbers(box)}, not four finite numbers"
    height, width = image.shape[:2]
    if one.x0 > one.x1 or one.y0 > one.y1:
        return f"a box ends before it begins: {_numbers(box)}"
    if min(one.x0, one.y0) < -tolerance or one.x1 > width + tolerance or one.y1 > height + tolerance:
        return f"a box lies outside the image of {width} x {height} pixels: {_numbers(box)}"
    if not _is_number(one.score) or not 0 <= one.score <= 1:
        return f"a score is {_numbers((one.score,))}, not 0..1"
    if not _is_count(one.class_id) or one.class_id >= len(names):
        return f"a class id is {one.class_id!r}; there are {len(names)} classes"
    return ""


def region_fault(region: object, image: RgbImage, tolerance: float = TOLERANCE) -> str:
    """Checks a region in an image; it may be empty, and ``tolerance`` pixels outside."""
    if not isinstance(region, MultiPolygon):
        return f"a mask is {_kind(region)}, not a MultiPolygon"
    if region.is_empty:
        return ""
    if not all(map(isfinite, region.bounds)):
        return "a mask has vertices that are not finite"
    height, width = image.shape[:2]
    x0, y0, x1, y1 = region.bounds
    if min(x0, y0) < -tolerance or x1 > width + tolerance or y1 > height + tolerance:
        return f"a mask lies outside the image of {width} x {height} pixels: {_numbers(region.bounds)}"
    return "" if region.is_valid else "a mask is not a valid MultiPolygon"


def embedding_fault(embedding: object, image_hw: tuple[int, int]) -> str:
    """Checks what ``Predictor.encode`` returned for an image of a size."""
    if not isinstance(embedding, Embedding):
        return f"it encoded an image as {_kind(embedding)}, not Embedding"
    if not isinstance(embedding.image_hw, tuple) or tuple(embedding.image_hw) != image_hw:
        return f"an embedding is of an image of {embedding.image_hw!r}, not {image_hw!r} (height, width)"
    if not _is_count(embedding.nbytes):
        return f"an embedding has {embedding.nbytes!r} bytes"
    return frame_fault(embedding.frame)


def candidates_fault(found: object, image_hw: tuple[int, int], most: int = MOST_CANDIDATES) -> str:
    """Checks the candidates for one object: there is at least one."""
    if not isinstance(found, list | tuple):
        return f"its masks are {_kind(found)}, not a list"
    if not 1 <= len(found) <= most:
        return f"it drew {len(found)} masks of one object"
    return next((fault for one in found if (fault := candidate_fault(one, image_hw))), "")


def candidate_fault(one: object, image_hw: tuple[int, int]) -> str:
    """Checks one mask in an image of a size."""
    if not isinstance(one, MaskCandidate):
        return f"a mask is {_kind(one)}, not MaskCandidate"
    side, logits = LOGITS_SIDE, one.logits
    if not isinstance(logits, np.ndarray) or logits.shape != (side, side) or logits.dtype.kind != "f":
        shape = f"{logits.dtype} {logits.shape}" if isinstance(logits, np.ndarray) else _kind(logits)
        return f"the logits of a mask are {shape}, not float32 ({side}, {side})"
    if not np.isfinite(logits).all():
        return "a mask has logits that are not finite"
    if tuple(one.image_hw) != image_hw:
        return f"a mask is of an image of {one.image_hw!r}, not {image_hw!r} (height, width)"
    if not _is_number(one.score) or not -_SCORE_TOLERANCE <= one.score <= 1 + _SCORE_TOLERANCE:
        return f"the score of a mask is {_numbers((one.score,))}, not 0..1"
    if not _is_share(one.stability):
        return f"the stability of a mask is {_numbers((one.stability,))}, not 0..1"
    return frame_fault(one.frame)


def frame_fault(frame: object) -> str:
    """Checks a frame."""
    if not isinstance(frame, Frame):
        return f"a frame is {_kind(frame)}, not Frame"
    values = (frame.x0, frame.y0, frame.width, frame.height)
    if not all(map(_is_number, values)) or min(frame.width, frame.height) <= 0:
        return f"a frame is {_numbers(values)}: x, y, width, height"
    return ""


def _lists_fault(found: object, images: Sequence[RgbImage]) -> str:
    if not isinstance(found, list | tuple) or not all(isinstance(some, list | tuple) for some in found):
        return f"it returned {_kind(found)}, not a list of lists"
    return "" if len(found) == len(images) else f"it returned {len(found)} lists for {len(images)} images"


def _is_number(value: object) -> bool:
    return type(value) is not bool and isinstance(value, Real) and isfinite(value)


def _is_count(value: object) -> bool:
    return type(value) is not bool and isinstance(value, Integral) and int(value) >= 0


def _is_share(value: object) -> bool:
    return type(value) is not bool and isinstance(value, Real) and 0 <= float(value) <= 1


def _numbers(values: Sequence[object]) -> str:
    return ", ".join(f"{v:.6g}" if isinstance(v, Real) else repr(v)[:40] for v in values)


def _kind(value: object) -> str:
    return "None" if value is None else type(value).__name__
