"""Tries a detector as samdesk uses it: its results, alone and in batches, and thresholds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple
from typing import Any, TypeAlias

from samdesk.base.errors import typed_line
from samdesk.domain.geometry.types import RgbImage
from samdesk.engine.models.results import detections_fault, info_fault, masks_fault, names_fault
from samdesk.engine.protocols import Detection, Detector, MaskDetector
from samdesk.testing.pictures import SIZES, picture

DetectorFactory: TypeAlias = Callable[[str, str], Detector]

_CONF = 0.01
_IMGSZ = 320
_CLOSE = 0.01
"""How much the score of an object, and its box as a share of the image, may differ between two calls."""
_OUTSIDE = 0.01
"""How far a box may lie outside the image, pixels: a rounding error."""


def check_detector(
    factory: DetectorFactory, *, device: str = "cpu", images: Sequence[RgbImage] = ()
) -> tuple[str, ...]:
    """Returns what is wrong with a detector; nothing if it can be used.

    It describes itself, and knows its classes. Alone and in batches of several sizes, from one pixel to
    large, it finds the same objects each time: best first, boxes within the image, scores 0..1, class ids
    that have a name. It keeps to ``conf``, ``max_det`` and ``classes``, and changes no image.

    Args:
        factory: The function of the entry point.
        device: Where to try it.
        images: (H, W, 3) uint8 RGB each, on which it finds something; none: made-up ones.
    """
    try:
        detector: Any = factory(device, "auto")
        missing = [name for name in ("info", "names", "detect") if not hasattr(detector, name)]
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the finding
        return (f"making it raises {typed_line(error)}",)
    if missing:
        return tuple(f"it has no {name!r}" for name in missing)
    faults = [fault for fault in (info_fault(detector.info), names_fault(detector.names)) if fault]
    if faults:
        return tuple(faults)
    given = list(images) or [picture(*SIZES[0], seed) for seed in range(2)]
    tried = _TriedDetector(detector, [*given, *(picture(*size) for size in SIZES[1:])])
    findings: list[str] = []
    for check in (_check_alone, _check_batches, _check_thresholds, _check_classes, _check_segments):
        try:
            findings += check(tried)
        except BaseException as error:
            findings.append(f"{check.__name__.removeprefix('_check_')}: it raises {typed_line(error)}")
            if isinstance(error, KeyboardInterrupt):
                raise
        if findings:
            break  # what follows compares with what is wrong
    return tuple(dict.fromkeys(findings))


class _TriedDetector:
    """A detector with the images it is tried on and what it finds on each alone."""

    def __init__(self, detector: Detector, images: list[RgbImage]) -> None:
        self.detector, self.images = detector, images
        self.alone: list[list[Detection]] = []

    def detect(self, images: Sequence[RgbImage], **options: Any) -> Any:
        """Detects with a low minimum confidence; its other arguments are ``options``."""
        return self.detector.detect(images, **{"conf": _CONF, "imgsz": _IMGSZ, **options})

    @property
    def fullest(self) -> tuple[RgbImage, list[Detection]]:
        """The image on which it finds most, and what that is."""
        at = max(range(len(self.alone)), key=lambda i: len(self.alone[i]))
        return self.images[at], self.alone[at]

    def fault(self, found: Any, images: Sequence[RgbImage]) -> str:
        """What no detector may return."""
        return detections_fault(found, images, self.detector.names, _OUTSIDE)


def _check_alone(tried: _TriedDetector) -> Iterator[str]:
    """One image at a time."""
    if tried.detect([]) != []:
        yield "for no images it does not return an empty list"
    for image in tried.images:
        size = f"an image of {image.shape[1]} x {image.shape[0]}"
        given = image.copy()
        found = tried.detect([given])
        fault = tried.fault(found, [image])
        if fault:
            yield f"on {size}: {fault}"
            return
        if (given != image).any():
            yield f"it changes {size}"
        (objects,) = found
        if [o.score for o in objects] != sorted((o.score for o in objects), reverse=True):
            yield f"on {size} the objects are not in the order of their scores"
        given.flags.writeable = False
        (again,) = tried.detect([given])
        if not _same(objects, again, image):
            yield f"on {size} it does not find the same again"
        tried.alone.append(list(objects))
    if not any(tried.alone):
        yield "it finds nothing on the images of the check: pass some on which it does (images=[...])"


def _check_batches(tried: _TriedDetector) -> Iterator[str]:
    """Several images at a time, of several sizes."""
    everything = list(range(len(tried.images)))
    for batch in ([1, 0], everything[::-1]):
        images = [tried.images[i] for i in batch]
        found = tried.detect(images)
        fault = tried.fault(found, images)
        if fault:
            yield f"in a batch of {len(batch)}: {fault}"
        elif not all(
            _same(tried.alone[i], some, tried.images[i]) for i, some in zip(batch, found, strict=True)
        ):
            yield f"in a batch of {len(batch)} it does not find the same as alone"


def _check_thresholds(tried: _TriedDetector) -> Iterator[str]:
    """``conf`` and ``max_det``, and the sizes and overlaps that users choose."""
    image, objects = tried.fullest
    middle = objects[len(objects) // 2].score
    (found,) = tried.detect([image], conf=middle)
    if any(o.score < middle - 1e-6 for o in found):
        yield "it returns objects below conf"
    if not found:
        yield "with conf at the score of an object it finds nothing"
    (found,) = tried.detect([image], max_det=1)
    if len(found) > 1:
        yield "it returns more objects than max_det"
    elif not _same(objects[:1], found, image):
        yield "with max_det of 1 it does not return the best object"
    for options in ({"imgsz": 640}, {"iou": 0.9}, {"iou": 0.1, "max_det": 1000}):
        fault = tried.fault(tried.detect([image], **options), [image])
        if fault:
            yield f"with {options}: {fault}"


def _check_classes(tried: _TriedDetector) -> Iterator[str]:
    """``classes``."""
    image, objects = tried.fullest
    there = {o.class_id for o in objects}
    absent = next((i for i in range(len(tried.detector.names)) if i not in there), None)
    for class_id in (objects[-1].class_id, absent):
        (found,) = [[]] if class_id is None else tried.detect([image], classes=[class_id])
        if any(o.class_id != class_id for o in found):
            yield "it returns objects of other classes than classes"
        elif class_id in there and not found:
            yield "it returns no object of a class it finds without classes"
    if tried.detect([image], classes=[]) != [[]]:
        yield "with no classes it returns objects"


def _check_segments(tried: _TriedDetector) -> Iterator[str]:
    """The masks of a segmentation model are of the objects it detects."""
    detector = tried.detector
    if not isinstance(detector, MaskDetector):
        return
    found = detector.segment(tried.images, conf=_CONF, imgsz=_IMGSZ)
    fault = masks_fault(found, tried.images, detector.names, _OUTSIDE)
    if fault:
        yield f"segment: {fault}"
        return
    for image, objects, masks in zip(tried.images, tried.alone, found, strict=True):
        if not _same(objects, [mask.detection for mask in masks], image):
            yield "segment does not find the objects that detect finds, in their order"


def _same(some: Sequence[Detection], others: Sequence[Detection], image: RgbImage) -> bool:
    """Whether two results are the same, as far as a network's numbers may differ.

    What is barely confident may be in one of them only.
    """
    side = max(image.shape[:2])

    def matches(one: Detection, other: Detection) -> bool:
        boxes = zip(astuple(one)[:4], astuple(other)[:4], strict=True)
        return (
            one.class_id == other.class_id
            and abs(one.score - other.score) <= _CLOSE
            and all(abs(a - b) <= _CLOSE * side for a, b in boxes)
        )

    def within(part: Sequence[Detection], whole: Sequence[Detection]) -> bool:
        sure = [one for one in part if one.score >= _CONF + _CLOSE]
        return all(any(matches(one, other) for other in whole) for one in sure)

    return within(some, others) and within(others, some)
