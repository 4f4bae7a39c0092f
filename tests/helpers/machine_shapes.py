"""The outlines of machine parts, with their holes: centred on the origin, about one unit across."""

from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Point, Polygon

from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region

NAMES = ("washer", "bracket", "nut", "gear", "bolt")
"""The kinds of parts; the index is the class id."""


def outline(name: str, rng: np.random.Generator) -> Region:
    """A part of a kind, of seeded proportions."""
    kinds = {"washer": _washer, "bracket": _bracket, "nut": _nut, "gear": _gear, "bolt": _bolt}
    return regions.clean(kinds[name](rng))


def _disc(radius: float, x: float = 0.0, y: float = 0.0) -> Polygon:
    return Point(x, y).buffer(radius, quad_segs=24)


def _washer(rng: np.random.Generator) -> Polygon:
    return _disc(0.45).difference(_disc(0.45 * rng.uniform(0.42, 0.68)))


def _nut(rng: np.random.Generator) -> Polygon:
    angles = np.arange(6) * np.pi / 3
    hexagon = Polygon(0.46 * np.stack([np.cos(angles), np.sin(angles)], 1))
    rounded = hexagon.buffer(-0.03).buffer(0.03, quad_segs=4)
    return rounded.difference(_disc(rng.uniform(0.2, 0.26)))


def _bracket(rng: np.random.Generator) -> Polygon:
    long, short, wide = 0.95, rng.uniform(0.55, 0.85), rng.uniform(0.22, 0.32)
    legs = shapely.box(0, 0, long, wide).union(shapely.box(0, 0, wide, short))
    legs = legs.buffer(-0.04).buffer(0.04, quad_segs=6)
    hole = wide * 0.24
    places = [(long - wide / 2, wide / 2), (wide / 2, short - wide / 2), (wide / 2, wide / 2)]
    if long > 3 * wide:
        places.append((long - 1.6 * wide, wide / 2))
    holes = shapely.union_all([_disc(hole, x, y) for x, y in places[: rng.integers(2, len(places) + 1)]])
    return shapely.affinity.translate(legs.difference(holes), -long * 0.4, -short * 0.4)


def _gear(rng: np.random.Generator) -> Polygon:
    teeth, depth = int(rng.integers(10, 22)), rng.uniform(0.06, 0.09)
    pitch = 2 * np.pi / teeth
    steps = np.array([-0.30, -0.16, 0.16, 0.30]) * pitch
    angles = (np.arange(teeth)[:, None] * pitch + steps).reshape(-1)
    radii = np.tile([0.47 - depth, 0.47, 0.47, 0.47 - depth], teeth)
    wheel = Polygon(np.stack([radii * np.cos(angles), radii * np.sin(angles)], 1))
    wheel = wheel.difference(_disc(rng.uniform(0.07, 0.13)))
    if rng.random() < 0.5:
        around = np.arange(5) * 2 * np.pi / 5
        wheel = wheel.difference(
            shapely.union_all([_disc(0.06, 0.24 * np.cos(a), 0.24 * np.sin(a)) for a in around])
        )
    return wheel


def _bolt(rng: np.random.Generator) -> Polygon:
    """From the side: a head and a shaft whose far part has a thread."""
    shaft, head = rng.uniform(0.09, 0.13), rng.uniform(0.2, 0.26)
    thread = np.linspace(0.0, 0.55, 23)
    ridge = shaft - 0.016 * (np.arange(23) % 2)
    upper = np.stack([thread, ridge], 1)
    body = Polygon(np.concatenate([[[-0.3, shaft]], upper, [[0.57, 0.5 * shaft]], [[0.57, -0.5 * shaft]],
                                   (upper * [1, -1])[::-1], [[-0.3, -shaft]]]))  # fmt: skip
    top = shapely.box(-0.46, -head, -0.29, head).buffer(-0.03).buffer(0.03, quad_segs=4)
    return body.union(top)


def placed(
    region: Region, rng: np.random.Generator, size: float, centre: tuple[float, float]
) -> tuple[Region, float]:
    """A part on the image: size px across, turned, a little foreshortened; and how far turned, radians."""
    turn = float(rng.uniform(0, 2 * np.pi))
    tilt, squeeze = rng.uniform(0, np.pi), rng.uniform(0.82, 1.0)

    def move(xy: np.ndarray) -> np.ndarray:
        xy = xy @ _rotation(turn).T
        return (xy @ _rotation(tilt).T * [1.0, squeeze]) @ _rotation(-tilt).T * size + np.array(centre)

    moved = regions.clean(shapely.transform(region, move))
    return MultiPolygon(moved), turn


def _rotation(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
