"""``check_detector``: the example and our own detectors pass, and every fault it is for is found."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from shapely.geometry import MultiPolygon

from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import RgbImage
from samdesk.engine.models.load import load_detector
from samdesk.engine.protocols import DetectedMask, Detection
from samdesk.testing import check_detector
from tests.helpers.packages import EXAMPLES

sys.path.insert(0, str(EXAMPLES / "samdesk-blobs"))
from samdesk_blobs import BlobDetector, detector

Change = Callable[[list[list[Detection]], Sequence[RgbImage], dict[str, Any]], Any]


def test_the_example_conforms() -> None:
    assert check_detector(detector) == ()


def test_flints_detector_conforms() -> None:
    """It is Ultralytics' YOLO11n, in the class that all YOLO models are in."""
    assert check_detector(lambda device, precision: load_detector("flint", device, precision)) == ()


class Changed(BlobDetector):
    """The example with what it returns changed."""

    def __init__(self, change: Change) -> None:
        self.change, self.calls = change, 0

    def detect(self, images: Sequence[RgbImage], **options: Any) -> Any:
        self.calls += 1
        return self.change(super().detect(images, **options), images, options)


class Segmenter(BlobDetector):
    """The example with the boxes as masks, changed."""

    def __init__(self, change: Callable[[list[DetectedMask]], list[Any]]) -> None:
        self.change = change

    def segment(self, images: Sequence[RgbImage], **options: Any) -> list[list[Any]]:
        found = self.detect(images, **options)
        return [
            self.change([DetectedMask(d, regions.from_box(d.x0, d.y0, d.x1, d.y1), 1.0) for d in some])
            for some in found
        ]


def each(change: Callable[[Detection], Any]) -> Change:
    return lambda found, _images, _options: [[change(one) for one in some] for some in found]


def paint(found: list[list[Detection]], images: Sequence[RgbImage], _: Any) -> Any:
    for image in images:
        image[:] = 0
    return found


def depends_on_batch(found: list[list[Detection]], _images: Any, _: Any) -> Any:
    return found if len(found) < 2 else [some[:-1] for some in found]


def again(options: dict[str, Any], **other: Any) -> Change:
    """Ignores options."""

    def change(_found: Any, images: Sequence[RgbImage], given: dict[str, Any]) -> Any:
        kept = {k: v for k, v in given.items() if k not in options}
        return BlobDetector().detect(images, **{**kept, **other})

    return change


def all_classes(*, some: bool) -> Change:
    """Ignores ``classes`` if there are some, or none."""

    def change(found: Any, images: Sequence[RgbImage], given: dict[str, Any]) -> Any:
        classes = given.get("classes")
        ignores = classes is not None and bool(classes) == some
        return again({"classes"})(found, images, given) if ignores else found

    return change


FAULTS: tuple[tuple[str, Change], ...] = (
    ("for no images it does not return an empty list", lambda f, i, _: f if i else None),
    ("it returned 2 lists for 1 images", lambda f, i, _: [*f, []] if i else f),
    ("not a list of lists", lambda f, i, _: f[0] if i else f),
    ("found tuple, not Detection", each(lambda d: (d.x0, d.y0, d.x1, d.y1))),
    ("not four finite numbers", each(lambda d: replace(d, x0=float("nan")))),
    ("a box ends before it begins", each(lambda d: replace(d, x0=d.x1, x1=d.x0))),
    ("a box lies outside the image of 180 x 120 pixels", each(lambda d: replace(d, x1=d.x1 + 180))),
    ("a score is nan", each(lambda d: replace(d, score=float("nan")))),
    ("a score is 90", each(lambda d: replace(d, score=90.0))),
    ("a class id is 2; there are 2 classes", each(lambda d: replace(d, class_id=2))),
    ("a class id is 0.0", each(lambda d: replace(d, class_id=0.0))),
    ("it changes an image of 180 x 120", paint),
    ("not in the order of their scores", lambda f, _i, _o: [some[::-1] for some in f]),
    ("in a batch of 2 it does not find the same as alone", depends_on_batch),
    ("in a batch of 6 it does not find the same as alone", lambda f, _i, _o: f if len(f) < 4 else [[]] * 6),
    ("finds nothing on the images of the check", lambda f, _i, _o: [[] for _ in f]),
    ("it returns objects below conf", again({"conf"}, conf=0.01)),
    ("it returns more objects than max_det", again({"max_det"})),
    ("max_det of 1 it does not return the best", lambda f, _i, o: [f[0][1:]] if o.get("max_det") == 1 else f),
    ("it returns objects of other classes", all_classes(some=True)),
    ("with no classes it returns objects", all_classes(some=False)),
    ("with {'imgsz': 640}: ", lambda f, _i, o: [[0]] if o["imgsz"] == 640 else f),
)  # fmt: skip


@pytest.mark.parametrize(("finding", "change"), FAULTS, ids=[finding for finding, _ in FAULTS])
def test_a_fault_is_found(finding: str, change: Change) -> None:
    assert any(finding in found for found in check_detector(lambda *_: Changed(change)))


def test_what_changes_from_call_to_call_is_found() -> None:
    def every_second(found: Any, _images: Any, _options: Any) -> Any:
        return found if model.calls % 2 else [[] for _ in found]

    model = Changed(every_second)
    assert any("does not find the same again" in found for found in check_detector(lambda *_: model))


def test_what_is_no_detector_is_found() -> None:
    class Nameless(BlobDetector):
        names = ()

    class Infoless(BlobDetector):
        info = None  # type: ignore[assignment]

    def exits(device: str, precision: str) -> BlobDetector:
        raise SystemExit(3)

    assert check_detector(exits) == ("making it raises SystemExit: 3",)
    assert check_detector(lambda *_: object()) == (
        "it has no 'info'",
        "it has no 'names'",
        "it has no 'detect'",
    )  # type: ignore[arg-type,return-value]
    assert check_detector(lambda *_: Nameless()) == ("it has no class names",)
    assert check_detector(lambda *_: Infoless()) == ("its info is None, not ModelInfo",)


def test_the_masks_of_a_segmentation_model_are_checked() -> None:
    assert check_detector(lambda *_: Segmenter(lambda masks: masks)) == ()
    empty = Segmenter(lambda masks: [replace(m, region=MultiPolygon()) for m in masks])
    assert check_detector(lambda *_: empty) == ()
    for finding, change in (
        ("not DetectedMask", lambda masks: [m.detection for m in masks]),
        ("stability of a mask is 2", lambda masks: [replace(m, stability=2.0) for m in masks]),
        ("a mask is None", lambda masks: [replace(m, region=None) for m in masks]),
        (
            "a mask lies outside",
            lambda masks: [replace(m, region=regions.from_box(0, 0, 9999, 9)) for m in masks],
        ),
        ("segment does not find the objects that detect finds", lambda masks: masks[:-1]),
    ):
        found = check_detector(lambda *_, change=change: Segmenter(change))
        assert any(finding in one for one in found), (finding, found)
