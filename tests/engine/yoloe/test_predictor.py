"""YOLOE prompted with exemplars, beside Ultralytics' own: seeded weights, no network, no other process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from samdesk.domain.geometry.types import RgbImage
from samdesk.engine.concepts.concept import Concept, Exemplar, ExemplarImage
from samdesk.engine.models.load import load_detector
from samdesk.engine.protocols import ConceptPredictor, EngineError, MaskDetector
from samdesk.engine.ultralytics import import_ultralytics
from samdesk.engine.yoloe.predictor import YoloePredictor
from tests.helpers.finding import blocks
from tests.helpers.seeded_yoloe import save_yoloe

BOXES = [(20.0, 20.0, 100.0, 90.0), (120.0, 30.0, 180.5, 100.25), (0.0, 0.0, 223.0, 150.0)]
VARIANTS = ("yoloe-11n-seg", "yoloe-26n-seg")


@pytest.fixture(scope="module", params=VARIANTS)
def weights(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_yoloe(tmp_path_factory.mktemp("yoloe") / f"{request.param}.pt", variant=request.param)


@pytest.fixture
def model(weights: Path) -> YoloePredictor:
    loaded = load_detector(str(weights), "cpu")
    assert isinstance(loaded, YoloePredictor)
    return loaded


def examples(image: RgbImage, *boxes: tuple[float, float, float, float]) -> tuple[Exemplar, ...]:
    shown = ExemplarImage("a.png", "", lambda: image)
    return tuple(Exemplar(shown, box) for box in boxes)


def stock(weights: Path) -> Any:
    return import_ultralytics().YOLOE(str(weights))


def stock_vectors(weights: Path, image: RgbImage, boxes: list[Any]) -> Any:
    """Ultralytics' own embeddings of boxes on an image, (N, 512)."""
    model = stock(weights)
    prompts = {"bboxes": np.array(boxes), "cls": np.arange(len(boxes))}
    bgr = np.ascontiguousarray(image[..., ::-1])
    model.predict(bgr, refer_image=bgr, visual_prompts=prompts, imgsz=640, device="cpu", verbose=False)
    return model.model.pe[0].numpy()


def test_vectors_of_exemplars_are_those_of_ultralytics(model: YoloePredictor, weights: Path) -> None:
    image = blocks(150, 223)
    ours = model.encode_exemplars(image, BOXES)
    theirs = stock_vectors(weights, image, BOXES)
    assert ours.shape == theirs.shape == (3, 512)
    assert np.abs(ours - theirs).max() < 1e-4
    assert np.abs(ours[0] - ours[1]).max() > 1e-3, "all vectors are one: nothing was compared"


def test_scores_and_boxes_are_those_of_ultralytics(model: YoloePredictor, weights: Path) -> None:
    """Of each label by itself: Ultralytics gives a place to its best label only."""
    image = blocks(150, 223)
    theirs = stock(weights)
    bgr = np.ascontiguousarray(image[..., ::-1])
    box = BOXES[1]
    found = model.find([Concept("thing", (), examples(image, box))])
    vector = stock_vectors(weights, image, [box])
    theirs.set_classes(["thing"], torch.from_numpy(vector[None]))
    options = {"conf": 0.2, "iou": 1.0, "imgsz": 160, "max_det": 300}  # nothing is suppressed
    expected = theirs.predict(bgr, verbose=False, device="cpu", agnostic_nms=False, **options)[0].boxes
    ours = found.detect([image], **options)[0]
    assert len(ours) >= len(expected) > 20  # Ultralytics drops an object whose mask is empty
    corners = np.array([(d.x0, d.y0, d.x1, d.y1) for d in ours])
    scores = np.array([d.score for d in ours])
    for corner, score in zip(expected.xyxy.numpy(), expected.conf.numpy(), strict=True):
        near = scores[np.abs(corners - corner).max(axis=1) < 1e-3]
        assert np.abs(near - score).min() < 1e-6


def test_it_is_to_be_asked_for_something(model: YoloePredictor) -> None:
    assert isinstance(model, ConceptPredictor)
    assert model.names == ()
    with pytest.raises(EngineError, match=r"was not asked for anything\. Choose labels"):
        model.detect([blocks(40, 60)])


def test_the_prompted_detector_has_the_labels_as_classes(model: YoloePredictor) -> None:
    image = blocks(150, 223)
    detector = model.find([Concept(n, (), examples(image, b)) for n, b in zip("ab", BOXES, strict=False)])
    assert isinstance(detector, MaskDetector)
    assert detector.names == ("a", "b")
    found = detector.segment([image, blocks(90, 90), image], conf=0.2, imgsz=160, max_det=9)
    assert [[m.detection for m in one] for one in found] == detector.detect(
        [image, blocks(90, 90), image], conf=0.2, imgsz=160, max_det=9
    )
    assert found[0] == found[2]
    assert 0 < len(found[0]) <= 9
    assert {m.detection.class_id for m in found[0]} == {0, 1}
    assert sum(not m.region.is_empty for m in found[0]) > len(found[0]) / 2
    only = detector.detect([image], conf=0.2, imgsz=160, classes=[1])[0]
    assert only
    assert {d.class_id for d in only} == {1}
    assert detector.detect([image], classes=[]) == [[]]
    assert detector.segment([image, image], conf=1.0, imgsz=160) == [[], []]


def test_a_checkpoint_that_is_not_here_says_where_to_get_it() -> None:
    with pytest.raises(EngineError, match=r"Get yoloe-11s-seg\.pt from https://github\.com/.* put it into"):
        load_detector("yoloe-11s-seg.pt", "cpu")
