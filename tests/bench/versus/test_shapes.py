"""Masks used in place of those of a trained network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from samdesk.bench.versus.shapes import padded, shapes
from samdesk.domain.geometry.contours import logits_to_region
from samdesk.domain.geometry.types import Frame


def test_drawn_shapes_have_few_rings_and_lie_in_the_image() -> None:
    hw = (600, 800)
    for logits in shapes(None).some(0, 24, padded(hw), hw):
        assert logits.shape == (256, 256)
        assert logits.min() >= -10.0001
        assert (logits[192:] == -10).all()  # padding
        region = logits_to_region(logits, padded(hw), hw)
        assert 0 < region.area < 0.6 * 600 * 800
        assert 1 <= sum(1 + len(part.interiors) for part in region.geoms) <= 6
        assert region.bounds[2] <= 800
        assert region.bounds[3] <= 600


def test_a_stretched_frame_shows_the_same_shape() -> None:
    hw = (300, 800)
    drawn = shapes(None)
    (stretched,) = drawn.some(3, 1, Frame(0, 0, 800, 300), hw)
    (square,) = drawn.some(3, 1, padded(hw), hw)
    a = logits_to_region(stretched, Frame(0, 0, 800, 300), hw)
    b = logits_to_region(square, padded(hw), hw)
    assert a.intersection(b).area / a.union(b).area > 0.95


def test_masks_of_coco_are_used_where_they_lie_beside_the_images(tmp_path: Path) -> None:
    square = [20, 10, 60, 10, 60, 70, 20, 70]
    speck = [0, 0, 2, 0, 2, 2, 0, 2]
    data = {
        "images": [{"id": 7, "height": 100, "width": 100}],
        "annotations": [{"image_id": 7, "segmentation": [ring]} for ring in (square, speck)],
    }
    (tmp_path / "images").mkdir()
    (tmp_path / "instances.json").write_text(json.dumps(data), "utf-8")
    found = shapes(tmp_path / "images")
    assert found.source == "1 masks of COCO"
    hw = (1000, 1000)
    (logits,) = found.some(5, 1, padded(hw), hw)
    region = logits_to_region(logits, padded(hw), hw)
    np.testing.assert_allclose(region.bounds, (200, 100, 600, 700), atol=12)
