"""Average precision of a detector on accepted images, measured on its output after suppression."""

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

CONF, NMS_IOU, MAX_DET = 0.001, 0.6, 300
"""With which a detector runs to be measured: everything that it may have found counts, with its score."""
MATCH_IOU = 0.5
_RECALLS = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True)
class DetectorScore:
    """The average precision of a detector on held-out images, for the user's classes.

    Attributes:
        map50: Mean average precision at IoU 0.5 over the classes that occur in the images; a class that
            the detector does not know counts as 0. 0..1.
        by_class: Average precision at IoU 0.5 by class id; None if the class does not occur.
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
    """Runs a detector on accepted images and computes its average precision.

    The detector's classes are matched to the user's by name, ignoring case and extra spaces.

    Args:
        detector: The detector to evaluate.
        images: Images without pending annotations.
        names: The user's class names by class id.
        imgsz: Longest side of the network's input, pixels.
        cancel: Checked before each image.

    Raises:
        Cancelled: ``cancel`` was used.
        EngineError: The detector failed.
        ImageError: An image cannot be read.
    """
    ours = match_class_names(detector.names, names)
    found: list[list[Detection]] = []
    for image in images:
        cancel.check()
        (detections,) = detector.detect(
            [read_image(image.path)],
            conf=CONF,
            iou=NMS_IOU,
            imgsz=imgsz,
            max_det=MAX_DET,
            classes=sorted(ours),
        )
        found.append(detections)
    known = set(ours.values())
    theirs = {our: their for their, our in ours.items()}
    by_class = tuple(class_precision(images, found, i, theirs.get(i)) for i in range(len(names)))
    occurring = [value for value in by_class if value is not None]
    mean = float(np.mean(occurring)) if occurring else 0.0
    return DetectorScore(mean, by_class, tuple(i in known for i in range(len(names))))


def match_class_names(theirs: Sequence[str], ours: Sequence[str]) -> Mapping[int, int]:
    """Maps their class ids to ours by name, ignoring case and extra spaces."""
    ids = {_normalized(name): i for i, name in reversed(list(enumerate(ours)))}
    return {i: ids[_normalized(name)] for i, name in enumerate(theirs) if _normalized(name) in ids}


def _normalized(name: str) -> str:
    return " ".join(name.casefold().split())


def class_precision(
    images: Sequence[TrainingImage],
    found: Sequence[Sequence[Detection]],
    ours: int,
    theirs: int | None,
    match_iou: float = MATCH_IOU,
) -> float | None:
    """Average precision of one class over all images; None if it does not occur.

    Args:
        images: The images.
        found: What a detector found on each of them.
        ours: The class in ``images``.
        theirs: The class in ``found``; None: the detector does not know it.
        match_iou: The IoU of two boxes from which on a detection is right.
    """
    truth = [_boxes(image, ours) for image in images]
    total = sum(len(boxes) for boxes in truth)
    if not total:
        return None
    matches: list[tuple[float, bool]] = []
    for boxes, detections in zip(truth, found, strict=True):
        matches += _matched(boxes, [d for d in detections if d.class_id == theirs], match_iou)
    matches.sort(key=lambda match: -match[0])
    return average_precision([right for _, right in matches], total)


def _boxes(image: TrainingImage, label: int) -> FloatArray:
    bounds = [i.region.bounds for i in image.instances if i.label == label and not i.region.is_empty]
    return np.array(bounds, dtype=np.float32).reshape(-1, 4)


def _matched(
    boxes: FloatArray, detections: Sequence[Detection], match_iou: float
) -> list[tuple[float, bool]]:
    """(score, whether it is a true positive) of one image's detections, matched greedily by score."""
    free = np.ones(len(boxes), dtype=np.bool_)
    matches = []
    for one in sorted(detections, key=lambda d: -d.score):
        overlap = np.where(free, _ious(boxes, one), 0.0)
        best = int(np.argmax(overlap)) if len(boxes) else -1
        right = best >= 0 and bool(overlap[best] >= match_iou)
        if right:
            free[best] = False
        matches.append((one.score, right))
    return matches


def _ious(boxes: FloatArray, one: Detection) -> NDArray[np.float64]:
    """(N,) IoU of each box with a detection."""
    low = np.maximum(boxes[:, :2], [one.x0, one.y0])
    high = np.minimum(boxes[:, 2:], [one.x1, one.y1])
    both = np.prod(np.clip(high - low, 0, None), axis=1, dtype=np.float64)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1, dtype=np.float64)
    ious: NDArray[np.float64] = both / (areas + (one.x1 - one.x0) * (one.y1 - one.y0) - both + 1e-9)
    return ious


def average_precision(right: Sequence[bool], total: int) -> float:
    """COCO's average precision: the best precision at or beyond each of 101 recalls, averaged.

    Args:
        right: Whether each detection is a true positive, highest score first.
        total: Number of objects.
    """
    if not right:
        return 0.0
    hits = np.cumsum(right)
    recall = hits / total
    precision = hits / np.arange(1, len(right) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    place = np.searchsorted(recall, _RECALLS)
    return float(np.where(place < len(best), best[np.minimum(place, len(best) - 1)], 0.0).mean())
