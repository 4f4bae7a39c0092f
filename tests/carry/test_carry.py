"""Where the objects of one image are on the next."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samdesk.base.jobs import Cancelled
from samdesk.carry import CarriedObject, LeftBehind, carry_objects, with_redrawn
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region, RgbImage
from tests.carry.scenes import KEY, RING, SIZE, camera, pasted, seen_by, texture, under

FLAT = np.full((SIZE[1], SIZE[0], 3), 120, np.uint8)


def carried(source: RgbImage, target: RgbImage, region: Region) -> CarriedObject:
    (result,) = carry_objects(source, target, [(KEY, region)])
    assert isinstance(result, CarriedObject), result
    return result


def reason(source: RgbImage, target: RgbImage, region: Region) -> str:
    (result,) = carry_objects(source, target, [(KEY, region)])
    assert isinstance(result, LeftBehind), result
    return result.reason


@settings(max_examples=12, deadline=None)
@given(
    st.integers(0, 3),
    st.floats(-40, 40),
    st.floats(-30, 30),
    st.floats(-8, 8),
    st.floats(0.9, 1.1),
    st.floats(0.9, 1.1),
)
def test_an_object_follows_the_camera(
    seed: int, dx: float, dy: float, turn: float, zoom: float, light: float
) -> None:
    matrix = camera(dx, dy, turn, zoom)
    image = texture(seed)
    target = np.clip(seen_by(matrix, image) * light, 0, 255).astype(np.uint8)
    result = carried(image, target, RING)
    truth = regions.clip(under(matrix, RING), *SIZE)
    assert regions.iou(result.moved, truth) > 0.97
    assert result.moved.is_valid
    assert len(result.moved.geoms) == 1
    assert len(result.moved.geoms[0].interiors) == 1, "its hole"
    x0, y0, x1, y1 = result.moved.bounds
    assert min(x0, y0) >= 0
    assert (x1, y1) <= SIZE
    assert result.back > 0.95
    assert result.doubt == ""


def test_an_object_moves_on_its_own() -> None:
    background, patch = texture(0), texture(1, (60, 50))
    source, target = pasted(background, patch, 100, 80), pasted(background, patch, 148, 92)
    still = AnnotationId("b")
    objects = [(KEY, regions.from_box(100, 80, 160, 130)), (still, regions.from_box(20, 150, 70, 200))]
    moved, stayed = carry_objects(source, target, objects)
    assert isinstance(moved, CarriedObject)
    assert isinstance(stayed, CarriedObject)
    assert (moved.annotation_id, stayed.annotation_id) == (KEY, still)
    assert regions.iou(moved.moved, regions.from_box(148, 92, 208, 142)) > 0.95
    assert len(moved.moved.geoms[0].exterior.coords) == 5, "no vertices are added to straight edges"
    assert regions.iou(stayed.moved, objects[1][1]) > 0.95


def test_large_images_are_reduced_and_outlines_stay_in_their_pixels() -> None:
    size = (2000, 1500)
    image = np.kron(texture(0, (400, 300)), np.ones((5, 5, 1), np.uint8))
    matrix = camera(150, -90, size=size)
    region = regions.scale(RING, 6.25, 6.25)
    result = carried(image, seen_by(matrix, image), region)
    assert regions.iou(result.moved, under(matrix, region)) > 0.98


def test_another_scene_gets_nothing() -> None:
    assert "looks like it" in reason(texture(0), texture(5), RING)


def test_an_object_that_leaves_gets_nothing() -> None:
    image = texture(0)
    corner = regions.from_box(270, 90, 315, 150)
    assert reason(image, seen_by(camera(52, 0), image), corner) == "It has left the image"


def test_an_object_that_leaves_in_part_is_doubtful() -> None:
    image = texture(0)
    result = carried(image, seen_by(camera(60, 0), image), regions.from_box(230, 90, 290, 150))
    assert regions.iou(result.moved, regions.from_box(290, 90, 320, 150)) > 0.95
    assert result.doubt == "Part of it has left the image"
    (redrawn,) = with_redrawn([result], {KEY: result.moved})
    assert isinstance(redrawn, CarriedObject)
    assert redrawn.doubt == result.doubt


def test_a_speck_gets_nothing() -> None:
    assert "too small" in reason(texture(0), texture(0), regions.from_box(50.1, 50.1, 50.3, 50.4))


@pytest.mark.parametrize(
    ("size", "words"),
    [((240, 320), "turned by 90 degrees"), ((640, 480), "another size: 640 x 480, not 320 x 240 pixels")],
)
def test_an_image_of_another_size_gets_nothing(size: tuple[int, int], words: str) -> None:
    assert words in reason(texture(0), texture(0, size), RING)


def test_a_square_image_that_is_turned_gets_nothing() -> None:
    image = texture(0, (240, 240))
    assert "looks like it" in reason(image, np.rot90(image).copy(), regions.from_box(60, 90, 120, 150))


@pytest.mark.parametrize("size", [(1, 1), (7, 3), (20, 900)])
def test_tiny_and_flat_images_fail_in_no_method(size: tuple[int, int]) -> None:
    image = np.full((size[1], size[0], 3), 90, np.uint8)
    carry_objects(
        image, image, [(KEY, regions.from_box(0, 0, *size)), (KEY, regions.from_box(0, 0, 0.4, 0.4))]
    )
    carry_objects(FLAT, FLAT, [(KEY, RING)])
    assert carry_objects(image, image, []) == ()


def test_it_can_be_cancelled_between_steps() -> None:
    steps = count()

    def pause() -> None:
        if next(steps) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        carry_objects(texture(0), texture(0), [(KEY, RING)], pause)


def test_the_redrawn_outline_settles_the_doubt() -> None:
    image = texture(0)
    sure = carried(image, image, RING)
    beside = regions.translate(RING, 60, 0)
    agreed, other, none, kept = (
        with_redrawn([sure], redrawn)[0] for redrawn in ({KEY: RING}, {KEY: beside}, {KEY: regions.EMPTY}, {})
    )
    assert isinstance(agreed, CarriedObject)
    assert (agreed.doubt, agreed.redrawn) == ("", RING)
    assert agreed.overlap is not None
    assert agreed.overlap > 0.97
    assert isinstance(other, CarriedObject)
    assert "another outline" in other.doubt
    assert isinstance(none, CarriedObject)
    assert none.redrawn is None
    assert "no object" in none.doubt
    assert kept == sure
