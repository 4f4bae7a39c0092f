"""Masks and run lengths as regions, against the programs that define them."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco_mask

from samdesk.domain.geometry import regions
from samdesk.formats.shapes import brush_rle, masks, rle
from samdesk.formats.shapes.convert import ShapeError


def _blobs(height: int, width: int, seed: int = 1) -> Any:
    noise = np.random.default_rng(seed).random((height, width))
    return noise > 0.7


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 10_000))
def test_coco_run_lengths_are_those_of_pycocotools(height: int, width: int, seed: int) -> None:
    mask = _blobs(height, width, seed)
    text = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))["counts"].decode()
    counts = rle.from_text(text)
    if not mask.any():
        with pytest.raises(ShapeError, match="empty"):
            rle.from_rle({"size": [height, width], "counts": text})
        return
    region = rle.from_rle({"size": [height, width], "counts": text}, width, height)
    assert np.array_equal(regions.rasterize(region, height, width), mask)
    same = rle.from_rle({"size": [height, width], "counts": counts.tolist()})
    assert same.equals_exact(region)
    assert rle.to_text(region, width, height) == text
    assert rle.to_counts(region, width, height) == counts.tolist()


@pytest.mark.parametrize(
    "bad",
    [
        None,
        {},
        {"size": [3, 3]},
        {"size": [3, 3], "counts": [4, 4]},
        {"size": [3, 3], "counts": [-1, 10]},
        {"size": [3, 3], "counts": "`"},
        {"size": [3, 3], "counts": "é"},
        {"size": [3, 3], "counts": "0" * 90 + "o" * 40},
        {"size": [1 << 40, 1 << 40], "counts": [1]},
        {"size": [3, 3.0], "counts": [9]},
        {"size": [0, 3], "counts": []},
        {"size": [1 << 20, 1 << 20], "counts": [0, 1 << 40]},
        {"size": [3, 3], "counts": [1 << 80, 3]},
        {"size": [3, 3], "counts": [9]},
        {"size": [3, 3], "counts": "ooooooooooooo0" * 3},
    ],
)
def test_run_lengths_that_are_none_are_refused(bad: Any) -> None:
    with pytest.raises(ShapeError):
        rle.from_rle(bad)


def test_run_lengths_of_another_size_are_refused() -> None:
    with pytest.raises(ShapeError, match="its mask is 4 x 3 pixels, its image 4 x 5"):
        rle.from_rle({"size": [3, 4], "counts": [0, 12]}, 4, 5)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 10_000))
def test_brush_run_lengths_come_back(height: int, width: int, seed: int) -> None:
    mask = _blobs(height, width, seed)
    stream = brush_rle.encoded(mask, 0, 0, width, height)
    assert np.array_equal(brush_rle.decoded(stream, width, height), mask)
    within = brush_rle.decoded(brush_rle.encoded(mask, 3, 2, width + 5, height + 2), width + 5, height + 2)
    assert np.array_equal(within[2:, 3 : 3 + width], mask)
    assert within.sum() == mask.sum()


def test_brush_words_that_are_not_repeated_are_read() -> None:
    # Two pixels, red and half transparent, and an empty one, not repeated, in words of 8 bits.
    words = [255, 0, 0, 128, 0, 0, 0, 0]
    bits = f"{8:032b}{7:05b}" + "".join(f"{size - 1:04b}" for size in (3, 4, 8, 16))
    bits += "0" + "00" + f"{7:03b}" + "".join(f"{word:08b}" for word in words)
    bits += "0" * (-len(bits) % 8)
    stream = [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]
    assert brush_rle.decoded(stream, 2, 1).tolist() == [[True, False]]
    with pytest.raises(ShapeError, match="not of an image of 3 x 1"):
        brush_rle.decoded(stream, 3, 1)
    with pytest.raises(ShapeError, match="break off"):
        brush_rle.decoded(stream[:-3], 2, 1)
    for bad in (None, [], [256], [True, 1], ["1"], [0] * 7):
        with pytest.raises(ShapeError):
            brush_rle.decoded(bad, 2, 1)


def test_png_masks_come_back_and_damaged_ones_are_refused() -> None:
    mask = _blobs(12, 17)
    text = masks.to_png_text(mask)
    assert np.array_equal(masks.from_png_text(text), mask)
    data = base64.b64decode(text)
    bomb = data[:16] + (60_000).to_bytes(4, "big") * 2 + data[24:]
    for bad in (b"", b"no PNG at all", data[:30], data[: len(data) // 2], bomb):
        with pytest.raises(ShapeError):
            masks.from_png_text(base64.b64encode(bad).decode())
    with pytest.raises(ShapeError, match="base64"):
        masks.from_png_text("§§§")
    colour = io.BytesIO()
    Image.new("RGB", (2, 1), (0, 0, 9)).save(colour, "PNG")
    assert masks.from_png_text(base64.b64encode(colour.getvalue()).decode()).tolist() == [[True, True]]


def test_a_mask_lies_where_it_was_taken() -> None:
    mask = _blobs(20, 30)
    region = masks.from_mask(mask, 5, 7)
    whole = np.zeros((40, 50), dtype=np.bool_)
    whole[7:27, 5:35] = mask
    assert np.array_equal(regions.rasterize(region, 40, 50), whole)
    again, x, y = masks.to_mask(region, 50, 40)
    assert np.array_equal(again, whole[y : y + again.shape[0], x : x + again.shape[1]])
    assert again.sum() == whole.sum()
    assert masks.to_mask(regions.from_box(0.1, 0.1, 0.3, 0.3), 50, 40)[0].size == 0


def test_noise_is_outlined_on_larger_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masks, "MOST_CORNERS", 100)
    region = masks.from_mask(_blobs(64, 64), 3, 0)
    assert regions.is_drawable(region)
    assert region.bounds[0] >= 3
    with pytest.raises(ShapeError, match="empty"):
        masks.from_mask(np.zeros((4, 4), dtype=np.bool_))
