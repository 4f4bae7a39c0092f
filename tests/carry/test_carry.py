"""Where the objects of one image are on the next."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from samdesk.carry import CarriedObject, LeftBehind, carry_objects, with_redrawn
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region, RgbImage

KEY = AnnotationId("a")
SIZE = (320, 240)
RING = regions.clean(regions.from_box(120, 80, 200, 150) - regions.from_box(140, 100, 170, 130))


def texture(seed: int, size: tuple[int, int] = SIZE) -> RgbImage:
    """Smooth random colours with detail at several scales."""
    rng = np.random.default_rng(seed)
    shape = (size[1], size[0], 3)
    total = np.zeros(shape, np.float32)
    for sigma in (2.0, 6.0, 20.0):
        noise = cv2.GaussianBlur(rng.normal(0.0, 1.0, shape).astype(np.float32), (0, 0), sigma)
        total += noise / noise.std()
    return np.clip(128 + 30 * total, 0, 255).astype(np.uint8)


def seen_by(camera: NDArray[np.float64], image: RgbImage) -> RgbImage:
    """The image after the camera has moved: a point p is at ``camera @ p``, pixel centres at +0.5."""
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
    index = np.linalg.inv(half) @ camera @ half
    return cv2.warpAffine(image, index[:2], image.shape[1::-1], borderMode=cv2.BORDER_REFLECT_101)


def carried(source: RgbImage, target: RgbImage, region: Region) -> CarriedObject:
    (result,) = carry_objects(source, target, [(KEY, region)])
    assert isinstance(result, CarriedObject), result
    return result


def reason(source: RgbImage, target: RgbImage, region: Region) -> str:
    (result,) = carry_objects(source, target, [(KEY, region)])
    assert isinstance(result, LeftBehind), result
    return result.reason


def test_an_object_follows_the_camera_and_keeps_its_hole() -> None:
    camera = np.array([[1.0, 0, 12.5], [0, 1.0, -7.25], [0, 0, 1]])
    image = texture(0)
    result = carried(image, seen_by(camera, image), RING)
    assert regions.iou(result.moved, regions.translate(RING, 12.5, -7.25)) > 0.97
    assert len(result.moved.geoms) == 1
    assert len(result.moved.geoms[0].interiors) == 1
    assert result.back > 0.95
    assert result.doubt == ""


@pytest.mark.parametrize(
    ("size", "words"),
    [((240, 320), "turned by 90 degrees"), ((640, 480), "another size: 640 x 480, not 320 x 240 pixels")],
)
def test_an_image_of_another_size_gets_nothing(size: tuple[int, int], words: str) -> None:
    assert words in reason(texture(0), texture(0, size), RING)


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
