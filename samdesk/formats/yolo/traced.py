"""The outline of the pixels that a region has on the training grid.

An outline through the true edge, however exact, trains some pixels of the border that the region does not
have and misses others. For combs, rings and the like, with a border long for their area, that is more than
2%. An outline along the centres of the border pixels trains exactly the pixels of the region at the training
size; it is less exact at others.
"""

from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon

from samdesk.base.cv import cv2
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region
from samdesk.formats.yolo.trainer_raster import resized

_MOST_PIXELS = 4_000_000


def traced_core(region: Region, size: tuple[int, int], train_size: int, step: float) -> Region:
    """Returns the polygons through the centres of the border pixels, image pixels; perhaps empty.

    Parts one pixel wide have no area and are not in it.

    Args:
        region: Image pixels.
        size: Width and height of the image, pixels.
        train_size: Longer side of the images as the trainer sees them, pixels.
        step: Of the lattice that vertices are on, image pixels.
    """
    scale = np.array(resized(*size, train_size)) / size
    scaled: Region = shapely.transform(region, lambda xy: xy * scale)
    x0, y0, x1, y1 = scaled.bounds
    left, top = int(x0), int(y0)
    width, height = int(np.ceil(x1)) - left, int(np.ceil(y1)) - top
    if width * height > _MOST_PIXELS:
        return regions.EMPTY
    mask = regions.rasterize(regions.translate(scaled, -left, -top), height, width).view(np.uint8)
    found, levels = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if not found:
        return regions.EMPTY
    rings = [np.round((c[:, 0] + [left + 0.5, top + 0.5]) / scale / step) * step for c in found]
    shells = [i for i, level in enumerate(levels[0]) if level[3] < 0 and len(rings[i]) > 2]
    holes: dict[int, list[int]] = {i: [] for i in shells}
    for i, level in enumerate(levels[0]):
        if level[3] in holes and len(rings[i]) > 2:
            holes[level[3]].append(i)
    parts = [Polygon(rings[i], [rings[hole] for hole in holes[i]]) for i in shells]
    core = regions.clean(MultiPolygon(parts))
    return regions.clean(shapely.normalize(core))
