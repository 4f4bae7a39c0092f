"""Hit testing of shapes."""

from __future__ import annotations

from collections.abc import Sequence

import shapely
from shapely.geometry import Point

from samdesk.ui.canvas.shapes import Shape


def hits(shapes: Sequence[Shape], x: float, y: float, reach: float) -> list[Shape]:
    """The shapes at a position, smallest first; the topmost first among equal ones.

    Args:
        shapes: In painting order, the last on top.
        x: Image pixels.
        y: Image pixels.
        reach: Tolerance, image pixels, if no shape is exactly there: for shapes too thin to hit.
    """
    near = [
        (i, s) for i, s in enumerate(shapes) if s.bounds.adjusted(-reach, -reach, reach, reach).contains(x, y)
    ]
    found = [(i, s) for i, s in near if shapely.contains_xy(s.region, x, y)]
    if not found and reach > 0:
        place = Point(x, y)
        found = [(i, s) for i, s in near if s.region.distance(place) <= reach]
    return [s for _, s in sorted(found, key=lambda pair: (pair[1].area, -pair[0]))]
