"""Cutting an annotation that covers two objects in two, by one straight stroke between them."""

from __future__ import annotations

import numpy as np
import shapely

from samdesk.base.cv import cv2
from samdesk.bench.effort.mouse import Mouse, zoom_for
from samdesk.bench.effort.patch import Points, ScreenPatch
from samdesk.bench.effort.truth import TruthImage, TruthObject
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.cut import cut
from samdesk.domain.geometry.types import BoolArray, Region

_COVERED = 0.6
"""An annotation covers a second object if it has this share of it."""
_WORTH_CUTTING = 0.6
"""IoU that the second object's piece must have."""


def cut_between(
    region: Region, one: TruthObject, other: TruthObject, truth: TruthImage, mouse: Mouse
) -> tuple[Region, Region] | None:
    """Returns the pieces for two objects that an annotation covers; None if a stroke would not help."""
    with np.errstate(all="ignore"):  # GEOS divides by what may be 0, and goes on
        covered = shapely.intersection(region, other.region).area / other.region.area
    if covered < _COVERED:
        return None
    patch = ScreenPatch.around([region, one.region, other.region], truth.image_hw)
    line = _line_between(*(patch.raster(r) for r in (region, one.region, other.region)))
    if line is None:
        return None
    zoom = zoom_for(region.bounds)
    pieces = cut(region, mouse.stroke(patch.to_image(line), zoom)) or ()
    if len(pieces) < 2:
        return None
    for_one, for_other = (max(pieces, key=lambda p, t=t: regions.iou(p, t.region)) for t in (one, other))  # type: ignore[misc]
    helps = regions.iou(for_one, one.region) > regions.iou(region, one.region)
    if for_one is for_other or not helps or regions.iou(for_other, other.region) < _WORTH_CUTTING:
        return None
    return for_one, for_other


def _line_between(mask: BoolArray, one: BoolArray, other: BoolArray) -> Points | None:
    """The straight line that follows the middle between two objects in a mask, (2, 2) patch pixels."""
    far = [cv2.distanceTransform((~r).astype(np.uint8), cv2.DIST_L2, 3) for r in (one, other)]
    rows, columns = np.nonzero(mask & (np.abs(far[0] - far[1]) <= 1.5))
    if len(rows) < 2:
        return None
    points = np.column_stack([columns, rows]).astype(np.float64)
    middle = points.mean(axis=0)
    direction = np.linalg.svd(points - middle, full_matrices=False)[2][0]
    reach = float(np.abs((points - middle) @ direction).max()) * 1.2 + 2.0
    return np.array([middle - reach * direction, middle + reach * direction])
