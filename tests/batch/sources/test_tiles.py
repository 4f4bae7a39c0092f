"""Tiles: they cover an image, they are few, and no object is halved or there twice at their seams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samdesk.batch.find import DetectedBox, FoundObject
from samdesk.batch.models import find_objects
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.sources.base import SourceImage
from samdesk.batch.sources.detector import DetectorSource
from samdesk.batch.sources.settle import settle
from samdesk.batch.sources.tiled import TiledSource
from samdesk.batch.sources.tiles import EDGE, MOST_TILES, OVERLAP, Tile, layer, tiles
from samdesk.batch.sources.views import with_views
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.regions import from_box
from samdesk.domain.geometry.types import Region, RgbImage
from samdesk.engine.protocols import Detection
from tests.helpers.finding import ColourDetector, InnerPredictor, detected

PLAN = AutoAnnotatePlan()
LENGTHS = st.integers(1, 3000)
SIDES = st.integers(16, 900)
FEW = settings(max_examples=25, deadline=None)


@given(LENGTHS, LENGTHS, SIDES)
@FEW
def test_the_tiles_of_one_size_cover_every_pixel(height: int, width: int, side: int) -> None:
    rows, columns = np.zeros(height, bool), np.zeros(width, bool)
    seen = layer((height, width), side)
    for tile in seen:
        rows[tile.y0 : tile.y1] = columns[tile.x0 : tile.x1] = True
        assert 0 <= tile.x0 < tile.x1 <= width
        assert 0 <= tile.y0 < tile.y1 <= height
        assert (tile.x1 - tile.x0, tile.y1 - tile.y0) == (min(side, width), min(side, height))
    assert rows.all()
    assert columns.all()
    assert len(seen) == len({t.x0 for t in seen}) * len({t.y0 for t in seen}), "not a grid"
    most = [max(1, -(-length // (side - int(side * OVERLAP)))) for length in (height, width)]
    assert len(seen) <= most[0] * most[1]


@given(st.integers(1, 100_000), st.integers(1, 100_000), st.integers(1, 4000))
@FEW
def test_the_number_of_tiles_is_bounded(height: int, width: int, side: int) -> None:
    seen = tiles((height, width), side)
    assert len(seen) <= MOST_TILES
    assert seen[-1] == Tile(0, 0, width, height)
    assert len(set(seen)) == len(seen)


@given(LENGTHS, LENGTHS, st.integers(128, 900), st.data())
@FEW
def test_an_object_of_any_size_lies_whole_in_a_tile(
    height: int, width: int, side: int, data: st.DataObject
) -> None:
    w, h = data.draw(st.integers(1, width)), data.draw(st.integers(1, height))
    x, y = data.draw(st.integers(0, width - w)), data.draw(st.integers(0, height - h))
    box = (float(x), float(y), float(x + w), float(y + h))
    whole = [
        tile
        for tile in tiles((height, width), side)
        if tile.x0 <= x and tile.y0 <= y and x + w <= tile.x1 and y + h <= tile.y1
    ]
    uncut = [tile for tile in whole if not tile.cuts(box, (height, width))]
    assert uncut, "an edge cuts it in every tile"
    if max(w, h) <= side * (OVERLAP - 2 * EDGE) - 1:
        assert min(tile.side for tile in uncut) <= 1.25 * side, "it is whole only in larger tiles"


@pytest.mark.parametrize("side", [96, 160, 400])
@pytest.mark.parametrize("place", [(0, 0), (71, 50), (100, 130), (203, 171)])
def test_an_object_is_found_once_and_whole_wherever_the_seams_are(side: int, place: tuple[int, int]) -> None:
    """A small and a large object; a detector that sees any part of either."""
    image = np.full((480, 640, 3), 90, np.uint8)
    x, y = place
    image[y : y + 20, x : x + 30] = (250, 20, 20)
    image[260:460, 40:620] = (20, 20, 250)
    found = _found(image, side)
    boxes = sorted((f.detection.class_id, *(round(v) for v in _corners(f.detection))) for f in found)
    assert boxes == [(0, x, y, x + 30, y + 20), (2, 40, 260, 620, 460)]


def test_an_image_no_larger_than_a_tile_is_looked_at_once() -> None:
    image = np.full((60, 80, 3), 90, np.uint8)
    image[20:40, 20:40] = (250, 20, 20)
    detector = ColourDetector()
    plan = replace(PLAN, tile=640)
    [box] = TiledSource(DetectorSource(detector, plan), plan).find([_image(image)])[0]
    assert (detector.calls, box.view) == (1, None)


def test_a_part_that_a_tile_shows_whole_is_no_object_of_its_own() -> None:
    """A detector that sees the wheel of a bus as another bus: one bus stays."""
    bus, wheel = from_box(10, 10, 300, 200), from_box(40, 150, 90, 200)
    plan = AutoAnnotatePlan(tile=100)
    assert _settled([(bus, 0.6, 0), (wheel, 0.9, 0)], plan) == [0]
    assert _settled([(bus, 0.6, 0), (wheel, 0.9, 1)], plan) == [0, 1], "another class"
    assert _settled([(bus, 0.3, 0), (wheel, 0.9, 0)], plan) == [1], "a group that nothing speaks for"
    assert _settled([(bus, 0.6, 0), (wheel, 0.9, 0)], AutoAnnotatePlan()) == [0, 1], "no tiles"


def test_small_objects_share_views_and_have_room_in_them() -> None:
    boxes = [
        detected(x + dx, y + dy, x + dx + 20, y + dy + 20)
        for x, y in ((100, 100), (2900, 2000))
        for dx, dy in ((0, 0), (150, 40), (60, 200), (250, 250))
    ]
    large = detected(500, 500, 2500, 1500)
    placed = with_views([*boxes, large], (3000, 4000), 640)
    assert placed[-1].view is None
    views = {box.view for box in placed[:-1]}
    assert len(views) == 2, "each group in one view"
    for box in placed[:-1]:
        assert box.view is not None
        assert 640 <= box.view.side <= 1280


@given(st.lists(st.tuples(st.integers(0, 3900), st.integers(0, 1900), st.integers(1, 2000)), max_size=30))
@FEW
def test_a_view_holds_its_objects_with_room(places: list[tuple[int, int, int]]) -> None:
    hw = (2000, 4000)
    boxes = [detected(x, y, min(x + e, 4000), min(y + e // 2 + 1, 2000)) for x, y, e in places]
    placed = with_views(boxes, hw, 512)
    assert [replace_view(box) for box in placed] == boxes
    for box in placed:
        x0, y0, x1, y1 = box.region.bounds
        extent = max(x1 - x0, y1 - y0)
        if box.view is None:
            assert extent * 10 > 2000, "it is too small for the whole image"
            continue
        view = box.view
        assert view.side >= 512
        assert view.side <= max(10 * extent, 1024)
        for low, high, start, end, pixels in (
            (x0, x1, view.x0, view.x0 + view.side, 4000),
            (y0, y1, view.y0, view.y0 + view.side, 2000),
        ):
            assert start == int(start)
            assert start >= 0
            assert end <= max(pixels, view.side)
            assert low - start >= view.side * EDGE or start == 0
            assert end - high >= view.side * EDGE or end >= pixels


def replace_view(box: DetectedBox) -> DetectedBox:
    return replace(box, view=None)


def _image(pixels: RgbImage) -> SourceImage:
    return SourceImage(ImageKey("a.png"), pixels)


def _found(image: RgbImage, side: int) -> list[FoundObject]:
    plan = replace(PLAN, tile=side)
    source = TiledSource(DetectorSource(ColourDetector(), plan), plan)
    return settle(find_objects(source, InnerPredictor(), _image(image)), plan)


def _settled(objects: Sequence[tuple[Region, float, int]], plan: AutoAnnotatePlan) -> list[int]:
    found = [
        FoundObject(Detection(*region.bounds, score, class_id), region, 0.9)
        for region, score, class_id in objects
    ]
    return [found.index(one) for one in settle(found, plan)]


def _corners(d: Detection) -> tuple[float, float, float, float]:
    return d.x0, d.y0, d.x1, d.y1
