"""Paints machine parts and their background: float RGB in 0..1, with seeded randomness."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region

Pixels = NDArray[np.float32]

_FINER = 3
"""Steps a pixel at which edges are drawn."""
_METALS = {
    "steel": (0.62, 0.63, 0.65), "zinc": (0.55, 0.60, 0.66), "brass": (0.74, 0.60, 0.30),
    "copper": (0.70, 0.44, 0.32), "black": (0.17, 0.17, 0.19), "dull": (0.42, 0.41, 0.39),
}  # fmt: skip


def noise(rng: np.random.Generator, height: int, width: int, cell_x: float, cell_y: float) -> Pixels:
    """(height, width) smooth noise around 0 whose grains are about cell_x by cell_y pixels."""
    rows, columns = int(height / cell_y) + 3, int(width / cell_x) + 3
    grid = rng.standard_normal((rows, columns)).astype(np.float32)
    return cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)


def ground(rng: np.random.Generator, height: int, width: int) -> Pixels:
    """(height, width, 3): wood, brushed metal, concrete or felt, unevenly lit."""
    kind = rng.choice(["wood", "metal", "concrete", "felt"])
    side = int(np.hypot(height, width)) + 2
    if kind == "wood":
        across = np.arange(side, dtype=np.float32)[:, None] / rng.uniform(9, 22)
        rings = np.sin(across + 2.2 * noise(rng, side, side, 260, 40))
        value = 0.07 * rings + 0.05 * noise(rng, side, side, 60, 1.3) + 0.03 * noise(rng, side, side, 4, 4)
        colour = np.array([0.56, 0.40, 0.26]) * rng.uniform(0.6, 1.2)
    elif kind == "metal":
        value = 0.05 * noise(rng, side, side, 90, 1.0) + 0.05 * noise(rng, side, side, 200, 60)
        colour = np.array([0.50, 0.51, 0.53]) * rng.uniform(0.6, 1.25)
    elif kind == "concrete":
        value = sum(0.035 * noise(rng, side, side, c, c) for c in (1.5, 4, 14, 60, 180))
        colour = np.array([0.52, 0.51, 0.48]) * rng.uniform(0.5, 1.2)
    else:
        value = 0.06 * noise(rng, side, side, 1.2, 1.2) + 0.04 * noise(rng, side, side, 30, 30)
        colour = rng.uniform(0.1, 0.45, 3)
    turned = _turned(np.asarray(value, np.float32), float(rng.uniform(0, 360)), height, width)
    return (colour * (1 + turned[..., None] * 2)).astype(np.float32)


def _turned(value: Pixels, degrees: float, height: int, width: int) -> Pixels:
    side = value.shape[0]
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), degrees, 1.0)
    matrix[:, 2] += [(width - side) / 2, (height - side) / 2]
    return cv2.warpAffine(value, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)


def clutter(image: Pixels, rng: np.random.Generator) -> None:
    """Draws scratches, stains and swarf, which are not parts, into an image."""
    height, width = image.shape[:2]
    for _ in range(rng.integers(2, 9)):
        points = np.cumsum(rng.normal(0, 16, (6, 2)), 0) + rng.uniform(0, 1, 2) * [width, height]
        line = (points * 16).astype(np.int32).reshape(1, -1, 2)
        tone = (image.mean() * rng.uniform(0.3, 1.7) * np.ones(3)).tolist()
        cv2.polylines(image, line, False, tone, int(rng.integers(1, 3)), cv2.LINE_AA, 4)
    for _ in range(rng.integers(0, 4)):
        stain = np.zeros((height, width), np.float32)
        at = (rng.uniform(0, 1, 2) * [width, height]).astype(int).tolist()
        axes = rng.integers(10, 60, 2).tolist()
        cv2.ellipse(stain, at, axes, float(rng.uniform(0, 180)), 0, 360, 1.0, -1)
        stain = cv2.GaussianBlur(stain, (0, 0), float(rng.uniform(2, 10)))
        image *= 1 - stain[..., None] * rng.uniform(0.1, 0.4)


def part(image: Pixels, region: Region, turn: float, light: NDArray[np.float64], seed: int) -> None:
    """Paints a part with its shadow into an image.

    Args:
        image: (H, W, 3), changed in place.
        region: Image pixels.
        turn: Of the part, radians: the way its surface is brushed.
        light: Where the light is from: x, y, up; length 1.
        seed: Of its metal and marks.
    """
    rng = np.random.default_rng(seed)
    x0, y0, x1, y1 = _window(region, image.shape[0], image.shape[1], 24)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return
    inside = regions.rasterize(
        regions.scale(regions.translate(region, -x0, -y0), _FINER, _FINER),
        (y1 - y0) * _FINER,
        (x1 - x0) * _FINER,
    ).astype(np.float32)
    size = (x1 - x0, y1 - y0)
    cover = cv2.resize(inside, size, interpolation=cv2.INTER_AREA)
    under = image[y0:y1, x0:x1]
    thick = float(rng.uniform(1.5, 5.0))
    under *= (1 - rng.uniform(0.35, 0.7) * _shadow(cover, light, thick))[..., None]
    fine = _surface(inside, turn, light, rng, float(np.sqrt(region.area)))
    surface = np.stack(
        [cv2.resize(c, size, interpolation=cv2.INTER_AREA) for c in np.moveaxis(fine, 2, 0)], 2
    )
    weight = np.maximum(cover, 1e-6)[..., None]  # fine is 0 outside: average over the inside only
    under[:] = under * (1 - cover[..., None]) + surface / weight * cover[..., None]


def _window(region: Region, height: int, width: int, margin: int) -> tuple[int, int, int, int]:
    x0, y0, x1, y1 = region.bounds
    return (
        max(0, int(x0) - margin), max(0, int(y0) - margin),
        min(width, int(x1) + margin), min(height, int(y1) + margin),
    )  # fmt: skip


def _shadow(cover: Pixels, light: NDArray[np.float64], thick: float) -> Pixels:
    shift = -light[:2] / max(light[2], 0.3) * thick
    moved = cv2.warpAffine(cover, np.float32([[1, 0, shift[0]], [0, 1, shift[1]]]), cover.shape[::-1])
    return cv2.GaussianBlur(moved, (0, 0), 0.7 + thick / 2.5)


def _surface(
    inside: Pixels, turn: float, light: NDArray[np.float64], rng: np.random.Generator, size: float
) -> Pixels:
    """(h, w, 3) on the finer grid, 0 outside."""
    height, width = inside.shape
    depth = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 5)
    bevel = max(2.5, size * rng.uniform(0.06, 0.16)) * _FINER * 0.6
    rise = (
        np.sqrt(np.clip(1 - (1 - np.minimum(depth, bevel) / bevel) ** 2, 0, 1))
        * bevel
        * rng.uniform(0.4, 1.0)
    )
    rise = cv2.GaussianBlur(rise, (0, 0), 1.2)
    side = max(height, width) + 2
    brushed = _turned(noise(rng, side, side, 40, 1.6), float(np.degrees(-turn)), height, width)
    rise = rise + brushed * rng.uniform(0.05, 0.5)
    normal = np.dstack([-cv2.Sobel(rise, -1, 1, 0, scale=1 / 8), -cv2.Sobel(rise, -1, 0, 1, scale=1 / 8),
                        np.ones_like(rise)])  # fmt: skip
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    lit = np.clip(normal @ light, 0, 1)
    half = light + np.array([0, 0, 1.0])
    shine = np.clip(normal @ (half / np.linalg.norm(half)), 0, 1) ** rng.uniform(12, 60)
    metal = np.array(_METALS[str(rng.choice(list(_METALS)))]) * rng.uniform(0.8, 1.15)
    spots = np.clip(noise(rng, height, width, 7 * _FINER, 7 * _FINER) - rng.uniform(0.9, 2.5), 0, 1)
    colour = metal * (0.30 + 0.75 * lit[..., None]) + rng.uniform(0.05, 0.4) * shine[..., None]
    colour = colour * (1 + 0.10 * noise(rng, height, width, 50 * _FINER, 50 * _FINER)[..., None])
    colour = colour * (1 - 0.5 * spots[..., None]) + 0.5 * spots[..., None] * np.array([0.30, 0.17, 0.09])
    return (np.clip(colour, 0, 1.2) * inside[..., None]).astype(np.float32)


def finish(image: Pixels, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Simulates a camera: uneven light, slight blur, noise; (H, W, 3) uint8."""
    height, width = image.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    slope = rng.uniform(-0.18, 0.18, 2)
    image = image * (1 + slope[0] * x + slope[1] * y - rng.uniform(0, 0.15) * (x * x + y * y))[..., None]
    image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 0.8)))
    image = image * rng.uniform(0.85, 1.15) * (1 + rng.uniform(-0.04, 0.04, 3))
    image = image + rng.normal(0, rng.uniform(0.006, 0.02), image.shape)
    return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
