"""How well a detector does on accepted images: mAP50, measured on what it finds, as it is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samdesk.base.jobs import CancelToken
from samdesk.domain.geometry.types import FloatArray
from samdesk.engine.protocols import Detection, Detector
from samdesk.images.reader import read_image
from samdesk.training.samples import TrainingImage

_CONF, _NMS_IOU, _MOST = 0.001, 0.6, 300
_MATCH_IOU = 0.5
_RECALLS = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True)
class DetectorScore:
    """How well a detector finds the user's classes on held-out images.

    Attributes:
        map50: Mean of the average precisions at IoU 0.5 over the classes that occur there; a class that
            the detector does not know counts 0. 0..1.
        by_class: Average precision at IoU 0.5 by class id; None where the class does not occur there.
        known: By class id, whether the detector knows the class.
    """

    map50: float
    by_class: tuple[float | None, ...]
    known: tuple[bool, ...]


def score(
    detector: Detector,
    images: Sequence[TrainingImage],
    names: Sequence[str],
    *,
    imgsz: int,
    cancel: CancelToken,
) -> DetectorScore:
    """Lets a detector find the objects of accepted images.

    Its classes are the user's where their names are the same but for upper case and spaces.

    Args:
        detector: Any.
        images: With everything on them accepted.
        names: The user's class names by class id.
        imgsz: Longest side the network sees, pixels.
        cancel: Looked at before each image.

    Raises:
        Cancelled: ``cancel`` was used.
        EngineError: The detector failed.
        ImageError: A photo cannot be read.
    """
    ours = same_names(detector.names, names)
    found: list[list[Detection]] = []
    for image in images:
        cancel.check()
        (seen,) = detector.detect(
            [read_image(image.path)],
            conf=_CONF,
            iou=_NMS_IOU,
            imgsz=imgsz,
            max_det=_MOST,
            classes=sorted(ours),
        )
        found.append(seen)
    known = set(ours.values())
    theirs = {our: their for their, our in ours.items()}
    by_class = tuple(_class_precision(images, found, i, theirs.get(i)) for i in range(len(names)))
    there = [value for value in by_class if value is not None]
    mean = float(np.mean(there)) if there else 0.0
    return DetectorScore(mean, by_class, tuple(i in known for i in range(len(names))))


def same_names(theirs: Sequence[str], ours: Sequence[str]) -> Mapping[int, int]:
    """Their class id to ours for the names that are the same but for upper case and spaces."""
    places = {_plain(name): i for i, name in reversed(list(enumerate(ours)))}
    return {i: places[_plain(name)] for i, name in enumerate(theirs) if _plain(name) in places}


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def _class_precision(
    images: Sequence[TrainingImage], found: Sequence[Sequence[Detection]], ours: int, theirs: int | None
) -> float | None:
    """Average precision of one class over all images, or None if none of it is there."""
    wanted = [_boxes(image, ours) for image in images]
    total = sum(len(boxes) for boxes in wanted)
    if not total:
        return None
    marks: list[tuple[float, bool]] = []
    for boxes, seen in zip(wanted, found, strict=True):
        marks += _matched(boxes, [d for d in seen if d.class_id == theirs])
    marks.sort(key=lambda mark: -mark[0])
    return average_precision([right for _, right in marks], total)


def _boxes(image: TrainingImage, label: int) -> FloatArray:
    bounds = [i.region.bounds for i in image.instances if i.label == label and not i.region.is_empty]
    return np.array(bounds, dtype=np.float32).reshape(-1, 4)


def _matched(boxes: FloatArray, seen: Sequence[Detection]) -> list[tuple[float, bool]]:
    """(score, right or wrong) of one image's detections: each takes the best box that is still free."""
    free = np.ones(len(boxes), dtype=np.bool_)
    marks = []
    for one in sorted(seen, key=lambda d: -d.score):
        overlap = np.where(free, _ious(boxes, one), 0.0)
        best = int(np.argmax(overlap)) if len(boxes) else -1
        right = best >= 0 and bool(overlap[best] >= _MATCH_IOU)
        if right:
            free[best] = False
        marks.append((one.score, right))
    return marks


def _ious(boxes: FloatArray, one: Detection) -> NDArray[np.float64]:
    """(N,) IoU of each box with a detection."""
    low = np.maximum(boxes[:, :2], [one.x0, one.y0])
    high = np.minimum(boxes[:, 2:], [one.x1, one.y1])
    both = np.prod(np.clip(high - low, 0, None), axis=1, dtype=np.float64)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1, dtype=np.float64)
    ious: NDArray[np.float64] = both / (areas + (one.x1 - one.x0) * (one.y1 - one.y0) - both + 1e-9)
    return ious


def average_precision(right: Sequence[bool], total: int) -> float:
    """COCO's: the best precision at or beyond each of 101 recalls, averaged.

    Args:
        right: Whether each detection is right, highest score first.
        total: How many objects there are.
    """
    if not right:
        return 0.0
    hits = np.cumsum(right)
    recall = hits / total
    precision = hits / np.arange(1, len(right) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    place = np.searchsorted(recall, _RECALLS)
    return float(np.where(place < len(best), best[np.minimum(place, len(best) - 1)], 0.0).mean())
