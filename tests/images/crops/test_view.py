"""The part of an image that a crop shows, and its pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from samdesk.images.crops.view import read_crops, view_around
from samdesk.images.errors import ImageError
from samdesk.images.reader import read_thumbnail

sides = st.integers(1, 4000)


@settings(max_examples=50)
@given(st.data())
def test_a_view_lies_in_the_image_and_has_the_annotation_in_it(data: st.DataObject) -> None:
    width, height = data.draw(sides), data.draw(sides)
    x0, y0 = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    x1, y1 = data.draw(st.integers(x0 + 1, width)), data.draw(st.integers(y0 + 1, height))
    left, top, right, bottom = view_around((x0, y0, x1, y1), (width, height))
    assert 0 <= left <= x0
    assert x1 <= right <= width
    assert 0 <= top <= y0
    assert y1 <= bottom <= height
    assert right - left >= min(width, (x1 - x0) * 1.4)
    assert bottom - top >= min(height, (y1 - y0) * 1.4)


def test_crops_show_their_views_at_the_size_asked_for(tmp_path: Path) -> None:
    pixels = np.zeros((400, 600, 3), np.uint8)
    pixels[100:200, 300:400] = (255, 0, 0)
    pixels[300:320, 20:40] = (0, 255, 0)
    path = tmp_path / "a.png"
    Image.fromarray(pixels).save(path)
    views = [view_around(b, (600, 400)) for b in ((300, 100, 400, 200), (20, 300, 40, 320))]
    large, small = read_crops(path, (600, 400), views, 70, read_thumbnail)
    assert large.shape == (70, 70, 3)
    assert large[35, 35].tolist() == [255, 0, 0]
    assert large[2, 2].tolist() == [0, 0, 0]
    assert small.shape == (28, 28, 3)  # not enlarged
    assert small[14, 14].tolist() == [0, 255, 0]


def test_a_file_of_another_size_shows_the_same_part(tmp_path: Path) -> None:
    pixels = np.zeros((200, 300, 3), np.uint8)
    pixels[50:100, 150:200] = 255
    path = tmp_path / "a.png"
    Image.fromarray(pixels).save(path)
    (crop,) = read_crops(path, (600, 400), [(300.0, 100.0, 400.0, 200.0)], 50, read_thumbnail)
    assert crop.min() == 255


def test_a_broken_image_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(ImageError):
        read_crops(tmp_path / "a.png", (10, 10), [(0.0, 0.0, 5.0, 5.0)], 50, read_thumbnail)
