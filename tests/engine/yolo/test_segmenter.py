"""Masks of a segmentation model: a real YOLO11n-seg with random weights, beside Ultralytics' own masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from samdesk.domain.geometry.regions import rasterize
from samdesk.engine.models.load import load_detector
from samdesk.engine.protocols import MaskDetector
from tests.helpers.finding import blocks, seeded_yolo, seeded_yolo_seg

pytest.importorskip("torch")
OPTIONS = {"conf": 0.01, "iou": 0.3, "imgsz": 160, "max_det": 6}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seeded_yolo_seg(tmp_path_factory.mktemp("seg"))


def test_masks_are_those_of_ultralytics_in_image_pixels(weights: Path) -> None:
    from samdesk.engine.ultralytics import import_ultralytics

    segmenter = load_detector(str(weights), "cpu")
    assert isinstance(segmenter, MaskDetector)
    stock = import_ultralytics().YOLO(str(weights))
    agreement = []
    for height, width in ((150, 223), (501, 333)):  # padded on top and bottom, enlarged; left and right
        image = blocks(height, width)
        found = segmenter.segment([image], **OPTIONS)[0]
        assert [mask.detection for mask in found] == segmenter.detect([image], **OPTIONS)[0]
        options = {**OPTIONS, "device": "cpu", "verbose": False, "retina_masks": True}
        expected = stock.predict(np.ascontiguousarray(image[..., ::-1]), **options)[0]
        corners = expected.boxes.xyxy.numpy()
        for mask in found:
            d = mask.detection
            ours = rasterize(mask.region, height, width)
            far = np.abs(corners - (d.x0, d.y0, d.x1, d.y1)).max(axis=1)
            if far.min() > 0.01:  # Ultralytics drops an object whose mask is empty
                assert ours.sum() < 20
                continue
            theirs = expected.masks.data[int(far.argmin())].numpy() > 0
            if 0.02 < theirs.sum() / ((d.x1 - d.x0) * (d.y1 - d.y0)) < 0.98:
                agreement.append((ours & theirs).sum() / (ours | theirs).sum())
            x0, y0, x1, y1 = mask.region.bounds
            assert d.x0 - 0.01 <= x0 < x1 <= d.x1 + 0.01
            assert d.y0 - 0.01 <= y0 < y1 <= d.y1 + 0.01
    assert len(agreement) >= 6, "most masks fill their boxes: nothing was compared"
    assert min(agreement) > 0.85, (
        "Ultralytics cuts masks at whole pixels of their boxes; these images are small"
    )
    assert np.median(agreement) > 0.92


def test_an_image_without_objects_and_no_classes(weights: Path) -> None:
    segmenter = load_detector(str(weights), "cpu")
    assert isinstance(segmenter, MaskDetector)
    image = blocks(40, 60)
    assert segmenter.segment([image], conf=1.0, imgsz=64) == [[]]
    assert segmenter.segment([image, image], classes=[], imgsz=64) == [[], []]


def test_a_detection_model_draws_no_masks(tmp_path: Path) -> None:
    assert not isinstance(load_detector(str(seeded_yolo(tmp_path)), "cpu"), MaskDetector)
