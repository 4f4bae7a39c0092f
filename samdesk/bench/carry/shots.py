"""Shots with known truth, made of annotated images: a moving camera, or one object that moves.

Both are seeded. Brightness, contrast and noise change from image to image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

from samdesk.base.cv import cv2
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import FloatArray, Region, RgbImage

STEPS = 6
LEAST_AREA = 32.0**2
"""Smallest object that is carried, square pixels: COCO's "medium" and "large" ones."""
LARGEST_PART = 0.5
"""Largest object that is carried, as a part of the image."""
_LEAST_VISIBLE = 0.8
"""Part of an object that must be on each image of a shot."""
_TRIES = 40
_TURN, _ZOOM = np.radians(2.0), 0.03
_OBJECT_TURN, _OBJECT_ZOOM = np.radians(1.0), 0.01
_GAIN, _OFFSET, _NOISE = 0.1, 8.0, 3.0
_HALF = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])
Matrix: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ShotImage:
    """One image of a shot.

    Attributes:
        rgb: (H, W, 3) uint8.
        truth: Where each object is; clipped to the image.
    """

    rgb: RgbImage
    truth: tuple[Region, ...]


@dataclass(frozen=True, eq=False)
class Shot:
    """``STEPS`` + 1 images, made when they are asked for.

    Attributes:
        image: The original.
        objects: Those on it that are carried.
        places: Where the whole image is on each, affine, (3, 3), points in pixels with centres at +0.5.
        seed: Of brightness, contrast and noise.
        background: If only ``objects[0]`` moves: what it moves over.
    """

    image: RgbImage
    objects: tuple[Region, ...]
    places: tuple[Matrix, ...]
    seed: int
    background: RgbImage | None = None

    def images(self) -> Iterator[ShotImage]:
        """The images, the first as the original is but for brightness and noise."""
        rng = np.random.default_rng((self.seed, 1))
        height, width = self.image.shape[:2]
        for place in self.places:
            rgb = self._rgb(place)
            truth = tuple(regions.clip(under(place, o), width, height) for o in self.objects)
            yield ShotImage(_exposed(rgb, rng), truth)

    def _rgb(self, place: Matrix) -> Any:
        moved = _warped(self.image, place, cv2.BORDER_REFLECT_101)
        if self.background is None:
            return moved
        height, width = self.image.shape[:2]
        mask = regions.rasterize(self.objects[0], height, width).astype(np.float32)
        alpha = np.clip(_warped(mask, place, cv2.BORDER_CONSTANT), 0, 1)[..., None]  # cubic overshoots
        return np.rint(moved * alpha + self.background * (1 - alpha)).astype(np.uint8)


def camera_shot(image: RgbImage, objects: Sequence[Region], step: float, seed: int) -> Shot | None:
    """The camera pans by ``step`` of the image's width each time, turns and zooms a little.

    Its heading changes at random so that most objects stay in the image; those that do not are left out.
    None: none stays.
    """
    rng = np.random.default_rng(seed)
    height, width = image.shape[:2]
    kept, places, heading = tuple(objects), [np.eye(3)], rng.uniform(0, 2 * np.pi)
    for _ in range(STEPS):
        best: tuple[int, Matrix, float] = -1, places[-1], heading
        for tries in range(_TRIES):
            towards = heading + rng.normal(0, 0.3 + np.pi * tries / _TRIES)
            centre = np.array([width / 2, height / 2])
            place = _step(rng, towards, step * width, centre, (_TURN, _ZOOM)) @ places[-1]
            stay = sum(_stays(o, place, width, height) for o in kept)
            if stay > best[0]:
                best = stay, place, towards
            if stay == len(kept):
                break
        heading = best[2]
        places.append(best[1])
        kept = tuple(o for o in kept if _stays(o, best[1], width, height))
    return Shot(image, kept, tuple(places), seed) if kept else None


def object_shot(
    image: RgbImage, region: Region, step: float, seed: int, background: RgbImage | None = None
) -> Shot | None:
    """One object moves by ``step`` of the image's width each time, turns and grows a little.

    Args:
        image: (H, W, 3) uint8.
        region: The object, image pixels.
        step: Part of the width.
        seed: Of its path and of the noise.
        background: What it moves over; None: the image with the object painted out.

    Returns:
        None if it has no room.
    """
    rng = np.random.default_rng(seed)
    height, width = image.shape[:2]
    places, heading = [np.eye(3)], rng.uniform(0, 2 * np.pi)
    for _ in range(STEPS):
        for tries in range(_TRIES):
            towards = heading + rng.normal(0, 0.3 + np.pi * tries / _TRIES)
            centre = np.array(under(places[-1], region).centroid.coords[0])
            place = _step(rng, towards, step * width, centre, (_OBJECT_TURN, _OBJECT_ZOOM)) @ places[-1]
            if _stays(region, place, width, height):
                break
        else:
            return None
        heading = towards
        places.append(place)
    behind = _painted_out(image, region) if background is None else background
    return Shot(image, (region,), tuple(places), seed, behind)


def under(place: Matrix, region: Region) -> Region:
    """The region under an affine map."""
    return regions.clean(shapely.transform(region, lambda xy: xy @ place[:2, :2].T + place[:2, 2]))


def _step(
    rng: np.random.Generator, heading: float, length: float, centre: FloatArray, most: tuple[float, float]
) -> Matrix:
    turn, zoom = rng.uniform(-most[0], most[0]), 1 + rng.uniform(-most[1], most[1])
    cos, sin = zoom * np.cos(turn), zoom * np.sin(turn)
    linear = np.array([[cos, -sin], [sin, cos]])
    shift = centre - linear @ centre + length * np.array([np.cos(heading), np.sin(heading)])
    return np.vstack([np.column_stack([linear, shift]), [0.0, 0.0, 1.0]])


def _stays(region: Region, place: Matrix, width: int, height: int) -> bool:
    moved = under(place, region)
    return bool(regions.clip(moved, width, height).area >= _LEAST_VISIBLE * moved.area)


def _warped(image: Any, place: Matrix, border: int) -> Any:
    height, width = image.shape[:2]
    index = np.linalg.inv(_HALF) @ place @ _HALF
    return cv2.warpAffine(image, index[:2], (width, height), flags=cv2.INTER_CUBIC, borderMode=border)


def _exposed(rgb: Any, rng: np.random.Generator) -> RgbImage:
    gain, offset = 1 + rng.uniform(-_GAIN, _GAIN), rng.uniform(-_OFFSET, _OFFSET)
    noise = rng.normal(0, _NOISE, rgb.shape).astype(np.float32)
    return np.asarray(np.clip(rgb * gain + offset + noise, 0, 255), np.uint8)


def _painted_out(image: RgbImage, region: Region) -> RgbImage:
    height, width = image.shape[:2]
    mask = regions.rasterize(region, height, width).astype(np.uint8)
    hidden = cv2.dilate(mask, np.ones((9, 9), np.uint8))
    return np.asarray(cv2.inpaint(image, hidden, 5, cv2.INPAINT_TELEA), dtype=np.uint8)
