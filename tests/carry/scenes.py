"""Images with a known move between them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from samdesk.domain.annotation import AnnotationId
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region, RgbImage

KEY = AnnotationId("a")
SIZE = (320, 240)
RING: Region = regions.clean(regions.from_box(120, 80, 200, 150) - regions.from_box(140, 100, 170, 130))


def texture(seed: int, size: tuple[int, int] = SIZE) -> RgbImage:
    """Smooth random colours with detail at several scales."""
    rng = np.random.default_rng(seed)
    shape = (size[1], size[0], 3)
    total = np.zeros(shape, np.float32)
    for sigma in (2.0, 6.0, 20.0):
        noise = cv2.GaussianBlur(rng.normal(0.0, 1.0, shape).astype(np.float32), (0, 0), sigma)
        total += noise / noise.std()
    return np.clip(128 + 30 * total, 0, 255).astype(np.uint8)


def camera(
    dx: float, dy: float, turn: float = 0.0, zoom: float = 1.0, size: tuple[int, int] = SIZE
) -> NDArray[np.float64]:
    """(3, 3): a turn in degrees and a zoom about the middle of the image, then a shift."""
    cos, sin = zoom * np.cos(np.radians(turn)), zoom * np.sin(np.radians(turn))
    linear = np.array([[cos, -sin], [sin, cos]])
    centre = np.array(size) / 2
    shift = centre - linear @ centre + (dx, dy)
    return np.vstack([np.column_stack([linear, shift]), [0.0, 0.0, 1.0]])


def seen_by(matrix: NDArray[np.float64], image: RgbImage) -> RgbImage:
    """The image after the camera has moved: a point p is at ``matrix @ p``, pixel centres at +0.5."""
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
    index = np.linalg.inv(half) @ matrix @ half
    moved = cv2.warpAffine(image, index[:2], image.shape[1::-1], borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(moved, np.uint8)


def under(matrix: NDArray[np.float64], region: Region) -> Region:
    """The region after the camera has moved."""
    import shapely

    return regions.clean(shapely.transform(region, lambda xy: xy @ matrix[:2, :2].T + matrix[:2, 2]))


def pasted(background: RgbImage, patch: RgbImage, x: int, y: int) -> RgbImage:
    """The background with a patch at (x, y)."""
    image = background.copy()
    image[y : y + patch.shape[0], x : x + patch.shape[1]] = patch
    return image
