"""Where objects come from, and which of them stay: thresholds, duplicates, own masks, existing boxes."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samdesk.batch.find import FoundObject
from samdesk.batch.models import Loaders
from samdesk.batch.plan import OBJECTS_FROM, AutoAnnotatePlan
from samdesk.batch.sources.base import SourceImage
from samdesk.batch.sources.boxes import BoxSource
from samdesk.batch.sources.detector import DetectorSource
from samdesk.batch.sources.registry import SOURCES, source_row
from samdesk.batch.sources.settle import settle, without_duplicates
from samdesk.batch.sources.thresholds import class_thresholds
from samdesk.domain.annotation import Annotation, RunId, Source
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.geometry.regions import EMPTY, from_box, from_ring, iou, is_box
from samdesk.domain.prompts import BoxPrompt, PromptSet
from samdesk.domain.review import AnnotationReview
from samdesk.engine.models.load import load_detector
from samdesk.engine.protocols import Detection, EngineError
from tests.helpers.finding import NAMES, ColourDetector, ColourModels, blocks, seeded_yolo_seg
from tests.helpers.make import annotation

PLAN = AutoAnnotatePlan("colour.pt", "inner.pt")


def coloured() -> SourceImage:
    """A red object (confidence 0.9, "ellipse") and a blue one (0.6, "box")."""
    pixels = np.full((100, 100, 3), 90, np.uint8)
    pixels[10:30, 10:30] = (250, 20, 20)
    pixels[50:80, 50:80] = (20, 20, 250)
    return SourceImage(ImageKey("a.png"), pixels)


@pytest.mark.parametrize(
    ("conf", "class_conf", "classes"),
    [
        (0.5, (), [0, 2]),
        (0.5, (("box", 0.7),), [0]),
        (0.5, (("BOX", 0.6), ("ellipse", 0.95)), [2]),
        (0.7, (("box", 0.3),), [0, 2]),
    ],
)
def test_a_class_may_have_a_minimum_confidence_of_its_own(
    conf: float, class_conf: tuple[tuple[str, float], ...], classes: list[int]
) -> None:
    plan = replace(PLAN, conf=conf, class_conf=class_conf)
    [boxes] = DetectorSource(ColourDetector(), plan).find([coloured()])
    assert [box.detection.class_id for box in boxes] == classes


def test_a_threshold_of_a_class_that_the_detector_lacks() -> None:
    with pytest.raises(ValueError, match=r"no class 'elipse'; did you mean 'ellipse'\?"):
        class_thresholds(replace(PLAN, class_conf=(("elipse", 0.5),)), NAMES)


def found(x0: float, x1: float, score: float, class_id: int) -> FoundObject:
    return FoundObject(Detection(x0, 0, x1, 10, score, class_id), from_box(x0, 0, x1, 10), 0.9)


def test_of_a_cup_that_is_also_a_bottle_the_more_confident_stays() -> None:
    cup, bottle, beside = found(0, 10, 0.5, 0), found(1, 11, 0.8, 1), found(30, 40, 0.3, 0)
    same_class = found(0, 10, 0.4, 0)
    objects = [cup, bottle, beside, same_class]
    assert settle(objects, PLAN) == objects, "duplicates stay unless the user says so"
    assert settle(objects, replace(PLAN, duplicate_iou=0.7)) == [bottle, beside]
    assert settle(objects, replace(PLAN, duplicate_iou=0.9)) == objects


def test_one_that_has_gone_lets_no_other_go() -> None:
    first, second, third = found(0, 10, 0.9, 0), found(3, 13, 0.8, 1), found(6, 16, 0.7, 2)
    assert without_duplicates([third, second, first], 0.5) == [third, first]


OBJECTS = st.lists(
    st.builds(
        found,
        st.integers(0, 20),
        st.integers(21, 60),
        st.sampled_from([0.3, 0.5, 0.7, 0.9]),
        st.integers(0, 2),
    ),
    max_size=12,
    unique=True,
)


@given(OBJECTS, st.sampled_from([0.1, 0.5, 0.8]), st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_what_stays_does_not_depend_on_the_order(
    objects: list[FoundObject], limit: float, order: random.Random
) -> None:
    scores = [0.3 + i / 100 for i in range(len(objects))]
    objects = [
        replace(o, detection=replace(o.detection, score=s)) for o, s in zip(objects, scores, strict=True)
    ]
    shuffled = order.sample(objects, len(objects))
    for plan in (replace(PLAN, duplicate_iou=limit), replace(PLAN, tile=100, duplicate_iou=limit)):
        stay = settle(objects, plan)
        assert [o for o in objects if o in stay] == stay, "their order"
        assert set(settle(shuffled, plan)) == set(stay)
        assert settle(stay, plan) == stay
        for a in stay:
            for b in stay:
                if a is not b and a.detection.class_id != b.detection.class_id:
                    assert iou(a.region, b.region) <= limit + 1e-9


def test_each_source_has_a_row() -> None:
    assert tuple(row.id for row in SOURCES) == OBJECTS_FROM
    assert [(row.detects, row.draws) for row in SOURCES] == [(True, True), (True, False), (False, True)]


def test_only_the_models_that_a_source_needs_are_loaded(tmp_path: Path) -> None:
    boxes = ColourModels()
    boxes.loaders.annotator(replace(PLAN, objects_from="boxes"), print)
    assert boxes.asked == [("inner.pt", "")]
    with pytest.raises(EngineError, match=r"colour\.pt finds boxes and draws no masks\. Choose a segm"):
        ColourModels().loaders.annotator(replace(PLAN, objects_from="segmenter"), print)


def test_a_segmentation_models_own_masks_need_no_mask_model(tmp_path: Path) -> None:
    detector = load_detector(str(seeded_yolo_seg(tmp_path)), "cpu")
    loaders = Loaders(lambda *_: detector, lambda *_: pytest.fail("a mask model was loaded"), lambda: "")
    plan = replace(PLAN, objects_from="segmenter", conf=0.01, iou=0.3, imgsz=160, max_det=6)
    annotator = loaders.annotator(plan, print)
    image = SourceImage(ImageKey("a.png"), blocks(150, 223))
    [objects] = annotator.find([image])
    [boxes] = source_row("segmenter").make(detector, plan, None).find([image])
    assert len(objects) == 6
    assert annotator.model == "seeded_yolo11n-seg.pt"
    for one, box in zip(objects, boxes, strict=True):
        assert box.mask is not None
        assert one.detection == box.detection
        assert one.mask_score is None, "no mask model has judged it"
        assert one.stability == (0.0 if one.empty_mask else box.stability)
        assert one.region == (box.region if one.empty_mask else box.mask)
    assert not all(one.empty_mask for one in objects)


BOX = from_box(10, 20, 30, 50)


def by_run(**changes: object) -> Annotation:
    prompts = PromptSet(box=BoxPrompt(1, 2, 30, 40))
    made = annotation(
        "a", region=from_ring([(2, 2), (28, 3), (15, 39)]), run_id=RunId("r"), source=Source.SAM
    )
    made = replace(made, review=AnnotationReview.PENDING, prompts=prompts)
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("there", "box"),
    [
        (annotation("a", region=BOX, source=Source.IMPORT), BOX.bounds),
        (annotation("a", region=BOX), BOX.bounds),
        (annotation("a", region=BOX, review=AnnotationReview.PENDING), BOX.bounds),
        (annotation("a", region=BOX, review=AnnotationReview.FLAGGED), None),
        (annotation("a", region=BOX, review=AnnotationReview.CORRECTED), None),
        (annotation("a", region=BOX, run_id=RunId("r")), None),
        (annotation("a", region=from_ring([(0, 0), (30, 0), (30, 30)])), None),
        (by_run(), None),
    ],
)
def test_which_annotations_are_boxes_that_become_masks(
    there: Annotation, box: tuple[float, ...] | None
) -> None:
    rejected = annotation("rejected", region=BOX, review=AnnotationReview.REJECTED)
    document = ImageDocument(ImageKey("a.png"), 100, 100, (there,), rejected=(rejected,))
    image = SourceImage(ImageKey("a.png"), np.zeros((100, 100, 3), np.uint8), document)
    [boxes] = BoxSource().find([image])
    assert [(b.region.bounds, b.replaces) for b in boxes] == ([] if box is None else [(box, there.id)])


def test_masks_made_of_boxes_are_made_anew_only_by_replace() -> None:
    for there, expected in ((by_run(), 1), (by_run(review=AnnotationReview.ACCEPTED), 0)):
        document = ImageDocument(ImageKey("a.png"), 100, 100, (there,))
        image = SourceImage(ImageKey("a.png"), np.zeros((100, 100, 3), np.uint8), document)
        [boxes] = BoxSource("replace").find([image])
        assert [b.region.bounds for b in boxes] == [(1, 2, 30, 40)] * expected


def test_a_box_is_an_upright_rectangle() -> None:
    assert is_box(BOX)
    assert is_box(from_ring([(0, 0), (5, 0), (10, 0), (10, 10), (0, 10)]))
    assert not is_box(from_ring([(0, 0), (10, 1), (9, 11), (-1, 10)]))
    assert not is_box(EMPTY)
